"""What evasive providers do: they keep what they owe, leave what goes badly, or look for a root that draws well."""

import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
from blake3 import blake3
from tests.adversaries.hostile import FalseTraces, ForeignCheckpoint, MakesUp, TampersTensors

from assay.execution import domain
from assay.execution.domain import Closed, Course
from assay.execution.inputs import Cache
from assay.execution.lease_run import LeaseRun, Tools
from assay.proof import spec_digest
from assay.proof.digest import blake3_hex
from assay.proof.epoch import draw, epoch_root, range_of, seed
from assay.schema.job import JobSpec
from assay.schema.lease import LeaseCommitted, LeaseGranted
from assay.schema.values import Digest
from assay.workloads.checkpoint import ADAPTER, STEP, Tensors
from assay.workloads.command.params import CommandParams
from assay.workloads.command.state import start_of, tar_of
from assay.workloads.runner import Runner
from assay.workloads.task import Finished, Message, Ready, SegmentDone, Task

GUESS: Final = "guess.json"
GROUND_SEGMENTS: Final = 16
GROUND_DRAWS: Final = 8
HITS: Final = 1
"""So few false segments it would have drawn, of as many as there are draws: one last segment in two hundred does."""


class WithholdsTrace(LeaseRun):
    """Works honestly, and opens no trace of it."""

    def __init__(self, granted: LeaseGranted, committed: list[LeaseCommitted], tools: Tools) -> None:
        super().__init__(granted, committed, tools)
        FalseTraces.withheld.add(granted.lease_id)


class Around:
    """A cache that does as another does, but for what a hostile worker does its own way."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cache, name)


class Unpublished(Around):
    """A cache whose contents are named, and put into no store."""

    async def publish(self, path: Path, spec: JobSpec, base: str | None = None) -> str:
        """The digest of a file's content."""
        return blake3_hex(path.read_bytes())


class Baring(Around):
    """A cache whose contents are stored as they lie, whatever the order says."""

    async def publish(self, path: Path, spec: JobSpec, base: str | None = None) -> str:
        """The digest of a file's content, which is there for everybody."""
        return await self._cache.publish(path, spec.model_copy(update={"seal": None}), base)


class Unsealed(LeaseRun):
    """Works honestly, and stores what it makes for a sealed job where nobody's key opens it."""

    def __init__(self, granted: LeaseGranted, committed: list[LeaseCommitted], tools: Tools) -> None:
        super().__init__(granted, committed, replace(tools, cache=Baring(tools.cache)))


class WithholdsCheckpoint(LeaseRun):
    """Works honestly, and commits to checkpoints that it keeps to itself."""

    def __init__(self, granted: LeaseGranted, committed: list[LeaseCommitted], tools: Tools) -> None:
        super().__init__(granted, committed, replace(tools, cache=Unpublished(tools.cache)))


class Drops(LeaseRun):
    """Commits to its first segment, and leaves the rest to others."""

    async def _close(self, course: Course, done: SegmentDone) -> Course:
        self.leave("it goes badly")
        return await super()._close(course, done)


class HandsOver(ForeignCheckpoint):
    """Commits to something else than its first segment's checkpoint, and leaves it to others to go on from there."""

    async def _close(self, course: Course, done: SegmentDone) -> Course:
        self.leave("it goes badly")
        return await super()._close(course, done)


class BlowsUp(TampersTensors):
    """Claims that its first segment ended in weights from which nobody can go on, and goes on from the true ones."""

    @staticmethod
    def change(after: Tensors, before: Tensors) -> Tensors:
        """The adapter, as large as its numbers hold."""
        return {name: np.full_like(v, 1e30) if name.startswith(ADAPTER) else v for name, v in after.items()}

    def tampered(self, done: SegmentDone, before: bytes) -> SegmentDone:
        """The first segment's claim; of the others what is true."""
        self.true = str(shutil.copy(done.path, f"{done.path}.true"))
        return done if done.segment else super().tampered(done, before)

    def keep(self, done: SegmentDone, task: Task) -> tuple[str, SegmentDone]:
        """What it goes on from."""
        return self.true, done


