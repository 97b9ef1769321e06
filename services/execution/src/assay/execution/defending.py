"""What a provider answers for later: in a dispute, or by a trace. It goes by its journal, and runs a segment again."""

import asyncio
import logging
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from assay.execution.inputs import Cache
from assay.execution.rooms import prepare
from assay.proof.keys import Key
from assay.runtime.naming import made_of, name_of
from assay.runtime.outgoing import Outgoing
from assay.schema.dispute import DisputeLodged
from assay.schema.errors import Refused
from assay.schema.job import JobSpec
from assay.store.journal import Journal
from assay.workloads import HeldInputs, ModelStore, read_params, workload
from assay.workloads.court.litigant import Brief, Defendant, brief_of
from assay.workloads.runner import Runner
from assay.workloads.sandbox import Policy
from assay.workloads.task import Failed, SegmentDone, Task, Trace, Traced

IDLE_S: Final = 30.0
"""How long the child waits for another dispute: disputes of an epoch come together, and each start costs seconds."""

log = logging.getLogger(__name__)


class CannotTrace(Exception):
    """The machine cannot make the trace now."""


@dataclass(slots=True)
class Past:
    """What a provider has of the leases that it had; a child process of its own runs a segment again.

    One child serves all, one after the other: it starts with the first, and ends when none came for a while.
    """

    journal: Journal
    cache: Cache
    room: Policy
    log_file: Path
    make_runner: Callable[[Path, Policy], Runner] = Runner
    """What has programs executed does so here as for leases: in Pods alone, where a cluster is named."""
    _runner: Runner | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _leaving: asyncio.Task[None] | None = None

    @property
    def models_dir(self) -> Path:
        """The model store."""
        return self.room.models

    async def brief(self, lodged: DisputeLodged) -> Brief:
        """What the court is told from. Raises Refused, WorkloadError."""
        spec, checkpoint = self.ground(lodged.lease_id, lodged.segment)
        with self.cache.reading(spec):
            contents = {digest: await self.cache.read(name_of(digest, spec)) for digest in spec.inputs}
            before = await self.cache.read(made_of(checkpoint, spec)) if checkpoint else None
        inputs, params = HeldInputs(ModelStore(self.models_dir), contents), read_params(spec.kind, spec.params)
        return await asyncio.to_thread(brief_of, workload(spec.kind), params, inputs, lodged.segment, before)

    async def confirms(self, lodged: DisputeLodged) -> bool:
        """Whether the segment, run again, is what was claimed; a machine that cannot run it now proves nothing."""
        spec, checkpoint = self.ground(lodged.lease_id, lodged.segment)
        with self.cache.reading(spec):
            return await self._run_again(lodged, spec, checkpoint)

    async def _run_again(self, lodged: DisputeLodged, spec: JobSpec, checkpoint: str | None) -> bool:
        async with self.child("dispute-") as (runner, folder):
            job = await self._job(spec, checkpoint, folder)
            task = Task(**job, first=lodged.segment, last=lodged.segment + 1, wants_result=False)
            return await self._is_same(runner, task, lodged)

    async def trace(self, lease_id: str, segment: int) -> tuple[str, str]:
        """Root and blob of the trace of a segment that was committed. Raises CannotTrace, Refused."""
        spec, checkpoint = self.ground(lease_id, segment)
        with self.cache.reading(spec):
            return await self._traced(spec, checkpoint, segment)

    async def _traced(self, spec: JobSpec, checkpoint: str | None, segment: int) -> tuple[str, str]:
        async with self.child("trace-") as (runner, folder):
            task = Trace(**await self._job(spec, checkpoint, folder), segment=segment)
            async for message in runner.run(task):
                match message:
                    case Traced():
                        return message.root, await self.cache.publish(Path(message.path), spec)
                    case Failed():
                        raise CannotTrace(f"{message.code}: {message.detail}")
        raise CannotTrace("the child said nothing")

    @asynccontextmanager
    async def child(self, prefix: str) -> AsyncIterator[tuple[Runner, str]]:
        """The child, for one task, with a folder of its own."""
        prepare(self.room)
        async with self._turn:
            if self._leaving:
                self._leaving.cancel()
            runner = self._runner = self._runner or self.make_runner(self.log_file, self.room)
            try:
                with tempfile.TemporaryDirectory(dir=self.room.scratch, prefix=prefix) as folder:
                    try:
                        yield runner, folder
                    finally:
                        shutil.rmtree(self._laid(folder), ignore_errors=True)
            finally:
                self._leaving = asyncio.create_task(self._leave())

    async def lay(self, name: str, folder: str) -> str:
        """The file of a blob where the child may read it, for as long as the task's folder. Raises Refused."""
        return str(await self.cache.lay(name, self._laid(folder)))

    def _laid(self, folder: str) -> Path:
        return (self.room.inputs or self.room.scratch) / Path(folder).name

    async def _leave(self) -> None:
        await asyncio.sleep(IDLE_S)
        await self.close()

    async def close(self) -> None:
        """End the child, if it runs; the next dispute starts another."""
        if self._runner:
            await self._runner.kill()

    def evidence(self, lodged: DisputeLodged) -> str | None:
        """The blob of the state that it committed to."""
        commits = {commit.segment: commit for commit in self.journal.committed(lodged.lease_id)}
        return commits[lodged.segment].checkpoint if lodged.segment in commits else None

    async def _is_same(self, runner: Runner, task: Task, lodged: DisputeLodged) -> bool:
        async for message in runner.run(task):
            match message:
                case SegmentDone():
                    return message.state_digest == lodged.claimed
                case Failed():
                    log.warning("the segment cannot be run again: %s", message.detail)
        return True

    async def _job(self, spec: JobSpec, checkpoint: str | None, folder: str) -> dict[str, Any]:
        return {
            "kind": spec.kind,
            "params": spec.params,
            "inputs": {digest: await self.lay(name_of(digest, spec), folder) for digest in spec.inputs},
            "models": str(self.models_dir),
            "folder": folder,
            "state": await self.lay(made_of(checkpoint, spec), folder) if checkpoint else None,
        }

    def ground(self, lease_id: str, segment: int) -> tuple[JobSpec, str | None]:
        """The job, and the checkpoint before the segment. Raises Refused for a lease that was never had."""
        granted = self.journal.lease(lease_id)
        if granted is None:
            raise Refused("lease.unknown")
        commits = {commit.segment: commit for commit in self.journal.committed(lease_id)}
        resume = granted.resume.checkpoint if granted.resume else None
        return granted.spec, commits[segment - 1].checkpoint if segment - 1 in commits else resume


def defendant(provider: str, key: Key, past: Past, outgoing: Outgoing) -> Defendant:
    """The provider as a party of disputes."""
    journal = past.journal
    return Defendant(
        provider,
        key,
        journal.disputes,
        outgoing.say,
        lambda dispute_id: [said.envelope.event for said in journal.said(dispute_id)],
        past.brief,
        past.evidence,
        confirms=past.confirms,
    )
