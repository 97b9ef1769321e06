"""Blobs in memory: what a twin of the bus keeps."""

from collections.abc import Collection


class MemoryKeeper:
    """The keeper that forgets all when its process ends."""

    def __init__(self) -> None:
        self._parts: dict[tuple[str, str], dict[int, bytes]] = {}
        self._records: dict[str, bytes] = {}

    async def part(self, owner: str, digest: str, index: int) -> bytes | None:
        """The part, if it is kept."""
        return self._parts.get((owner, digest), {}).get(index)

    async def keep_part(self, owner: str, digest: str, index: int, data: bytes) -> bool:
        """Whether this part is the first at its place, and kept."""
        parts = self._parts.setdefault((owner, digest), {})
        if index in parts:
            return False
        parts[index] = bytes(data)
        return True

    async def kept(self, owner: str, digest: str) -> set[int]:
        """Which parts of an upload are kept."""
        return set(self._parts.get((owner, digest), ()))

    async def record(self, name: str) -> bytes | None:
        """The record of this name, if it is kept."""
        return self._records.get(name)

    async def keep_record(self, name: str, record: bytes) -> bool:
        """Whether this record is the first of its name, and kept."""
        if name in self._records:
            return False
        self._records[name] = bytes(record)
        return True

    async def drop_parts(self, owner: str, digest: str, indexes: Collection[int] | None) -> None:
        """Delete these parts of an upload, or all."""
        parts = self._parts.get((owner, digest), {})
        for index in list(parts) if indexes is None else indexes:
            parts.pop(index, None)

    async def drop_record(self, name: str) -> None:
        """Delete the record of this name, if there is one."""
        self._records.pop(name, None)
