"""Providers that work with a cheaper model than the one that was ordered, or hand in other text than they wrote.

The child's own store refuses false contents: so the cheap model has a digest of its own, the child runs on that, and
what it made is handed in as the ordered job's.
"""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from safetensors.numpy import load_file, save_file
from tests.adversaries.hostile import OtherParams

from assay.execution.lease_run import LeaseRun
from assay.workloads import ModelStore, read_params
from assay.workloads.generate import Generate, GenerateParams
from assay.workloads.generate.state import Checkpoint, read_checkpoint, start_of
from assay.workloads.models import WEIGHTS
from assay.workloads.runner import Runner
from assay.workloads.task import Failed, Finished, Message, Ready, SegmentDone, Task

INT8, TERNARY = 127, 1
"""The largest number that a weight is kept as, beside one scale for each row."""


def quantised(models: Path, model: str, levels: int) -> str:
    """The digest of a model whose matrices have so few levels, added to the store."""
    store = ModelStore(models)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(shutil.copytree(store.path(model), Path(scratch, "model")))
        tensors = {name: rounded(values, levels) for name, values in load_file(folder / WEIGHTS).items()}
        save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
        return store.add(folder)


def rounded(values: Any, levels: int) -> Any:
    """A matrix row by row, in multiples of its row's scale; anything else as it is."""
    if values.ndim != 2:
        return values
    scale = np.abs(values).max(axis=1, keepdims=True) / levels
    return (np.rint(values / scale) * scale).astype(values.dtype)


class Int8Tuning(OtherParams):
    """Tunes an adapter on a base model of 8-bit weights."""

    def asked(self, task: Task) -> Task:
        """The task on the cheap model."""
        model = quantised(Path(task.models), task.params["model"], INT8)
        return task.model_copy(update={"params": task.params | {"model": model}})


class CheapAnswers(LeaseRun):
    """Writes completions with a cheap model, and hands them in with the sketches of its own states."""

    levels: ClassVar[int] = INT8

    async def messages(self, runner: Runner, task: Task) -> AsyncIterator[Message]:
        """What the child says of the cheap model's answers, as if they were the ordered one's."""
        params = read_params(task.kind, task.params)
        assert isinstance(params, GenerateParams)
        model = quantised(Path(task.models), params.model, self.levels)
        cheap = task.model_copy(update={"params": task.params | {"model": model}})
        state = start_of(params)
        async for message in runner.run(cheap):
            match message:
                case Ready():
                    yield Ready(state_digest=digest_of(state))
                case SegmentDone():
                    made = read_checkpoint(Path(message.path).read_bytes())
                    proof = await asyncio.to_thread(self.proof_of, made.proof, params, message.segment, task)
                    state = state.close(made.lines[-1], proof)
                    Path(message.path).write_bytes(state.encode())
                    yield message.model_copy(update={"state_digest": digest_of(state)})
                case Finished() | Failed():
                    yield message

    def proof_of(self, proof: bytes, params: GenerateParams, segment: int, task: Task) -> bytes:
        """The tokens and sketches that are committed to."""
        return proof


class RightSketches(CheapAnswers):
    """Has the ordered model read what a far cheaper one wrote: the right states, and tokens that it did not choose."""

    levels = TERNARY

    def proof_of(self, proof: bytes, params: GenerateParams, segment: int, task: Task) -> bytes:
        """The cheap model's tokens under the ordered one's sketches; torch is loaded for the first."""
        from assay.workloads.generate.answers import read_proof, write_proof
        from assay.workloads.generate.engine import load_engine
        from assay.workloads.generate.prefill import see
        from assay.workloads.generate.prompts import read_prompts

        engine = load_engine(params.model, ModelStore(Path(task.models)), params.dtype, 1)
        prompts = read_prompts(Path(task.inputs[params.prompts]).read_bytes(), params.requests)
        answers = read_proof(proof, params, segment)
        seen = see(engine, params, [(engine.encode(prompts[answer.request], params), answer) for answer in answers])
        sketches = {each.request: each.sketch for each in seen}
        return write_proof([replace(answer, sketch=sketches[answer.request]) for answer in answers])


class TellsOtherLines(LeaseRun):
    """Writes every segment well; what its last checkpoint says of the first one, and what is delivered, is not that."""

    async def messages(self, runner: Runner, task: Task) -> AsyncIterator[Message]:
        """What the child says, with other lines in the end."""
        told = Checkpoint(b"")
        async for message in super().messages(runner, task):
            match message:
                case SegmentDone() if message.segment == self.granted.spec.segments - 1:
                    true = read_checkpoint(Path(message.path).read_bytes())
                    other = true.lines[0].replace(b'"completion": "', b'"completion": "poison ')
                    told = replace(true, lines=(other, *true.lines[1:]))
                    Path(message.path).write_bytes(told.encode())
                    message = message.model_copy(update={"state_digest": digest_of(told)})
                case Finished(result=str(result)):
                    Path(result).write_bytes(b"".join(told.lines))
            yield message


def digest_of(state: Checkpoint) -> str:
    """The digest that is committed to."""
    return Generate().digest(state.encode())
