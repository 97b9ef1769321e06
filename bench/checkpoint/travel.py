"""How much of later checkpoints travels, by kind of work: counted in what a provider's door sends."""

import json
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import numpy as np

from assay.bus.blob_door import DoorBlobs, give_part, take_part
from assay.bus.blobs import StoredBlobs
from assay.bus.memory_keeper import MemoryKeeper
from assay.bus.port import Message
from assay.workloads.checkpoint import Tensors, write_tensors

SEGMENTS: Final = 8
MIB: Final = 2**20


class Counted:
    """A line to a gateway that only knows blobs, and how many bytes went up it."""

    def __init__(self) -> None:
        self.store, self.sent_bytes = StoredBlobs(MemoryKeeper()), 0

    async def ask(
        self, subject: str, data: bytes, headers: Mapping[str, str] | None = None, timeout_s: float = 0.0
    ) -> Message:
        """What the gateway answers."""
        if subject == "ask.blob":
            answer = await give_part(self.store, "provider", json.loads(data), True)
        else:
            self.sent_bytes += len(data)
            message = Message(subject, headers or {}, data)
            answer = await take_part(self.store, "provider", subject.rpartition(".")[2], message)
        return Message("", *answer) if isinstance(answer, tuple) else Message("", {}, answer)


async def travelled() -> dict[str, float]:
    """The share of the bytes of all checkpoints but the first that travelled, for each kind of work."""
    return {name: await share_of(states()) for name, states in STATES.items()}


async def share_of(states: Iterator[bytes]) -> float:
    """The share over one job."""
    line = Counted()
    blobs = DoorBlobs(line)
    base = await blobs.put(next(states))
    line.sent_bytes, whole = 0, 0
    for state in states:
        base = await blobs.put(state, base)
        whole += len(state)
    return line.sent_bytes / whole


def lora() -> Iterator[bytes]:
    """Adapter and moments, of which each value changes with each step."""
    draw = np.random.default_rng(1)
    for _ in range(SEGMENTS):
        yield write_tensors({f"{group}.a": draw.random(MIB, np.float32) for group in ("adapter", "exp_avg")})


def full() -> Iterator[bytes]:
    """A model of a large vocabulary, of whose embeddings a text of few words moves some rows, and all of its layers."""
    draw = np.random.default_rng(2)
    tensors: Tensors = {f"{group}.embed": np.zeros((32_768, 256), "<f4") for group in ("model", "exp_avg")}
    seen = draw.choice(2_048, 400, replace=False)
    for _ in range(SEGMENTS):
        for name in list(tensors):
            tensors[name][seen] += draw.random((len(seen), 256), np.float32)
        yield write_tensors(tensors | {"model.layers": draw.random((8, MIB // 4), np.float32)})


def answers() -> Iterator[bytes]:
    """The answers so far, and those of one more segment."""
    draw, said = random.Random(3), b""
    for _ in range(SEGMENTS):
        said += draw.randbytes(2 * MIB)
        yield said


STATES: Final[dict[str, Callable[[], Iterator[bytes]]]] = {"lora": lora, "full": full, "answers": answers}
