"""Blobs in a bucket: S3 or what speaks like it, for networks whose blobs outgrow the disks of the bus.

    s3://bucket/prefix      endpoint and keys by the usual AWS_* variables
    file:///folder          a folder that all services share

A blob's parts are objects `parts/<owner>/<digest>/<index>`; a record is `blobs/<name>`. Each is put where there is none
yet: the store must know conditional writes. What its owner lets go is deleted here; all else a rule of the bucket
deletes, after 60 days and never before, for what is borrowed counts on it.
"""

import asyncio
from collections.abc import Collection
from typing import Final

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import ObjectStore, from_url

from assay.bus.faults import RETRY_S
from assay.schema.errors import BadSettings, Retry

SCHEMES: Final = ("s3", "file", "memory")
# In a folder each of these takes a thread, and hundreds of threads for receipts that are stored together cost more
# memory and processor time than what is written.
AT_ONCE: Final = 32


class BucketKeeper:
    """The keeper over a store of objects."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._room = asyncio.Semaphore(AT_ONCE)

    async def part(self, owner: str, digest: str, index: int) -> bytes | None:
        """The part, if it is kept. Raises Retry."""
        return await self._get(f"parts/{owner}/{digest}/{index}")

    async def keep_part(self, owner: str, digest: str, index: int, data: bytes) -> bool:
        """Whether this part is the first at its place, and kept. Raises Retry."""
        return await self._put(f"parts/{owner}/{digest}/{index}", data)

    async def kept(self, owner: str, digest: str) -> set[int]:
        """Which parts of an upload are kept. Raises Retry."""
        try:
            found = await obstore.list(self._store, prefix=f"parts/{owner}/{digest}").collect_async()
        except (BaseError, OSError) as error:
            raise Retry(str(error), RETRY_S) from error
        return {int(each["path"].rpartition("/")[2]) for each in found}

    async def record(self, name: str) -> bytes | None:
        """The record of this name, if it is kept. Raises Retry."""
        return await self._get(f"blobs/{name}")

    async def keep_record(self, name: str, record: bytes) -> bool:
        """Whether this record is the first of its name, and kept. Raises Retry."""
        return await self._put(f"blobs/{name}", record)

    async def drop_parts(self, owner: str, digest: str, indexes: Collection[int] | None) -> None:
        """Delete these parts of an upload, or all; what is not there is not missed. Raises Retry."""
        found = await self.kept(owner, digest)
        chosen = found if indexes is None else found & set(indexes)
        await self._delete([f"parts/{owner}/{digest}/{index}" for index in chosen])

    async def drop_record(self, name: str) -> None:
        """Delete the record of this name, if there is one. Raises Retry."""
        await self._delete([f"blobs/{name}"])

    async def _delete(self, names: list[str]) -> None:
        try:
            await obstore.delete_async(self._store, names)
        except FileNotFoundError:
            return
        except (BaseError, OSError) as error:
            raise Retry(str(error), RETRY_S) from error

    async def _get(self, name: str) -> bytes | None:
        try:
            async with self._room:
                return bytes(await (await obstore.get_async(self._store, name)).bytes_async())
        except FileNotFoundError:
            return None
        except (BaseError, OSError) as error:
            raise Retry(str(error), RETRY_S) from error

    async def _put(self, name: str, data: bytes) -> bool:
        try:
            async with self._room:
                await obstore.put_async(self._store, name, data, mode="create")
        except AlreadyExistsError:
            return False
        except (BaseError, OSError) as error:
            raise Retry(str(error), RETRY_S) from error
        return True


def open_bucket(url: str) -> BucketKeeper:
    """The keeper at an address. Raises BadSettings."""
    if url.partition("://")[0] not in SCHEMES:
        raise BadSettings(f"Blobs cannot be kept there: the address starts with one of {', '.join(SCHEMES)}://.")
    try:
        return BucketKeeper(from_url(url))
    except (BaseError, ValueError, OSError) as error:
        raise BadSettings(f"Blobs cannot be kept there: {error}.") from None
