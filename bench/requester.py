"""The requester of a benchmark: submits jobs over one connection and hears, as anybody may, when each is over."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Self

from assay.client.sdk import Assay
from assay.schema.job import JobSpec

PAID: Final = "assay.job.settled.*.*"
JOB_S: Final = 60.0


class Requester:
    """Jobs of one spec, each from its submission to its payment on chain."""

    def __init__(self, assay: Assay, spec: JobSpec, price_limit: int) -> None:
        self._assay, self._spec, self._price_limit = assay, spec, price_limit
        self._paid: dict[str, asyncio.Event] = {}

    @classmethod
    @asynccontextmanager
    async def open(cls, assay: Assay, spec: JobSpec, price_limit: int) -> AsyncIterator[Self]:
        """A requester that hears of payments from now on."""
        requester = cls(assay, spec, price_limit)
        listening = asyncio.create_task(requester._listen())
        await asyncio.sleep(0)
        try:
            yield requester
        finally:
            listening.cancel()

    async def job(self) -> None:
        """Returns when one more job is paid. Raises TimeoutError."""
        # Work of its own, so that no blob of one job is there already from another.
        spec = self._spec.model_copy(update={"params": {**self._spec.params, "payload": secrets.token_hex()}})
        job_id = await self._assay.submit_spec(spec, self._price_limit)
        async with asyncio.timeout(JOB_S):
            await self._event(job_id).wait()
        del self._paid[job_id]

    async def _listen(self) -> None:
        async for message in self._assay.door.events(PAID):
            self._event(message.subject.rpartition(".")[2]).set()

    def _event(self, job_id: str) -> asyncio.Event:
        return self._paid.setdefault(job_id, asyncio.Event())
