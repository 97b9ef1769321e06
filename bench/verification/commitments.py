"""What commitments cost the provider: a real LoRA segment beside the digests, leaf, chain and signature that close it.

And what the epoch costs besides: each segment's place under the epoch's root, the draw, and the checks by signature.
All in processor time, in one process.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from assay.proof import Domain, Key, chain, check_signature, epoch, merkle_sum, sign_event
from assay.proof.commitment import leaf
from assay.proof.cutting import steps_enough
from assay.proof.digest import blake3_hex, blob_digest
from assay.proof.epoch import Entry, Range
from assay.schema.lease import LeaseCommitted
from assay.schema.values import NO_DIGEST, Role, derive_id, participant_id
from assay.workloads.memory import STATE_BYTES
from bench.result import Result

MODELS: Final = Path(os.environ.get("ASSAY_MODELS_DIR", "var/models"))
STEPS: Final = 4
LENGTHS: Final = (4, 10, 50)
SEGMENTS: Final = 20_000
JOB_STEPS: Final = 10_000
LEASE_SEGMENTS: Final = 100
BLOCK_BYTES: Final = 64 << 20
AIM: Final = 0.005
KEY: Final = Key.from_hex("11" * 32)
DOMAIN: Final = Domain(31337, "0x" + "5a" * 20)
PROVIDER: Final = participant_id(Role.PROVIDER, KEY.address)
SPEC: Final = "ab" * 32
LEASE: Final = derive_id("l", 1)
JOB: Final = derive_id("j", 1)


@dataclass(frozen=True, slots=True)
class Overhead:
    """Processor seconds: of a step of work, of closing a segment, of any segment's book-keeping, of one check.

    `alone_s` is the book-keeping of a segment that is a lease of its own, as that of a one-second job is.
    """

    step_s: float | None
    closing_s: float
    keeping_s: float
    alone_s: float
    check_s: float
    hash_bytes_per_s: float

    def share_at(self, steps: int) -> float | None:
        """What commitments cost of a segment of so many steps; None where no step was run."""
        return (self.closing_s + self.keeping_s) / (self.step_s * steps) if self.step_s else None


def run() -> Result:
    """The part, measured now."""
    found = measure()
    share = found.share_at(STEPS)
    figures: dict[str, float | str | None] = {
        "step_cpu_s": found.step_s,
        "closing_cpu_ms": found.closing_s * 1000,
        "keeping_cpu_us": found.keeping_s * 1e6,
        "keeping_alone_cpu_us": found.alone_s * 1e6,
        "check_cpu_us": found.check_s * 1e6,
        "model": "SmolLM2-135M, LoRA" if share else "not installed: assay devnet model",
        **{f"share_at_{steps}_steps": found.share_at(steps) for steps in LENGTHS},
        "hash_gb_per_s": found.hash_bytes_per_s / 1e9,
        # The least segment of full training whose state, hashed on one core, costs no more than the aim.
        "segment_s_min_per_billion": STATE_BYTES * 1e9 / found.hash_bytes_per_s / AIM,
    }
    if found.step_s:
        # What an order of so many steps that names no length of its segments is cut to.
        length = steps_enough(found.step_s, found.closing_s + found.keeping_s, JOB_STEPS)
        figures |= {"segment_steps_by_rule": float(length), "share_by_rule": found.share_at(length)}
    ratios = {"aim_over_share": AIM / share} if share else {}
    notes = (f"a LoRA segment of {STEPS} steps of 256 tokens on SmolLM2-135M; longer ones cost the same to close",)
    return Result("commitments", figures, {}, ratios, {"aim_over_share": 1.0}, notes)


@lru_cache(maxsize=1)
def measure() -> Overhead:
    """The overhead, measured once in a process."""
    step_s, state = run_segment()
    block = bytes(BLOCK_BYTES)
    closing_s = closing_s_of(state) if state else 0.0
    hash_bytes_per_s = BLOCK_BYTES / cpu_s(lambda: blake3_hex(block))
    keeping_s, alone_s = keep_books(LEASE_SEGMENTS), keep_books(1)
    return Overhead(step_s, closing_s, keeping_s, alone_s, check_s(), hash_bytes_per_s)


def run_segment() -> tuple[float | None, bytes]:
    """The least processor time of a step of a real segment, and the checkpoint that the segment ends in."""
    from assay.workloads import HeldInputs, ModelStore, read_params, workload
    from assay.workloads.smollm2 import SMOLLM2

    store = ModelStore(MODELS)
    if SMOLLM2 not in store:
        return None, b""
    text = b"Every result is proven before it is paid. " * 400
    raw: dict[str, Any] = {"model": SMOLLM2, "data": blob_digest(text), "steps": STEPS, "segment_steps": STEPS}
    params, inputs = read_params("finetune", raw | {"threads": 1}), HeldInputs(store, {blob_digest(text): text})
    work = workload("finetune")
    ended: list[float] = []
    closed = work.run(params, inputs, work.start(params, inputs), 0, lambda _: ended.append(time.process_time()))
    return min(later - earlier for earlier, later in pairwise(ended)), closed.state


def closing_s_of(state: bytes) -> float:
    """Processor seconds that closing a segment adds to its work: the state's digest, the file and its digest."""
    from assay.workloads.checkpoint import digest_of, read_checkpoint, write_tensors

    tensors = read_checkpoint(state)
    return cpu_s(lambda: (digest_of(tensors), blob_digest(write_tensors(tensors))))


