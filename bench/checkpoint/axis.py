"""A checkpoint of 64 MiB through the store of blobs beside what limits it, and the bytes of later ones that travel.

The peer is the Object Store of nats-py on the same server. The limits are of this machine in the same run: a copy in
memory, BLAKE3, and a file written and synced. What travels is counted at the door, over checkpoints of three kinds of
work: of LoRA, where every value changes; of full training, where embeddings of tokens that do not occur stay; and of
answers, to which each segment adds. And how much checkpoints and commitments slow a training (`slowing`).
"""

import asyncio
import os
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import nats
from blake3 import blake3
from nats.js.api import ObjectMeta, ObjectMetaOptions

from assay.bus import connect
from assay.bus.parts import PART_BYTES
from assay.devnet.servers import Servers
from assay.schema.streams import STREAMS
from bench.checkpoint.slowing import SEGMENT_STEPS, STEPS, TURNS, slowing
from bench.checkpoint.travel import travelled
from bench.result import Result

SIZE_BYTES: Final = 64 * 2**20
ROUNDS: Final = 3
SLOWED_AIM: Final = 0.02
SLOWED_LEAST: Final = 1e-4
"""What is slowed by less is slowed by so much: noise, too, has a finite ratio to the aim."""
SLOWED: Final = ("slowed_wall", "slowed_cpu")
AIMS: Final = {"get_over_nats_py": 8.0, "put_over_sync": 0.5, **{f"2_%_over_{kind}": 1.0 for kind in SLOWED}}


def run() -> Result:
    """The axis, measured now, in some minutes."""
    return asyncio.run(measure())


async def measure() -> Result:
    """Rounds of ours and the peer's, one after the other; of each the best."""
    data = random.Random(1).randbytes(SIZE_BYTES)
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as name:
        limits = limits_of(data, Path(name) / "file")
        async with Servers(Path(name) / "servers", only=("nats",)) as servers:
            ours, theirs = await stores(servers, data)
            slowed = await trained(servers, Path(name))
    told: Mapping[str, float | str] = slowed or {"slowed": "not run: assay model install"}
    training = {f"training_{name}": value for name, value in told.items()}
    moved = {f"{kind}_travels_of_whole": share for kind, share in (await travelled()).items()}
    return Result(
        "checkpoint",
        {**ours, **moved, **training},
        {"nats-py object store": theirs, "limits": limits},
        {
            "get_over_nats_py": ours["get_mb_s"] / theirs["get_mb_s"],
            "put_over_nats_py": ours["put_mb_s"] / theirs["put_mb_s"],
            "put_over_sync": ours["put_mb_s"] / limits["write_and_sync_mb_s"],
            **budgets(slowed),
        },
        AIMS,
        (
            "ours: checked by BLAKE3 both ways; the server syncs each write",
            "best of three rounds that take turns",
            f"training: LoRA of SmolLM2-135M, {STEPS} steps, in segments of {SEGMENT_STEPS} with all that closes them,",
            f"and in one, nothing kept; {TURNS} turns each; wall: medians; cpu: the least, of child and parent",
        ),
    )


async def trained(servers: Servers, folder: Path) -> dict[str, float] | None:
    """By how much a training is slowed that keeps its checkpoints on these servers."""
    creds = servers.nats.creds_file("train", servers.network.service_creds("train", [">"], [">"]))
    bus = await connect(servers.nats_url, creds, "train")
    try:
        return await slowing(bus, folder)
    finally:
        await bus.close()


def budgets(slowed: Mapping[str, float] | None) -> dict[str, float]:
    """How many times what a training is slowed by is within the aim."""
    return {f"2_%_over_{kind}": SLOWED_AIM / max(slowed[kind], SLOWED_LEAST) for kind in SLOWED if slowed}


async def stores(servers: Servers, data: bytes) -> tuple[dict[str, float], dict[str, float]]:
    """Put and get of both, in MB/s."""
    creds = servers.nats.creds_file("bench", servers.network.service_creds("bench", [">"], [">"]))
    bus = await connect(servers.nats_url, creds, "bench")
    await bus.ensure_streams(STREAMS)
    peer = await nats.connect(servers.nats_url, user_credentials=str(creds))
    store = await peer.jetstream().create_object_store("peer")
    ours: dict[str, float] = {"put_mb_s": 0.0, "get_mb_s": 0.0}
    theirs = dict(ours)
    for number in range(ROUNDS):
        mine = number.to_bytes(8, "big") + data[8:]
        digest = blake3(mine).hexdigest()
        name = f"{number}"
        options = ObjectMeta(name, options=ObjectMetaOptions(max_chunk_size=PART_BYTES))
        for figures, kind, work in (
            (ours, "put_mb_s", partial(bus.blobs.put, mine)),
            (theirs, "put_mb_s", partial(store.put, name, mine, options)),
            (ours, "get_mb_s", partial(bus.blobs.get, digest)),
            (theirs, "get_mb_s", partial(written, store, name)),
        ):
            figures[kind] = max(figures[kind], SIZE_BYTES / 1e6 / await seconds(work))
    await peer.close()
    await bus.close()
    return ours, theirs


async def written(store: Any, name: str) -> None:
    """Read the peer's object in its fast way: into a file, for in memory it takes quadratic time."""
    with tempfile.TemporaryFile() as file:
        await store.get(name, writeinto=file)


async def seconds(work: Callable[[], Awaitable[object]]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


def limits_of(data: bytes, file: Path) -> dict[str, float]:
    """What this machine can do at best, in MB/s."""
    return {
        "copy_mb_s": best(lambda: bytearray(data)),
        "blake3_mb_s": best(lambda: blake3(data).digest()),
        "write_and_sync_mb_s": best(lambda: synced(file, data)),
    }


def best(work: Callable[[], object]) -> float:
    """The best of some rounds."""
    found = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        found.append(SIZE_BYTES / 1e6 / (time.perf_counter() - began))
    return max(found)


def synced(file: Path, data: bytes) -> None:
    """Write a file and wait for the disk."""
    with file.open("wb") as to:
        to.write(data)
        to.flush()
        os.fdatasync(to.fileno())
