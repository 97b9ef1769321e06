"""NATS: the broker, the streams, the permissions and the accounts of the market."""

from typing import TYPE_CHECKING, Final

from assay.schema.lazily import lazily, without

# nats-py takes it for websockets, which nobody here speaks, and it is a fifth of a command's start.
with without("aiohttp"):
    import nats.aio.transport  # noqa: F401

if TYPE_CHECKING:
    from assay.bus.jetstream import JetStreamBus as JetStreamBus
    from assay.bus.jetstream import connect as connect
    from assay.bus.memory import MemoryBus as MemoryBus
    from assay.bus.participant import Door as Door
    from assay.bus.participant import connect_participant as connect_participant
    from assay.bus.port import Blobs as Blobs
    from assay.bus.port import BlobStore as BlobStore
    from assay.bus.port import Bus as Bus
    from assay.bus.port import Consumer as Consumer
    from assay.bus.port import Message as Message
    from assay.bus.port import Record as Record
    from assay.bus.port import Subscription as Subscription

HOMES: Final = {
    "jetstream": ("JetStreamBus", "connect"),
    "memory": ("MemoryBus",),
    "participant": ("Door", "connect_participant"),
    "port": ("Blobs", "BlobStore", "Bus", "Consumer", "Message", "Record", "Subscription"),
}
"""Loaded when first asked for: whoever takes part pays neither for streams nor for the twin in memory."""

__getattr__ = lazily(__name__, HOMES)