def keep_books(segments: int) -> float:
    """Processor seconds a segment, in leases of so many: leaf, chain, signature, both roots, draw."""
    signed = cpu_s(lambda: sign_event(KEY, DOMAIN, commitment(1), PROVIDER, 1), times=300)
    commits = [commitment(at) for at in range(segments)]
    ranged = cpu_s(lambda: epoch.range_of(commits, SPEC), times=2_000 // segments) / segments
    leases = [lease_range(at, segments) for at in range(SEGMENTS // segments)]
    return signed + ranged + cpu_s(lambda: draw_from(leases)) / SEGMENTS


def check_s() -> float:
    """Processor seconds of the check of one signature at the door, where every statement is checked, proven or not."""
    said = sign_event(KEY, DOMAIN, commitment(1), PROVIDER, 1)
    return cpu_s(lambda: check_signature(said, DOMAIN), times=300)


def draw_from(leases: Sequence[Range]) -> None:
    """The epoch's root, its seed and the draw."""
    root, _ = epoch.epoch_root([each.entry for each in leases])
    epoch.draw(epoch.seed(b"\7" * 32, root, PROVIDER, 1), leases, 90)


def lease_range(at: int, segments: int) -> Range:
    """A lease's range of equal segments, whose leaves are made up."""
    leaves = tuple(bytes([each]) * 32 for each in range(segments))
    costs = (1000,) * segments
    under = merkle_sum.root(list(zip(leaves, costs, strict=True)))
    return Range(Entry(f"l{at:026d}", 1, 0, segments, *under), leaves, costs)


def commitment(segment: int) -> LeaseCommitted:
    """A provider's commitment to one segment, made as its worker makes it."""
    said: dict[str, Any] = {"lease_id": LEASE, "job_id": JOB, "provider": PROVIDER, "fence": 1, "segment": segment}
    said |= {"state_in": "01" * 32, "state_out": "02" * 32, "checkpoint": "03" * 32, "units": 1000}
    link = chain(NO_DIGEST, leaf(**said, spec_digest=SPEC))
    return LeaseCommitted(**said, previous=NO_DIGEST, commitment=link, compute_ms=1000)


def cpu_s(work: Callable[[], object], times: int = 5) -> float:
    """The least processor time of a call, in seconds: what it takes where nothing disturbs it."""
    taken = []
    for _ in range(times):
        begun = time.process_time()
        work()
        taken.append(time.process_time() - begun)
    return min(taken)
