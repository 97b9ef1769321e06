"""NATS: the broker, the streams, the permissions and the accounts of the market."""

from typing import TYPE_CHECKING, Any

from assay.bus.port import Blobs, BlobStore, Bus, Consumer, Message, Record, Subscription

if TYPE_CHECKING:
    from assay.bus.jetstream import JetStreamBus, connect
    from assay.bus.memory import MemoryBus
    from assay.bus.participant import Door, connect_participant

__all__ = [
    "BlobStore",
    "Blobs",
    "Bus",
    "Consumer",
    "Door",
    "JetStreamBus",
    "MemoryBus",
    "Message",
    "Record",
    "Subscription",
    "connect",
    "connect_participant",
]

# Loaded when first asked for: a reader of the types alone pays for no client of NATS.
_HOMES = {
    "Door": "participant",
    "JetStreamBus": "jetstream",
    "MemoryBus": "memory",
    "connect": "jetstream",
    "connect_participant": "participant",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f"assay.bus.{_HOMES[name]}"), name)