class DeadEnd(BlowsUp):
    """Claims that its first segment ended in weights of another form, and goes on from the true ones."""

    @staticmethod
    def change(after: Tensors, before: Tensors) -> Tensors:
        """Each tensor without its last row."""
        return {name: v if name == STEP else np.ascontiguousarray(v[:-1]) for name, v in after.items()}


class ClaimsToHaveRun(LeaseRun):
    """Claims outputs of a program that fails wherever it is run; it has not tried."""

    async def messages(self, runner: Runner, task: Task) -> AsyncIterator[Message]:
        """What a child would say whose program had ended well."""
        params = CommandParams.model_validate(task.params)
        before = start_of(params)
        after = before.close(tuple(b"made up" for _ in params.outputs))
        state, result = Path(task.folder, "made-up"), Path(task.folder, "result")
        state.write_bytes(after.encode())
        result.write_bytes(tar_of(params, after))
        yield Ready(state_digest=before.digest)
        made = {"path": str(state), "state_digest": after.digest, "units": params.segment_units}
        yield SegmentDone(segment=0, **made, compute_ms=1_000, metrics={})
        yield Finished(result=str(result))


@dataclass(frozen=True)
class Guess:
    """A last segment, and what the guessed beacon would draw by it."""

    content: bytes
    root: Digest
    drawn: tuple[int, ...]

    def hits(self, false: frozenset[int]) -> int:
        """How many of the false segments are drawn."""
        return len(false.intersection(self.drawn))


def closed(done: SegmentDone, content: bytes) -> Closed:
    """What would be committed to, if the segment ended with this content."""
    digest = blake3_hex(content)
    return Closed(done.segment, digest, digest, done.units, 0, {})


class Grinds(MakesUp):
    """Makes up half of its segments; of many last ones it takes that by which its guess of the beacon draws well."""

    falsified = frozenset(range(GROUND_SEGMENTS // 2, GROUND_SEGMENTS))
    shared: ClassVar[Path]
    beacon: ClassVar[bytes] = blake3(b"the beacon that it hopes for").digest()

    def __init__(self, granted: LeaseGranted, committed: list[LeaseCommitted], tools: Tools) -> None:
        super().__init__(granted, committed, tools)
        self.course: Course | None = None
        self.said: list[LeaseCommitted] = []

    def tampered(self, done: SegmentDone, before: bytes) -> SegmentDone:
        """Any state; of the last segment the one that draws well."""
        claimed = super().tampered(done, before)
        course = self.course or domain.begin(self.granted, blake3_hex(before))
        if done.segment == self.granted.spec.segments - 1:
            claimed = self.rewritten(claimed, self.chosen(course, claimed).content)
        self.course, said = domain.commit(course, closed(claimed, Path(claimed.path).read_bytes()))
        self.said.append(said)
        return claimed

    def guess(self, course: Course, done: SegmentDone, content: bytes) -> Guess:
        """What this last segment would come to."""
        last = domain.commit(course, closed(done, content))[1]
        range_ = range_of([*self.said, last], spec_digest(self.granted.spec))
        root = epoch_root([range_.entry]).root
        drawn = draw(seed(self.beacon, root, self.granted.provider, 1), [range_], GROUND_DRAWS)
        return Guess(content, root, tuple(segment for _, segment in drawn))

    def chosen(self, course: Course, done: SegmentDone) -> Guess:
        """The first that draws well, told to whoever holds it against what came."""
        guesses = (self.guess(course, done, blake3(f"{number}".encode()).digest()) for number in count())
        found = next(guess for guess in guesses if guess.hits(self.falsified) <= HITS)
        told = {"beacon": self.beacon.hex(), "root": found.root, "hits": found.hits(self.falsified)}
        Path(self.shared, GUESS).write_text(json.dumps(told))
        return found
