"""The bus on a real NATS server: streams, durable consumers, questions and blobs over one connection."""

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

from nats.aio.client import Client

from assay.bus.batches import cut
from assay.bus.blobs import StoredBlobs
from assay.bus.connection import open_connection
from assay.bus.core import CoreBus
from assay.bus.keeper import Keeper
from assay.bus.nats_keeper import NatsKeeper
from assay.bus.port import ACK_WAIT_S, Record
from assay.bus.publisher import publish_batch
from assay.bus.pull import PullConsumer
from assay.bus.safety import check_servers
from assay.bus.streams import (
    GIB,
    LANES,
    blob_stream_config,
    consumer_config,
    ensure_consumer,
    ensure_stream,
    fullness,
    stream_config,
)
from assay.schema.streams import Stream


class JetStreamBus(CoreBus):
    """The bus as a service of the core account has it, laid upon a connection that is up.

    `replicas` is how many servers keep each stream: 3 where there are so many. `monitoring_url` is only needed where
    the account cannot ask the servers themselves for their settings. `keeper` keeps the blobs, if not the servers.
    A stream of events holds `stream_bytes` at most, and refuses more.
    """

    def __init__(
        self,
        nc: Client,
        replicas: int = 1,
        monitoring_url: str | None = None,
        keeper: Keeper | None = None,
        stream_bytes: int = GIB,
    ) -> None:
        super().__init__(nc)
        self.blobs = StoredBlobs(keeper or NatsKeeper(nc))
        self._replicas = replicas
        self._monitoring_url = monitoring_url
        self._stream_bytes = stream_bytes

    async def ensure_streams(self, streams: Sequence[Stream]) -> None:
        """Make the streams as the table says, or change them to it, and the store of blobs. Raises Mismatch."""
        for stream in streams:
            await ensure_stream(self.nc, stream_config(stream, self._replicas, self._stream_bytes))
        configs = (blob_stream_config(lane, self._replicas) for lane in range(LANES))
        await asyncio.gather(*(ensure_stream(self.nc, config) for config in configs))

    async def fullness(self, streams: Iterable[str]) -> dict[str, float]:
        """The part of what it may hold that each of these streams of events holds."""
        return {name: await fullness(self.nc, name) for name in streams}

    async def consumer(
        self,
        stream: str,
        durable: str,
        subjects: Sequence[str],
        ack_wait_s: float = ACK_WAIT_S,
    ) -> PullConsumer:
        """The durable consumer with these filter subjects, made or changed to it; it starts at the stream's start."""
        await ensure_consumer(self.nc, stream, consumer_config(durable, subjects, ack_wait_s))
        return await PullConsumer.open(self.nc, stream, durable)

    async def publish(self, records: Sequence[Record]) -> None:
        """Put the records into their streams, in order within each; returns when they are on disk."""
        for batch in cut(records):
            await publish_batch(self.nc, batch)

    async def check_safe(self) -> None:
        """Raises Unsafe unless every server is seen to keep on disk what it acknowledges."""
        await check_servers(self.nc, self._monitoring_url)


async def connect(
    url: str,
    creds_file: Path | str | None = None,
    name: str = "assay",
    replicas: int = 1,
    monitoring_url: str | None = None,
) -> JetStreamBus:
    """The bus over a connection of its own. `name` is the service's. Raises Unreachable."""
    return JetStreamBus(await open_connection(url, creds_file, name), replicas, monitoring_url)
