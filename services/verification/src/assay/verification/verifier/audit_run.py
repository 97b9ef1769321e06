"""One audit: the segment's inputs, one run in a child process, the answer on disk, then its seal on the way."""

import asyncio
import logging
import secrets
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from assay.runtime.patience import patiently
from assay.schema.audit import AuditAssigned, AuditRevealed
from assay.schema.errors import Refused
from assay.schema.job import JobSpec
from assay.verification.verifier import domain
from assay.workloads import read_params, workload
from assay.workloads.child import START
from assay.workloads.court import Judgeable
from assay.workloads.errors import BadCheckpoint, BadData, Diverged
from assay.workloads.runner import Runner
from assay.workloads.task import CheckTrace, Failed, Read, ReadingDone, Ready, SegmentDone, Task

EXACT = "exact"
FALLS = (BadCheckpoint.code, BadData.code, Diverged.code)
"""How a segment fails on every machine: by what is left of the work before it, or by the job's data."""

log = logging.getLogger(__name__)


class Blobs(Protocol):
    """What jobs read and make."""

    async def read_input(self, spec: JobSpec, digest: str) -> bytes:
        """What an input says, sealed or not. Raises Refused: key.*, blob.*."""
        ...

    async def read(self, spec: JobSpec, digest: str) -> bytes:
        """What was made for a job, sealed or not. Raises Refused: key.*, blob.*."""
        ...

    async def put(self, spec: JobSpec, content: bytes) -> str:
        """The digest under which what was made for a job can be fetched from now on. Raises Refused: key.*."""
        ...


class CannotAnswer(Exception):
    """This machine cannot answer; nobody is to blame."""

    def __init__(self, code: str, reason: str) -> None:
        self.code, self.reason = code, reason
        super().__init__(f"{code}: {reason}")


@dataclass(frozen=True, slots=True)
class Tools:
    """What the audits of a worker share: one child, used by one audit at a time."""

    blobs: Blobs
    runner: Runner
    turn: asyncio.Lock
    models_dir: Path
    scratch: Path


async def answer(assigned: AuditAssigned, tools: Tools) -> AuditRevealed:
    """What the segment, or what is shown of it, comes to here; its blob is stored. Raises CannotAnswer."""
    tools.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=tools.scratch, prefix="audit-") as folder:
        try:
            make = _task if assigned.claim is None else _read if assigned.claim.root is None else _check
            task = await make(assigned, tools, Path(folder))
            async with tools.turn:
                done = await _run(tools.runner, task)
            content = await asyncio.to_thread(Path(done.path).read_bytes)
            checkpoint = await tools.blobs.put(assigned.spec, content)
        except Refused as refusal:
            raise CannotAnswer(refusal.code, str(refusal)) from None
        except OSError as error:
            raise CannotAnswer("verifier.machine", str(error)) from None
    salt = secrets.token_hex(32)
    # Of what was read, the state is the blob.
    state = done.state_digest if isinstance(done, SegmentDone) else checkpoint
    return domain.answer_of(assigned, state, checkpoint, content, salt, done.compute_ms)


async def _task(assigned: AuditAssigned, tools: Tools, folder: Path) -> Task:
    """The segment, to be run."""
    job = await _job(assigned, tools, folder)
    state = await _fetch(tools, assigned.spec, folder, assigned.checkpoint) if assigned.checkpoint else None
    return Task(**job, first=assigned.segment, last=assigned.segment + 1, state=state, wants_result=False)


async def _read(assigned: AuditAssigned, tools: Tools, folder: Path) -> Read:
    """What is shown of the claim, to be read."""
    claim, job = assigned.claim, await _job(assigned, tools, folder)
    assert claim is not None
    shown = await _fetch(tools, assigned.spec, folder, claim.shown)
    return Read(**job, segment=assigned.segment, seed=claim.seed, shown=shown)


async def _check(assigned: AuditAssigned, tools: Tools, folder: Path) -> CheckTrace:
    """The trace of the segment, to be checked."""
    claim, job = assigned.claim, await _job(assigned, tools, folder)
    assert claim is not None and claim.root is not None and claim.state_out is not None
    state = await _fetch(tools, assigned.spec, folder, assigned.checkpoint) if assigned.checkpoint else None
    ends = {"root": claim.root, "state_out": claim.state_out}
    trace = await _fetch(tools, assigned.spec, folder, claim.shown)
    return CheckTrace(**job, **ends, segment=assigned.segment, seed=claim.seed, state=state, trace=trace)


async def _job(assigned: AuditAssigned, tools: Tools, folder: Path) -> dict[str, Any]:
    spec = assigned.spec
    inputs = {
        digest: await _lay(folder, digest, partial(tools.blobs.read_input, spec, digest)) for digest in spec.inputs
    }
    names = {"kind": spec.kind, "params": spec.params, "inputs": inputs}
    return names | {"models": str(tools.models_dir), "folder": str(folder)}


async def _fetch(tools: Tools, spec: JobSpec, folder: Path, digest: str) -> str:
    return await _lay(folder, f"{digest}.made", partial(tools.blobs.read, spec, digest))


async def _lay(folder: Path, name: str, read: Callable[[], Awaitable[bytes]]) -> str:
    path = folder / name
    path.write_bytes(await patiently(read))
    return str(path)


async def _run(runner: Runner, task: Task | Read | CheckTrace) -> SegmentDone | ReadingDone:
    done: SegmentDone | ReadingDone | None = None
    before: str | None = None
    async for message in runner.run(task):
        match message:
            case Ready():
                before = message.state_digest
            case SegmentDone() | ReadingDone():
                done = message
            case Failed(code=code) if before and isinstance(task, Task) and code in FALLS and not is_judged(task):
                return comes_to_nothing(task, before)
            case Failed():
                raise CannotAnswer(message.code, message.detail)
    if done is None:
        raise CannotAnswer("verifier.machine", "The child said nothing of the segment.")
    return done


def comes_to_nothing(task: Task, before: str) -> SegmentDone:
    """A segment that ends where it began, for nobody can run it: whoever claims that it did has made its end up."""
    path = task.state or str(Path(task.folder, START))
    return SegmentDone(segment=task.first, path=path, state_digest=before, units=0, compute_ms=0, metrics={})


def is_judged(task: Task) -> bool:
    """Whether a contract may judge the work step by step: it knows no step that fails."""
    numerics = getattr(read_params(task.kind, task.params), "numerics", EXACT)
    return numerics == EXACT and isinstance(workload(task.kind), Judgeable)
