"""The jobs of a run as its keeper sees them: sent once whatever happens, looked at until they are somewhere, withdrawn.

An order is written down before it is sent, with the id that its job will have; so whoever takes a run up again asks
first whether that job came in.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from assay.client.view import JobView
from assay.schema.errors import Refused, Retry, Unreachable
from assay.schema.job import JobSpec
from assay.schema.values import Requirements, cost_of, derive_id

POLL_S: Final = 0.5
GRACE_S: Final = 600
"""Beyond a round's deadline jobs may be in, so that it is the keeper who ends them."""
PROVEN: Final = frozenset({"verified", "settled"})
EXECUTED: Final = PROVEN | {"executed"}
LOST: Final = frozenset({"unfunded", "failed", "expired", "cancelled", "rejected", "refunded"})


class Market(Protocol):
    """What a keeper asks of a network; `assay.client.Assay` is one."""

    async def spec(self, kind: str, params: Mapping[str, Any], *, requirements: Requirements | None = None) -> JobSpec:
        """A job's spec as the network plans it. Raises Refused."""
        ...

    async def submit_spec(self, spec: JobSpec, price_limit: int, deadline_s: int = 0, job_id: str | None = None) -> str:
        """The id of a job that was taken. Raises Refused."""
        ...

    async def job(self, job_id: str) -> JobView:
        """A job as it stands. Raises Refused: job.unknown."""
        ...

    async def cancel(self, job_id: str) -> None:
        """Ask that a job be stopped. Raises Refused: job.over."""
        ...

    async def read(self, digest: str, seal: str | None = None) -> bytes:
        """A blob, made under a seal or not. Raises Refused: blob.*, key.*."""
        ...

    async def new_seal(self, regions: Sequence[str] = ()) -> str:
        """A seal for jobs in these regions. Raises Refused: key.*."""
        ...


@dataclass(frozen=True)
class Work:
    """A job that is wanted: of what kind, where, at most at which price for a million units, until when.

    What it makes is stored under the `seal`, if there is one; so lies what was `made` of its inputs.
    """

    kind: str
    params: Mapping[str, Any]
    requirements: Requirements
    price: int
    round_s: int
    seal: str | None
    made: frozenset[str]

    def sealed(self, spec: JobSpec) -> JobSpec:
        """The spec as it is ordered."""
        if self.seal is None:
            return spec
        made = tuple(digest for digest in spec.inputs if digest in self.made)
        # A garbled result may have the name of an input that was added sealed: it was made for the run all the same.
        sealed = tuple(digest for digest in spec.sealed if digest not in self.made)
        return spec.model_copy(update={"seal": self.seal, "made": made, "sealed": sealed})


class Jobs:
    """A keeper's hands. `tell` hears each job whenever it is looked at; `pause_s` passes between two looks."""

    def __init__(self, market: Market, now_ms: Callable[[], int], tell: Callable[[JobView], object]) -> None:
        self.market, self.now_ms, self.tell = market, now_ms, tell
        self.pause_s = POLL_S

    async def order(self, work: Work, standing: str | None, note: Callable[[str], object]) -> str:
        """The id of the job for this work: the one that stands, or one that is noted, then sent. Raises Refused."""
        spec = work.sealed(await self.market.spec(work.kind, work.params, requirements=work.requirements))
        job_id = standing
        if job_id is None:
            job_id = derive_id("j", secrets.token_hex(16))
            note(job_id)
        elif await self.is_in(job_id):
            return job_id
        limit = cost_of(spec.segments * spec.segment_units, work.price) + 1
        try:
            await self.market.submit_spec(spec, limit, work.round_s + GRACE_S, job_id)
        except Refused as refusal:
            # Sent before the keeper was ended, and in by now.
            if refusal.code != "job.bad_order" or not await self.is_in(job_id):
                raise
        return job_id

    async def is_in(self, job_id: str) -> bool:
        """Whether a job that was written down came in before the keeper was ended."""
        try:
            await self.market.job(job_id)
        except Refused as refusal:
            if refusal.code != "job.unknown":
                raise
            return False
        return True

    async def withdraw(self, job_id: str) -> None:
        """Withdraw a job that was too slow: what it did is paid."""
        try:
            await self.market.cancel(job_id)
        except Refused as refusal:
            if refusal.code not in ("job.over", "job.unknown"):
                raise

    async def until(
        self,
        job_id: str,
        states: frozenset[str],
        deadline_ms: int | None = None,
        is_vain: Callable[[JobView], bool] = lambda view: False,
    ) -> JobView | None:
        """The job once it is in one of these states, or waits in vain; None if the deadline comes first.

        An outage is waited out.
        """
        while True:
            try:
                view = await self.market.job(job_id)
                self.tell(view)
                if view.state in states or is_vain(view):
                    return view
            except (Retry, Unreachable):
                pass
            except Refused as refusal:
                if refusal.code != "rate.exceeded":
                    raise
            if deadline_ms is not None and self.now_ms() >= deadline_ms:
                return None
            await asyncio.sleep(self.pause_s)
