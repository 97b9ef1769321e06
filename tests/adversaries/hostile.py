"""What hostile providers do: each wraps the honest worker's run of a lease from outside, and changes one thing.

The honest worker has no switch for any of this.
"""

import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from blake3 import blake3

from assay.execution import domain
from assay.execution.defending import CannotTrace, Past, defendant
from assay.execution.domain import Course
from assay.execution.lease_run import LeaseRun
from assay.execution.opening import Openings
from assay.proof import spec_digest
from assay.proof.keys import Key
from assay.runtime.naming import made_of
from assay.runtime.outgoing import Outgoing
from assay.schema.dispute import DisputeLodged
from assay.workloads import workload
from assay.workloads.checkpoint import ADAPTER, GROUPS, Tensors, read_checkpoint, write_tensors
from assay.workloads.child import START
from assay.workloads.court.litigant import Defendant
from assay.workloads.runner import Runner
from assay.workloads.task import Failed, Finished, Message, Ready, SegmentDone, Spoil, Task, Traced


class Stepwise(LeaseRun):
    """Has its child run one segment at a time, each from what was made of the one before."""

    async def messages(self, runner: Runner, task: Task) -> AsyncIterator[Message]:
        """What the child says, with `tampered` segments."""
        state, is_ready = task.state, False
        for segment in range(task.first, task.last):
            one = task.model_copy(update={"first": segment, "last": segment + 1, "state": state, "wants_result": False})
            async for message in runner.run(self.asked(one)):
                match message:
                    case Ready():
                        before = Path(state or Path(task.folder, START)).read_bytes()
                        if not is_ready:
                            is_ready = True
                            yield message
                    case SegmentDone():
                        state, message = self.keep(self.tampered(message, before), task)
                        yield message
                    case Finished():
                        break
                    case _:
                        yield message
                        if isinstance(message, Failed):
                            return
        end = task.model_copy(update={"first": task.last, "last": task.last, "state": state, "wants_result": True})
        async for message in runner.run(end):
            if isinstance(message, Finished | Failed):
                yield message

    def keep(self, done: SegmentDone, task: Task) -> tuple[str, SegmentDone]:
        """The state that the next segment starts from, which outlives the segment's own file."""
        kept = shutil.copy(done.path, Path(task.folder, f"kept-{done.segment}"))
        return str(kept), done

    def asked(self, task: Task) -> Task:
        """The task that the child gets."""
        return task

    def tampered(self, done: SegmentDone, before: bytes) -> SegmentDone:
        """The segment that is committed; `before` is the state that it started from."""
        return done

    def rewritten(self, done: SegmentDone, state: bytes) -> SegmentDone:
        """The segment with another state."""
        Path(done.path).write_bytes(state)
        return done.model_copy(update={"state_digest": workload(self.granted.spec.kind).digest(state)})


class MakesUp(Stepwise):
    """Skips the work of one segment and makes up a state."""

    falsified: ClassVar[frozenset[int]] = frozenset({1})

    def tampered(self, done: SegmentDone, before: bytes) -> SegmentDone:
        """Any 32 bytes that are not the state before."""
        return self.rewritten(done, blake3(before + b"made up").digest()) if done.segment in self.falsified else done


class MakesUpAll(MakesUp):
    """Makes up everything."""

    falsified = frozenset(range(10_000))


class Colludes(MakesUpAll):
    """Makes up everything, and leaves it to a verifier that it has bribed."""

    shared: ClassVar[Path]

    def tampered(self, done: SegmentDone, before: bytes) -> SegmentDone:
        """The claim, with a copy where the verifier looks for it."""
        claimed = super().tampered(done, before)
        shutil.copy(claimed.path, self.shared / f"{spec_digest(self.granted.spec)}-{done.segment}")
        return claimed


class TampersTensors(Stepwise):
    """Changes the tensors of every segment."""

    @staticmethod
    def change(after: Tensors, before: Tensors) -> Tensors:
        """The tensors that are committed."""
        raise NotImplementedError

    def tampered(self, done: SegmentDone, before: bytes) -> SegmentDone:
        """The state with changed tensors."""
        after = read_checkpoint(Path(done.path).read_bytes())
        changed = self.change(after, read_checkpoint(before))
        return self.rewritten(done, write_tensors(dict(sorted(changed.items()))))


def tampers(change: Callable[[Tensors, Tensors], Tensors]) -> type[TampersTensors]:
    """A provider that changes tensors so."""
    return type(change.__name__, (TampersTensors,), {"change": staticmethod(change)})


