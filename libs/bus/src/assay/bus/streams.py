"""The streams, the store of blobs and the durable consumers as the server is told of them.

Nothing acknowledged is dropped to make room: a full stream refuses (`discard: new`), and nobody deletes or purges
events. Blobs are let go by their owners.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from nats.aio.client import Client

from assay.bus.api import STREAM_UNKNOWN, ServerRefused, call
from assay.schema.errors import Mismatch, Retry
from assay.schema.event import EVENT_BYTES_MAX
from assay.schema.streams import BLOB_AGE_S, Stream

SECOND_NS: Final = 10**9
HEADERS_BYTES_MAX: Final = 8 * 1024
DUPLICATE_WINDOW_S: Final = 600
ACK_PENDING_MAX: Final = 1024
# The bus itself never gives up: who reads does, and then there is a dead letter to look at.
NEVER: Final = 1_000_000
GIB: Final = 2**30

BUCKET: Final = "BLOBS"
BLOB_STREAM: Final = f"OBJ_{BUCKET}"
# A stream takes one message at a time, and syncs it before the next: parts of a blob lie in so many streams in turn.
LANES: Final = 8
LANE_STREAMS: Final = (BLOB_STREAM, *(f"PARTS_{lane}" for lane in range(1, LANES)))
"""Of parts in the order of their indexes; the first one holds records, too."""


def lane_subject(lane: int) -> str:
    """What the subjects of the parts in a lane begin with."""
    return f"$O.{BUCKET}.P.{lane}" if lane else f"$O.{BUCKET}.C"


def stream_config(stream: Stream, replicas: int, max_bytes: int) -> dict[str, Any]:
    """The settings of a stream of events, of which the server sets `max_bytes` of its disk aside."""
    return {
        "name": stream.name,
        "subjects": stream.subjects,
        "storage": "file",
        "retention": "limits",
        "discard": "new",
        "max_age": stream.max_age_s * SECOND_NS,
        "max_bytes": max_bytes,
        "max_msg_size": EVENT_BYTES_MAX + HEADERS_BYTES_MAX,
        "duplicate_window": DUPLICATE_WINDOW_S * SECOND_NS,
        "num_replicas": replicas,
        "allow_atomic": True,
        "deny_delete": True,
        "deny_purge": True,
    }


def blob_stream_config(lane: int, replicas: int) -> dict[str, Any]:
    """The settings of the bucket of blobs, or of what holds the parts of another lane."""
    records = () if lane else (f"$O.{BUCKET}.M.>",)
    return {
        "name": LANE_STREAMS[lane],
        "subjects": [f"{lane_subject(lane)}.>", *records],
        "storage": "file",
        "retention": "limits",
        "discard": "new",
        "max_age": BLOB_AGE_S * SECOND_NS,
        "max_msgs_per_subject": 1,
        "num_replicas": replicas,
        "allow_direct": True,
        "allow_rollup_hdrs": True,
        "allow_atomic": True,
    }


def consumer_config(durable: str, subjects: Sequence[str], ack_wait_s: float) -> dict[str, Any]:
    """The settings of a durable consumer: everything from the stream's start, each message settled by itself."""
    return {
        "durable_name": durable,
        "name": durable,
        "deliver_policy": "all",
        "ack_policy": "explicit",
        "replay_policy": "instant",
        "filter_subjects": sorted(subjects),
        "ack_wait": int(ack_wait_s * SECOND_NS),
        "max_deliver": NEVER,
        "max_ack_pending": ACK_PENDING_MAX,
    }


async def ensure_stream(nc: Client, wanted: Mapping[str, Any]) -> None:
    """Make the stream, or change it to what is wanted. Raises Mismatch if this user may not change it."""
    name = wanted["name"]
    try:
        found = (await call(nc, f"STREAM.INFO.{name}"))["config"]
    except ServerRefused as error:
        if error.err_code != STREAM_UNKNOWN:
            raise
        await call(nc, f"STREAM.CREATE.{name}", dict(wanted))
        return
    if all(found.get(key) == value for key, value in wanted.items()):
        return
    try:
        await call(nc, f"STREAM.UPDATE.{name}", {**found, **wanted})
    except Retry:
        raise Mismatch(f"Stream {name} is of another version, and only the gateway may change it.") from None


async def fullness(nc: Client, name: str) -> float:
    """The part of what a stream may hold that it holds."""
    info = await call(nc, f"STREAM.INFO.{name}")
    return float(info["state"]["bytes"] / info["config"]["max_bytes"])


async def ensure_consumer(nc: Client, stream: str, config: Mapping[str, Any]) -> None:
    """Make the durable consumer, or change it; how far it has read is kept."""
    body = {"stream_name": stream, "config": dict(config)}
    await call(nc, f"CONSUMER.CREATE.{stream}.{config['durable_name']}", body)
