"""How records are cut into what the server takes all or not at all, each with one write to disk (ADR-50 of NATS)."""

from collections.abc import Iterator, Sequence
from typing import Final

from assay.bus.port import Record
from assay.schema.errors import Reject
from assay.schema.streams import STREAMS

BATCH_MESSAGES_MAX: Final = 1000
# A batch waits in the server's memory until it is complete.
BATCH_BYTES_MAX: Final = 16 * 2**20

_STREAM_OF_ENTITY: Final = {entity: stream.name for stream in STREAMS for entity in stream.entities}


def stream_name_of(subject: str) -> str:
    """The stream that holds a subject. Raises Reject if none does."""
    entity = subject.split(".", 2)[1] if subject.count(".") else ""
    if entity not in _STREAM_OF_ENTITY:
        raise Reject(f"No stream holds {subject}.")
    return _STREAM_OF_ENTITY[entity]


def cut(records: Sequence[Record]) -> Iterator[list[Record]]:
    """The records in batches: one stream each, in the order given, within the limits of a batch."""
    by_stream: dict[str, list[Record]] = {}
    for record in records:
        by_stream.setdefault(stream_name_of(record.subject), []).append(record)
    for of_stream in by_stream.values():
        yield from _cut_by_size(of_stream)


def batch_headers(record: Record, batch_id: str, position: int, size: int) -> dict[str, str]:
    """The record's headers with its place (from 1) in a batch; the last one commits it."""
    headers = {**record.headers, "Nats-Msg-Id": record.id, "Nats-Batch-Id": batch_id}
    headers["Nats-Batch-Sequence"] = str(position)
    if position == size:
        headers["Nats-Batch-Commit"] = "1"
    return headers


def _cut_by_size(records: list[Record]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    room_bytes, ids = BATCH_BYTES_MAX, set[str]()
    for record in records:
        # The server refuses a batch that names an id twice; said twice in one call, it is simply said once.
        if record.id in ids:
            continue
        if batch and (len(batch) == BATCH_MESSAGES_MAX or len(record.data) > room_bytes):
            yield batch
            batch, room_bytes = [], BATCH_BYTES_MAX
        batch.append(record)
        ids.add(record.id)
        room_bytes -= len(record.data)
    if batch:
        yield batch
