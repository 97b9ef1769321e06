"""What the proof of a pooled epoch costs of its compute, by the policy that providers are held to.

Audits, what they make the provider do again, planted faults, commitments as measured, and a reserve for disputes. The
curve over the size of the pool is printed down to where pooling does not help. Beside it: running everything again, and
running everything twice.
"""

import math
import time
from dataclasses import replace
from typing import Any, Final

from assay.proof import epoch, merkle_sum
from assay.proof.economics import MILLION
from assay.proof.epoch import Entry, Range
from assay.proof.policy import Numerics, Plan, Reputation, Terms, Work, choose
from assay.proof.pool import PoolPart, read_entries, write_entries
from assay.schema.epoch import EpochPooled
from assay.schema.values import NO_DIGEST, derive_id
from assay.verification.domain import Part, pool
from bench.result import Result
from bench.verification.commitments import measure

SIZES: Final = (100, 300, 1_000, 3_000, 10_000, 20_000, 50_000, 100_000)
POOL: Final = 20_000
DRAWN: Final = 90
PROVIDER: Final = "p" + "a" * 32
PAY: Final = 10**9
PROVEN: Final = Reputation(passed_epochs=50)
AIM_PPM: Final = 5_000
COMMIT_PPM: Final = Terms(1, 1, 1).commit_ppm
SEGMENT_STEPS: Final = 50
KINDS: Final[dict[str, dict[str, Any]]] = {
    "training": {},
    "inference": {"work": Work.INFERENCE},
    "bfloat16_alone_in_class": {"numerics": Numerics.BFLOAT16},
}


def run() -> Result:
    """The part; only the commitments in it are measured, the rest follows from the policy."""
    overhead = measure()
    commit_ppm = math.ceil((overhead.share_at(SEGMENT_STEPS) or 0) * MILLION) or COMMIT_PPM
    whole = plan(POOL, commit_ppm)
    short = short_job_ppm(whole, overhead.alone_s)
    figures: dict[str, float | str | None] = {
        "cost_share": share(whole),
        "tier": whole.chosen.tier,
        "k": float(whole.chosen.k),
        "commitment_share": commit_ppm / MILLION,
        "found_at_5_percent": dict(whole.detection)[50_000] / MILLION,
        "one_second_job_cost_share": short / MILLION,
        "one_second_job_with_the_doors_check": short / MILLION + overhead.check_s,
        "one_second_answer_cost_share": short_job_ppm(plan(POOL, commit_ppm, "inference"), overhead.alone_s) / MILLION,
        "one_second_lora_job_cost_share": short / MILLION + overhead.closing_s,
        "gain_bound_over_pay": whole.gain_bound / PAY,
    }
    figures |= great()
    figures |= {f"cost_share_at_{size}": share(plan(size, commit_ppm)) for size in SIZES}
    figures |= {f"cost_share_{name}": share(plan(POOL, commit_ppm, name)) for name in KINDS}
    figures |= {f"cost_share_tier_{row.tier}": row.cost.total / MILLION for row in whole.candidates}
    peers = {"full_replay": {"cost_share": 1.0}, "full_replication": {"cost_share": 1.0}}
    ratios = {
        "aim_over_cost": AIM_PPM / whole.chosen.cost.total,
        "aim_over_one_second_job": AIM_PPM / short,
        "full_replay_over_cost": 1 / share(whole),
        "full_replication_over_cost": 1 / share(whole),
    }
    return Result(
        "pool", figures, peers, ratios, {"aim_over_cost": 1.0, "aim_over_one_second_job": 1.0}, notes_of(whole)
    )


def plan(size: int, commit_ppm: int, kind: str = "training") -> Plan:
    """The plan of an epoch of so many segments, by a provider that passed many, with twice its pay at stake."""
    terms = Terms(segments=size, pay=PAY, stake=2 * PAY, commit_ppm=commit_ppm)
    return choose(replace(terms, **KINDS[kind]), PROVEN)


def great() -> dict[str, float]:
    """What a full pool of jobs of one segment takes to build and to draw from, and what a receipt shows of it."""
    leaf = bytes(32)
    root, units = merkle_sum.root([(leaf, 1_000)])
    entries = [Entry(derive_id("l", at), 1, 0, 1, root, units) for at in range(POOL)]
    parts = [Part(entry, derive_id("j", at)) for at, entry in enumerate(entries)]
    begun_s = time.perf_counter()
    closed, blob = pool(PROVIDER, 1, NO_DIGEST, parts)
    built_s = time.perf_counter()
    drawn = epoch.draw(closed.root, [Range(entry, (leaf,), (units,)) for entry in entries], DRAWN)
    drawn_s = time.perf_counter()
    assert isinstance(closed, EpochPooled)
    shown = read_entries(blob, closed).show({entries[0].lease_id, *(lease for lease, _ in drawn)})
    part = PoolPart.of(closed.size, shown, ()).model_dump_json() + write_entries(shown.entries).decode()
    return {
        "built_s": built_s - begun_s,
        "drawn_s": drawn_s - built_s,
        "blob_bytes": float(len(blob)),
        "receipt_bytes": float(len(part)),
    }


def share(plan: Plan) -> float:
    """What the proof costs of the compute."""
    return plan.chosen.cost.total / MILLION


def short_job_ppm(whole: Plan, alone_s: float) -> float:
    """What the proof of a job of one segment of one second costs in that pool: its draws, and its own book-keeping."""
    return whole.chosen.cost.total - whole.chosen.cost.commitments + alone_s * MILLION


def notes_of(whole: Plan) -> tuple[str, ...]:
    """What the figures rest on."""
    least = next((str(remedy.amount) for remedy in plan(100, COMMIT_PPM).remedies if remedy.name == "pool"), "-")
    return (
        "5 % falsified is found with 99 %; a drawn segment is run again whole, its inputs loaded",
        f"below {least} segments the proof of training is over 1 %: the epoch stays open, or the provider pays for it",
        f"commitments are those of a LoRA segment of {SEGMENT_STEPS} steps; a one-second job keeps its own books; "
        "as a LoRA job it hashes 5.5 MB of state besides, for which its segment is too short",
    )
