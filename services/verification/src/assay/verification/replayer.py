"""What the service recomputes itself: start states and results in a child process, distances in a thread."""

import asyncio
import json
import shutil
import tempfile
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assay.bus.keys import JobBlobs
from assay.proof.digest import blake3_hex
from assay.schema.errors import Refused
from assay.schema.job import JobSpec
from assay.schema.values import Digest
from assay.verification.methods.method import MachineFault, Opened, Shown, Spoiled
from assay.workloads import read_params, workload
from assay.workloads.child import START
from assay.workloads.errors import BadCheckpoint
from assay.workloads.runner import Runner
from assay.workloads.task import (
    Failed,
    Finished,
    Found,
    Judge,
    Judged,
    Message,
    Ready,
    Show,
    Spoil,
    Task,
    ToChild,
    Traced,
)
from assay.workloads.workload import Chained, Placed

INLINE_BYTES_MAX: Final = 2**16
STARTS_MAX: Final = 4_096
# What is so old a killed process left, inputs in the clear among it; replicas may share a folder.
LEFT_S: Final = 3_600.0
SCRATCH: Final = "scratch"
CHECK: Final = "check-"
BAD_CHECKPOINT: Final = "workload.bad_checkpoint"


@dataclass(frozen=True, slots=True)
class Start:
    """A job's first state: its digest, and what all later ones have in common with it."""

    digest: Digest
    form: Any


class ChildReplayer:
    """One child process, used by one check at a time; a start state is made once for all jobs that share it."""

    def __init__(self, blobs: JobBlobs, runner: Runner, models_dir: Path, folder: Path) -> None:
        self._blobs, self._runner = blobs, runner
        self._models_dir, self._folder = models_dir, folder
        self._turn = asyncio.Lock()
        self._starts: OrderedDict[str, Start] = OrderedDict()

    async def start(self, spec: JobSpec) -> Digest:
        """The canonical digest of the state that the job fixes as its first."""
        return (await self._start(spec)).digest

    async def _start(self, spec: JobSpec) -> Start:
        key = key_of(spec)
        if key not in self._starts:
            with self._scratch() as folder:
                digest, _ = await self._run(spec, Path(folder), None)
                form = await asyncio.to_thread(form_in, spec, Path(folder, START))
            self._starts[key] = Start(digest, form)
            while len(self._starts) > STARTS_MAX:
                self._starts.popitem(last=False)
        return self._starts[key]

    async def start_bytes(self, spec: JobSpec) -> bytes:
        """The start state itself."""
        with self._scratch() as folder:
            await self._run(spec, Path(folder), None)
            return await asyncio.to_thread(Path(folder, START).read_bytes)

    async def result(self, spec: JobSpec, checkpoint: Digest) -> tuple[Digest, Digest]:
        """The state's digest of the last checkpoint, and the blob digest of the artefact that follows from it."""
        with self._scratch() as folder:
            state, path = await self._run(spec, Path(folder), checkpoint)
            assert path is not None
            return state, await self._blobs.name(spec, Path(path))

    async def digest(self, spec: JobSpec, state: bytes) -> Digest:
        """The canonical digest of a checkpoint's bytes. Raises BadCheckpoint."""
        work = workload(spec.kind)
        if len(state) <= INLINE_BYTES_MAX:
            return work.digest(state)
        return await asyncio.to_thread(work.digest, state)

    async def open(self, spec: JobSpec, checkpoint: Digest, closed: int) -> Opened:
        """What a stored checkpoint is, said to close so many segments. Raises BadCheckpoint, Refused, MachineFault."""
        state, work = await self._blobs.read(spec, checkpoint), workload(spec.kind)
        if isinstance(work, Chained):
            return Opened(await asyncio.to_thread(work.digests, state), is_placed=True)
        digests = [await self.digest(spec, state)]
        if not isinstance(work, Placed):
            return Opened(digests, is_placed=True)
        params, form = read_params(spec.kind, spec.params), (await self._start(spec)).form
        try:
            await asyncio.to_thread(work.check_place, params, form, state, closed)
        except BadCheckpoint:
            return Opened(digests, is_placed=False)
        return Opened(digests, is_placed=True)

    async def distance(self, spec: JobSpec, mine: bytes, theirs: bytes, before: bytes) -> float:
        """How far one checkpoint is from another, in units of the segment's own way. Raises BadCheckpoint."""
        return await asyncio.to_thread(workload(spec.kind).distance, mine, theirs, before)

    async def show(self, spec: JobSpec, segment: int, state: Digest, seed: Digest, spoil: Digest | None) -> bytes:
        """What a verifier is shown of the segment that a checkpoint closes; with a seed in `spoil`, of a false one."""
        with self._scratch() as folder:
            path = await self._fetch(spec, Path(folder), state)
            look = {"segment": segment, "seed": seed, "spoil": spoil}
            task = Show(**await self._job(spec, folder), **look, state=str(path))
            async for message in self._messages(task):
                match message:
                    case Finished(result=str(shown)):
                        return await asyncio.to_thread(Path(shown).read_bytes)
        raise MachineFault("The child has shown nothing.")

    async def spoil(self, spec: JobSpec, segment: int, trace: Digest, seed: Digest) -> Spoiled:
        """A segment's trace with one result made false."""
        with self._scratch() as folder:
            path = await self._fetch(spec, Path(folder), trace)
            task = Spoil(**await self._job(spec, folder), segment=segment, trace=str(path), seed=seed)
            async for message in self._messages(task):
                if isinstance(message, Traced):
                    content = await asyncio.to_thread(Path(message.path).read_bytes)
                    return Spoiled(message.root, content, message.step, message.operator)
        raise MachineFault("The child has spoiled nothing.")

    async def judge(self, spec: JobSpec, shown: Shown, readings: Sequence[bytes]) -> list[Found]:
        """What each reading says of the claim."""
        with self._scratch() as folder:
            state, opened = [str(await self._fetch(spec, Path(folder), each)) for each in (shown.state, shown.shown)]
            paths = [Path(folder, f"reading-{number}") for number in range(len(readings))]
            for path, reading in zip(paths, readings, strict=True):
                await write(path, reading)
            look = {"segment": shown.segment, "seed": shown.seed, "readings": [str(path) for path in paths]}
            task = Judge(**job_of(spec, self._models_dir, folder), **look, state=state, shown=opened)
            found: list[Found] = []
            async for message in self._messages(task):
                if isinstance(message, Judged):
                    found = message.found
            return found

    async def _messages(self, task: ToChild) -> AsyncIterator[Message]:
        """What the child says of a task that nobody but this machine can fail."""
        async with self._turn:
            async for message in self._runner.run(task):
                if isinstance(message, Failed):
                    raise MachineFault(f"{message.code}: {message.detail}")
                yield message

    async def close(self) -> None:
        """End the child."""
        await self._runner.kill()

    def _scratch(self) -> "tempfile.TemporaryDirectory[str]":
        self._folder.mkdir(parents=True, exist_ok=True)
        sweep(self._folder)
        return tempfile.TemporaryDirectory(dir=self._folder, prefix=CHECK)

    async def _run(self, spec: JobSpec, folder: Path, checkpoint: Digest | None) -> tuple[Digest, str | None]:
        """The digest of a checkpoint, or of the start state, and the file of the result if it is a checkpoint."""
        task = Task(
            kind=spec.kind,
            params=spec.params,
            inputs={digest: str(await self._lay(spec, folder, digest)) for digest in spec.inputs},
            models=str(self._models_dir),
            folder=str(folder),
            first=0,
            last=0,
            state=str(await self._fetch(spec, folder, checkpoint)) if checkpoint else None,
            wants_result=checkpoint is not None,
        )
        async with self._turn:
            return await self._follow(task)

    async def _follow(self, task: Task) -> tuple[Digest, str | None]:
        digest = ""
        async for message in self._runner.run(task):
            match message:
                case Ready():
                    digest = message.state_digest
                case Finished():
                    return digest, message.result
                case Failed(code=code) if code == BAD_CHECKPOINT and task.state:
                    raise BadCheckpoint(message.detail)
                case Failed():
                    raise MachineFault(f"{message.code}: {message.detail}")
        raise MachineFault("The child said nothing more.")

    async def _job(self, spec: JobSpec, folder: str) -> dict[str, Any]:
        """What a task names of a job that reads nothing of it but the model, which may come with the job."""
        wanted = spec.inputs if spec.params.get("model_files") else ()
        laid = {digest: str(await self._lay(spec, Path(folder), digest)) for digest in wanted}
        return job_of(spec, self._models_dir, folder) | {"inputs": laid}

    async def _lay(self, spec: JobSpec, folder: Path, digest: Digest) -> Path:
        path = folder / digest
        try:
            await self._blobs.save_input(spec, digest, path)
        except Refused as refusal:
            # The requester's input, or the holder's answer: nothing that a provider could be blamed for.
            raise MachineFault(f"{refusal.code}: the input {digest} cannot be read") from None
        return path

    async def _fetch(self, spec: JobSpec, folder: Path, digest: Digest) -> Path:
        path = folder / f"{digest}.made"
        await self._blobs.save(spec, digest, path)
        return path


