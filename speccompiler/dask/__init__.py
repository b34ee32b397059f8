"""Dask arrays through a model, block by block, on whatever scheduler there is.

Needs the extra ``dask``. Inside this package ``import dask`` is the library: imports are absolute.
"""

from speccompiler.dask.mapped_arrays import map_array, task_memory

__all__ = ["map_array", "task_memory"]
