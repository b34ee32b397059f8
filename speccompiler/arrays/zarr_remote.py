"""A Zarr hierarchy on a server. Its own module: it needs both zarr and fsspec."""

from __future__ import annotations

from typing import Any

from zarr.core.buffer import default_buffer_prototype
from zarr.storage import FsspecStore

from speccompiler.arrays.places import Place
from speccompiler.arrays.remote_problems import network_problems


class RemoteStore(FsspecStore):  # type: ignore[misc]  # zarr is not followed
    """Objects below a URL; what goes wrong on the way to them is a ``Problem``."""

    place: Place

    @classmethod
    def at(cls, url: str, options: dict[str, Any], place: Place) -> RemoteStore:
        """The hierarchy at a URL; ``place`` is what messages speak of."""
        store: Any = cls.from_url(url, options, read_only=True)
        store.place = place
        found: RemoteStore = store
        return found

    async def get(self, key: str, prototype: Any = None, byte_range: Any = None) -> Any:
        """An object's bytes, or a range of them; None where there is none. CS186."""
        with network_problems(self.place):
            return await super().get(key, prototype or default_buffer_prototype(), byte_range)

    async def get_partial_values(self, prototype: Any, key_ranges: Any) -> list[Any]:
        """As ``get``, one after the other."""
        return [await self.get(key, prototype, wanted) for key, wanted in key_ranges]