def each(change: Callable[[Any, Any], Any], groups: tuple[str, ...] = GROUPS) -> Callable[[Tensors, Tensors], Tensors]:
    """The change of each tensor of these groups, given it and what it was before."""

    def change_all(after: Tensors, before: Tensors) -> Tensors:
        return {
            name: change(values, before[name]).astype(values.dtype) if name.startswith(groups) else values
            for name, values in after.items()
        }

    return change_all


def half_way(values: Any, before: Any) -> Any:
    """Half of the way: what half of the steps would about give."""
    return (values + before) / 2


def to_bfloat16(values: Any, before: Any) -> Any:
    """Sixteen bits fewer, as a cheaper machine would keep them."""
    return (np.ascontiguousarray(values).view(np.uint32) & np.uint32(0xFFFF0000)).view(np.float32)


def poison(after: Tensors, before: Tensors) -> Tensors:
    """One row of one tensor of the adapter, moved by 0.01."""
    name = next(name for name in sorted(after) if name.startswith(ADAPTER))
    values = after[name].copy()
    values[0] += 0.01
    return after | {name: values}


def rounding(after: Tensors, before: Tensors) -> Tensors:
    """The last bit of one value: less than honest machines differ by."""
    name = next(name for name in sorted(after) if name.startswith(ADAPTER))
    values = after[name].copy()
    values.flat[0] = np.nextafter(values.flat[0], np.float32(np.inf))
    return after | {name: values}


class OtherParams(Stepwise):
    """Runs the child under other parameters than the job's."""

    other: ClassVar[dict[str, Any]] = {}

    def asked(self, task: Task) -> Task:
        """The task with the other parameters."""
        return task.model_copy(update={"params": task.params | self.other})

    def tampered(self, done: SegmentDone, before: bytes) -> SegmentDone:
        """The segment at its full price."""
        return done.model_copy(update={"units": self.granted.spec.segment_units})


class ChosenData(OtherParams):
    """Trains on data in an order of its own choice."""

    other: ClassVar[dict[str, Any]] = {"seed": 12_345}


class HalfBatch(OtherParams):
    """Trains on half of each batch."""

    other: ClassVar[dict[str, Any]] = {"batch": 2}


class ForeignCheckpoint(LeaseRun):
    """Commits to a checkpoint that is something else."""

    async def _close(self, course: Course, done: SegmentDone) -> Course:
        Path(done.path).write_bytes(b"something else")
        return await super()._close(course, done)


class Equivocates(LeaseRun):
    """Signs two commitments for one segment: the job goes on from the first."""

    async def _close(self, course: Course, done: SegmentDone) -> Course:
        closed = await super()._close(course, done)
        if done.segment == 1:
            digest, checkpoint = blake3(b"another state").hexdigest(), self._published or ""
            other = domain.Closed(1, digest, checkpoint, done.units, done.compute_ms, {})
            self._tools.outgoing.say(domain.commit(course, other)[1])
        return closed


class FalseTraces(Openings):
    """Opens traces of which one product is false, under their own roots; of these leases it opens none."""

    withheld: ClassVar[set[str]] = set()

    async def trace(self, lease_id: str, segment: int) -> tuple[str, str]:
        """Root and blob of the false trace. Raises CannotTrace where it is to be withheld."""
        if lease_id in self.withheld:
            raise CannotTrace("it is kept")
        _, digest = await super().trace(lease_id, segment)
        spec, _ = self.past.ground(lease_id, segment)
        async with self.past.child("false-") as (runner, folder):
            names = {"kind": spec.kind, "params": spec.params, "inputs": {}, "models": str(self.past.models_dir)}
            opened = await self.past.lay(made_of(digest, spec), folder)
            task = Spoil(**names, folder=folder, segment=segment, trace=opened, seed="5b" * 32)
            async for message in runner.run(task):
                if isinstance(message, Traced):
                    return message.root, await self.past.cache.publish(Path(message.path), spec)
        raise CannotTrace("the child spoiled nothing")


class WrongResult(LeaseRun):
    """Delivers another artefact than the one that follows from its last state."""

    async def _finish(self, course: Course, finished: Finished) -> None:
        if finished.result:
            Path(finished.result).write_bytes(Path(finished.result).read_bytes()[::-1])
        await super()._finish(course, finished)


async def knows_better(lodged: DisputeLodged) -> bool:
    """Whether it stands by its claim: it knows that it lied, and need not run the segment again to find out."""
    return False


def admitting(provider: str, key: Key, past: Past, outgoing: Outgoing) -> Defendant:
    """The party of a hostile provider in disputes; those who contest are tried in court."""
    return replace(defendant(provider, key, past, outgoing), confirms=knows_better)
