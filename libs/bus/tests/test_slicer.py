"""A slice reaches a participant with its proof, and what does not hold is refused, in both forms of the bus."""

import json
import os
import random
import signal
from collections.abc import AsyncIterator
from typing import Any

import pytest

from assay.bus import Bus, Door, Message
from assay.bus.parts import PART_BYTES
from assay.bus.slicer import Apart, Slicer
from assay.proof.digest import blob_digest
from assay.proof.slices import Slice, open_slice
from assay.schema.errors import Refused, Retry

Access = tuple[Bus, Door, str]
DATA = random.Random(5).randbytes(2 * PART_BYTES + 777)
DIGEST = blob_digest(DATA)


class Gate:
    """A gateway that gives slices, spoils what it is told to spoil, and lets those wait that it is told to."""

    def __init__(self, core: Bus) -> None:
        self.core, self.slicer = core, Slicer()
        self.asked: list[tuple[int, int]] = []
        self.spoilt: int | None = None
        self.busy = 0

    async def answer(self, message: Message) -> bytes:
        body = json.loads(message.data)
        if "length" not in body:
            return json.dumps({"size": await self.core.blobs.size(body["digest"]), "missing": []}).encode()
        if self.busy:
            self.busy -= 1
            raise Refused("rate.exceeded", retry_after_s=0.01)
        self.asked.append((body["offset"], body["length"]))
        proof = bytearray(await self.slicer.give(self.core.blobs, body["digest"], body["offset"], body["length"]))
        if self.spoilt is not None:
            proof[self.spoilt] ^= 1
        return bytes(proof)


@pytest.fixture
async def gate(core_and_door: Access) -> AsyncIterator[tuple[Gate, Door]]:
    core, door, account = core_and_door
    gate = Gate(core)
    await core.serve(f"ask.{account}.blob", gate.answer)
    await core.blobs.put(DATA)
    yield gate, door


async def test_a_slice_over_several_parts_comes_part_by_part_and_is_proven(gate: tuple[Gate, Door]) -> None:
    served, door = gate
    served.busy = 2
    found = await door.blobs.slice(DIGEST, PART_BYTES - 5, PART_BYTES + 10)
    assert found == Slice(len(DATA), DATA[PART_BYTES - 5 : 2 * PART_BYTES + 5])
    assert served.asked == [(PART_BYTES - 5, 5), (PART_BYTES, PART_BYTES), (2 * PART_BYTES, 5)]


@pytest.mark.parametrize("at", [0, 8, 100, -1])
async def test_a_gateway_that_says_something_else_is_not_believed(gate: tuple[Gate, Door], at: int) -> None:
    served, door = gate
    served.spoilt = at
    with pytest.raises(Refused, match=r"slice\.(unproven|range)"):
        await door.blobs.slice(DIGEST, 2000, 10)


@pytest.mark.parametrize(("start", "length"), [(-1, 5), (0, 0), (len(DATA), 1), (len(DATA) - 1, 2), (0, 2**70)])
async def test_a_slice_that_cannot_be_is_refused_before_it_is_asked_for(
    gate: tuple[Gate, Door], start: int, length: int
) -> None:
    served, door = gate
    with pytest.raises(Refused, match=r"slice\.range"):
        await door.blobs.slice(DIGEST, start, length)
    assert served.asked == []


@pytest.mark.parametrize("odd", [None, True, -1, 1.5, float("nan"), "1", [], {}, 2**63, 10**40])
async def test_whatever_is_asked_for_is_refused_by_a_typed_error(memory_bus: Bus, odd: object) -> None:
    await memory_bus.blobs.put(DATA)
    for start, length in ((odd, 1), (0, odd), (0, PART_BYTES + 1)):
        with pytest.raises(Refused, match=r"slice\.range"):
            await Slicer().give(memory_bus.blobs, DIGEST, start, length)


async def test_a_blob_that_is_too_large_is_to_be_fetched_whole(
    memory_bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assay.bus.slicer.SLICED_BYTES_MAX", len(DATA) - 1)
    await memory_bus.blobs.put(DATA)
    with pytest.raises(Refused, match=r"blob\.oversized.*whole"):
        await Slicer().give(memory_bus.blobs, DIGEST, 0, 1)


@pytest.mark.parametrize("damaged", [DATA[:PART_BYTES][::-1], DATA[:100], b""])
async def test_what_was_once_read_damaged_is_not_proven_by_from_then_on(memory_bus: Bus, damaged: bytes) -> None:
    await memory_bus.blobs.put(DATA)
    slicer, spoilt = Slicer(), [damaged]

    class Damaged:
        size = memory_bus.blobs.size

        async def read(self, digest: str, offset: int) -> bytes:
            part = await memory_bus.blobs.read(digest, offset)
            return spoilt.pop() if spoilt and offset == 0 else part

    store: Any = Damaged()
    with pytest.raises(Retry):
        await slicer.give(store, DIGEST, PART_BYTES, 10)
    proof = await slicer.give(store, DIGEST, PART_BYTES, 10)
    assert open_slice(DIGEST, PART_BYTES, 10, proof).data == DATA[PART_BYTES:][:10]


async def test_sums_are_done_in_another_process_and_by_a_new_one_if_it_is_lost() -> None:
    apart = Apart()
    pid = await apart.run(os.getpid)
    assert pid != os.getpid() == await apart.run(os.getppid)
    with pytest.raises(Retry):
        await apart.run(signal.raise_signal, signal.SIGKILL)
    assert await apart.run(os.getpid) != pid
