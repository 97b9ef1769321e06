"""One audit: the segment's inputs, one run in a child process, the answer on disk, then its seal on the way."""

import asyncio
import logging
import secrets
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias

from assay.bus.content import content_of
from assay.runtime.cache import Cache
from assay.runtime.naming import made_of, name_of
from assay.schema.audit import AuditAssigned, AuditRevealed
from assay.schema.errors import Refused
from assay.schema.job import JobSpec
from assay.schema.values import Digest
from assay.verification.verifier import domain
from assay.workloads import read_params, workload
from assay.workloads.child import START
from assay.workloads.court import Judgeable
from assay.workloads.errors import BadCheckpoint, BadData, Diverged
from assay.workloads.runner import Runner
from assay.workloads.task import CheckTrace, Failed, Read, ReadingDone, Ready, SegmentDone, Task

LEFT_MIN_S: Final = 1.0

Where: TypeAlias = dict[str, str]
"""The task's folder and the machine's models."""

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

    async def put(self, spec: JobSpec, made: Path) -> str:
        """The digest under which what was made for a job can be fetched from now on. Raises Refused: key.*, blob.*."""
        ...


class CannotAnswer(Exception):
    """This machine cannot answer; nobody is to blame."""

    def __init__(self, code: str, reason: str) -> None:
        self.code, self.reason = code, reason
        super().__init__(f"{code}: {reason}")


@dataclass(frozen=True, slots=True)
class Tools:
    """What the audits of a worker share: one child, used by one audit at a time, and what was fetched for any of them.

    The child reads what is `laid` for an audit, and writes to the `scratch`.
    """

    blobs: Blobs
    cache: Cache
    runner: Runner
    turn: asyncio.Lock
    models_dir: Path
    scratch: Path
    laid: Path


async def answer(assigned: AuditAssigned, tools: Tools) -> AuditRevealed:
    """What the segment, or what is shown of it, comes to here; its blob is stored. Raises CannotAnswer."""
    with _room(tools.scratch) as folder, _room(tools.laid) as laid, tools.cache.reading(assigned.spec):
        try:
            make = _task if assigned.claim is None else _read if assigned.claim.root is None else _check
            task = await make(assigned, tools, laid, {"folder": folder, "models": str(tools.models_dir)})
            async with tools.turn:
                done = await _run(tools.runner, task, max(LEFT_MIN_S, assigned.deadline_ms / 1000 - time.time()))
            return await _said(assigned, done, tools.blobs)
        except Refused as refusal:
            raise CannotAnswer(refusal.code, str(refusal)) from None
        except OSError as error:
            raise CannotAnswer("verifier.machine", str(error)) from None


async def _said(assigned: AuditAssigned, done: SegmentDone | ReadingDone, blobs: Blobs) -> AuditRevealed:
    """The answer, of which a few parts are in memory at a time; its blob is stored. Raises Refused, OSError."""
    checkpoint = await blobs.put(assigned.spec, path := Path(done.path))
    # Of what was read, the state is the blob.
    state = done.state_digest if isinstance(done, SegmentDone) else checkpoint
    with content_of(path) as content:
        names, salt = (assigned, state, checkpoint), secrets.token_hex(32)
        return await asyncio.to_thread(domain.answer_of, *names, content.parts(), salt, done.compute_ms)


def _room(folder: Path) -> "tempfile.TemporaryDirectory[str]":
    folder.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(dir=folder, prefix="audit-")


async def _task(assigned: AuditAssigned, tools: Tools, laid: str, where: Where) -> Task:
    """The segment, to be run."""
    job, state = await _lay(assigned, tools, laid, assigned.checkpoint)
    return Task(**job, **where, first=assigned.segment, last=assigned.segment + 1, state=state, wants_result=False)


async def _read(assigned: AuditAssigned, tools: Tools, laid: str, where: Where) -> Read:
    """What is shown of the claim, to be read."""
    claim = assigned.claim
    assert claim is not None
    job, shown = await _lay(assigned, tools, laid, claim.shown)
    return Read(**job, **where, segment=assigned.segment, seed=claim.seed, shown=shown)


async def _check(assigned: AuditAssigned, tools: Tools, laid: str, where: Where) -> CheckTrace:
    """The trace of the segment, to be checked; or one operator of it, to be measured."""
    claim = assigned.claim
    assert claim is not None and claim.root is not None and claim.state_out is not None
    job, state, trace = await _lay(assigned, tools, laid, assigned.checkpoint, claim.shown)
    ends = {"root": claim.root, "state_out": claim.state_out, "operator": claim.operator, "first": claim.first}
    return CheckTrace(**job, **where, **ends, segment=assigned.segment, seed=claim.seed, state=state, trace=trace)


async def _lay(assigned: AuditAssigned, tools: Tools, laid: str, *made: Digest | None) -> list[Any]:
    """The job with its inputs laid down for the child, then the files of what was made for it."""
    spec = assigned.spec
    names = {digest: name_of(digest, spec) for digest in spec.inputs}
    wanted = [made_of(digest, spec) if digest else None for digest in made]
    found = await tools.cache.lay_all([*names.values(), *(name for name in wanted if name)], Path(laid))
    inputs = {digest: found[name] for digest, name in names.items()}
    job = {"kind": spec.kind, "params": spec.params, "inputs": inputs}
    return [job, *(found[name] if name else None for name in wanted)]


async def _run(runner: Runner, task: Task | Read | CheckTrace, wall_s: float) -> SegmentDone | ReadingDone:
    """What the child says of the segment, if it does in time. Whoever leaves it before ends it, for others wait."""
    try:
        return await _heard(runner, task, wall_s)
    except asyncio.CancelledError:
        await runner.kill()
        raise


async def _heard(runner: Runner, task: Task | Read | CheckTrace, wall_s: float) -> SegmentDone | ReadingDone:
    done: SegmentDone | ReadingDone | None = None
    before: str | None = None
    async for message in runner.run(task, wall_s):
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
