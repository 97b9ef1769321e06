"""The real Replayer: checkpoints from the blob store, work in a child process, files in a scratch folder."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from assay.bus import Blobs
from assay.proof.digest import blake3_hex
from assay.schema.job import JobSpec
from assay.schema.values import Digest
from assay.verification.methods.method import MachineFault
from assay.workloads import workload
from assay.workloads.child import START
from assay.workloads.errors import BadCheckpoint
from assay.workloads.runner import Runner
from assay.workloads.task import Failed, Finished, Ready, SegmentDone, Task

INLINE_BYTES_MAX = 2**16
BAD_CHECKPOINT = "workload.bad_checkpoint"


class ChildReplayer:
    """Replays segments of one job in one child process, which others use too by `turn`.

    If segment 0 is among the `drawn`, it is run along with the making of the start state.
    """

    def __init__(
        self,
        spec: JobSpec,
        blobs: Blobs,
        runner: Runner,
        models_dir: Path,
        folder: Path,
        drawn: Sequence[int] = (),
        turn: asyncio.Lock | None = None,
    ) -> None:
        self._spec, self._blobs, self._runner = spec, blobs, runner
        self._models_dir, self._folder = models_dir, folder
        self._drawn, self._turn = drawn, turn or asyncio.Lock()
        self._states: dict[Digest | None, Digest] = {}
        self._first: SegmentDone | None = None

    async def state(self, checkpoint: Digest | None) -> Digest:
        """The canonical digest of a checkpoint."""
        if checkpoint not in self._states:
            is_first_drawn = checkpoint is None and 0 in self._drawn
            done, _ = await self._run(checkpoint, 0, int(is_first_drawn))
            self._first = done or self._first
        return self._states[checkpoint]

    async def segment(self, index: int, checkpoint: Digest | None) -> SegmentDone:
        """Segment `index` run again from a checkpoint."""
        if checkpoint is None and self._first and self._first.segment == index:
            return self._first
        done, _ = await self._run(checkpoint, index, index + 1)
        assert done is not None
        return done

    async def result(self, checkpoint: Digest) -> Digest:
        """The blob digest of the artefact that follows from the last checkpoint."""
        _, finished = await self._run(checkpoint, 0, 0, wants_result=True)
        assert finished.result is not None
        return blake3_hex(await asyncio.to_thread(Path(finished.result).read_bytes))

    async def distance(self, mine: SegmentDone, claimed: Digest, checkpoint: Digest | None) -> float:
        """How far a claimed checkpoint is from the replayed one, in units of the segment's own way."""
        work, start = workload(self._spec.kind), self._folder / START
        paths = (Path(mine.path), await self._fetch(claimed), await self._fetch(checkpoint) if checkpoint else start)
        replayed, theirs, before = [await asyncio.to_thread(path.read_bytes) for path in paths]
        return await asyncio.to_thread(work.distance, replayed, theirs, before)

    async def _run(
        self, checkpoint: Digest | None, first: int, last: int, wants_result: bool = False
    ) -> tuple[SegmentDone | None, Finished]:
        task = await self._task(checkpoint, first, last, wants_result)
        async with self._turn:
            return await self._follow(task, checkpoint)

    async def _follow(self, task: Task, checkpoint: Digest | None) -> tuple[SegmentDone | None, Finished]:
        done: SegmentDone | None = None
        async for message in self._runner.run(task):
            match message:
                case Ready():
                    self._states[checkpoint] = message.state_digest
                case SegmentDone():
                    done = message
                case Finished():
                    return done, message
                case Failed(code=code) if code == BAD_CHECKPOINT and checkpoint:
                    raise BadCheckpoint(message.detail)
                case Failed():
                    raise MachineFault(f"{message.code}: {message.detail}")
        raise MachineFault("The child said nothing more.")

    async def _task(self, checkpoint: Digest | None, first: int, last: int, wants_result: bool) -> Task:
        inputs = {digest: str(await self._fetch(digest)) for digest in self._spec.inputs}
        return Task(
            kind=self._spec.kind,
            params=self._spec.params,
            inputs=inputs,
            models=str(self._models_dir),
            folder=str(self._folder),
            first=first,
            last=last,
            state=str(await self._fetch(checkpoint)) if checkpoint else None,
            wants_result=wants_result,
        )

    async def _fetch(self, digest: Digest) -> Path:
        path = self._folder / digest
        if not path.exists():
            await write(path, await self._blobs.get(digest))
        return path


async def write(path: Path, data: bytes) -> None:
    """Write a file; a small one at once, for a thread costs more."""
    if len(data) <= INLINE_BYTES_MAX:
        path.write_bytes(data)
    else:
        await asyncio.to_thread(path.write_bytes, data)
