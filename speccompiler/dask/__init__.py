"""Models over dask arrays, and runs on a cluster."""
