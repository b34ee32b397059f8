"""Two models side by side: which layers are the same, what changed, and what that means."""