def job_of(spec: JobSpec, models: Path, folder: str) -> dict[str, Any]:
    """What a task that reads neither inputs nor the model names of a job."""
    return {"kind": spec.kind, "params": spec.params, "inputs": {}, "models": str(models), "folder": folder}


def form_in(spec: JobSpec, start: Path) -> Any:
    """What all checkpoints of the job have in common with its first, where that shows."""
    work = workload(spec.kind)
    return work.form(start.read_bytes()) if isinstance(work, Placed) else None


def key_of(spec: JobSpec) -> str:
    """What a start state follows from: kind, parameters and inputs, and which of them are read by what keys."""
    plain = [spec.kind, spec.params, spec.inputs, spec.sealed, spec.made, spec.seal if spec.made else None]
    return blake3_hex(json.dumps(plain, sort_keys=True, separators=(",", ":")).encode())


def sweep(folder: Path) -> None:
    """Remove what killed processes left of their checks."""
    for left in folder.glob(f"{CHECK}*"):
        with suppress(FileNotFoundError):
            if left.stat().st_mtime + LEFT_S < time.time():
                shutil.rmtree(left, ignore_errors=True)


async def write(path: Path, data: bytes) -> None:
    """Write a file; a small one at once, for a thread costs more."""
    if len(data) <= INLINE_BYTES_MAX:
        path.write_bytes(data)
    else:
        await asyncio.to_thread(path.write_bytes, data)
