"""Models over arrays and files: runs, comparisons, and models whose lengths are open."""
