"""Durable publishing: one write to the server's disk for a whole batch.

With `sync_interval: always` every message costs a sync of the disk, and keeping many in flight does not help; an
atomic batch costs about five whatever its size (docs/adr has the figures), so that a few messages go singly.
"""

import asyncio
import uuid
from collections.abc import Sequence
from typing import Final

from nats.aio.client import Client

from assay.bus.api import DUPLICATE_IN_BATCH, ServerRefused, request
from assay.bus.batches import batch_headers
from assay.bus.faults import RETRY_S, typed_faults
from assay.bus.port import Record
from assay.schema.errors import Retry

PUBLISH_TIMEOUT_S: Final = 10.0
SINGLES_MAX: Final = 4
SINGLES_IN_FLIGHT: Final = 64


async def publish_batch(nc: Client, batch: Sequence[Record]) -> None:
    """Put the records of one stream on its disk in their order. Raises Retry, Unreachable."""
    if not nc.is_connected and not nc.is_closed:
        raise Retry("Nothing was published: the connection is down.", RETRY_S)
    try:
        if len(batch) > SINGLES_MAX:
            await _publish_all(nc, batch)
        else:
            await _publish_singly(nc, batch)
    except ServerRefused as error:
        if error.err_code != DUPLICATE_IN_BATCH:
            raise Retry(str(error), RETRY_S) from error
        # Some of these are in already: said one by one, the server drops just those.
        await _publish_singly(nc, batch)


async def _publish_all(nc: Client, batch: Sequence[Record]) -> None:
    batch_id = uuid.uuid4().hex
    headers = [batch_headers(record, batch_id, at, len(batch)) for at, record in enumerate(batch, start=1)]
    with typed_faults(batch[0].subject):
        for record, of_record in zip(batch[:-1], headers[:-1], strict=True):
            await nc.publish(record.subject, record.data, headers=of_record)
    last = batch[-1]
    ack = await request(nc, last.subject, last.data, headers[-1], PUBLISH_TIMEOUT_S)
    if ack.get("count") != len(batch):
        raise Retry(f"A batch of {len(batch)} was taken as {ack.get('count')} messages.", RETRY_S)


async def _publish_one(nc: Client, record: Record) -> None:
    headers = {**record.headers, "Nats-Msg-Id": record.id}
    await request(nc, record.subject, record.data, headers, PUBLISH_TIMEOUT_S)


async def _publish_singly(nc: Client, batch: Sequence[Record]) -> None:
    """One connection keeps their order, so many may be in flight."""
    for first in range(0, len(batch), SINGLES_IN_FLIGHT):
        some = batch[first : first + SINGLES_IN_FLIGHT]
        ends = await asyncio.gather(*(_publish_one(nc, record) for record in some), return_exceptions=True)
        for end in ends:
            if isinstance(end, ServerRefused):
                raise Retry(str(end), RETRY_S) from end
            if isinstance(end, BaseException):
                raise end
