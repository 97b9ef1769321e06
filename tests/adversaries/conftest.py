"""The hostile providers beside the honest network, and what came of a job at each of them."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest
from tests.adversaries.behaviours import BEHAVIOURS
from tests.adversaries.evasive import GROUND_DRAWS, GROUND_SEGMENTS
from tests.adversaries.hostile_verifiers import UNLUCKY
from tests.adversaries.running import LEAVING, REGIONS, running
from tests.holdings import Holdings, holdings
from tests.network import ENDS, PRICE, REGION, STEADY, UNITS, VERIFIERS, Net
from tests.scenarios.tuning import SIZES, TEXT

from assay.client.sdk import Assay, JobView
from assay.devnet.parties import Party
from assay.schema.values import Policy, Requirements, Role

SEGMENTS: Final = 4
TUNING_SEGMENTS: Final = 2
WITHIN_S: Final = 400.0
AT_A_TIME: Final = 8
"""Leases in hand: more children loading torch at once leave the process no turn to say that it lives."""
NEAR: Final = ("rounding",)
"""Those whose bits lie within honest noise of the truth, but are not those of the class of machine that they state."""
UNSEEN: Final = ("noise-in-tolerance",)
"""Those whom nothing finds: what they hide is as small as honest machines' noise, and saves them no work."""
TUNED: Final = (
    *("half-way", "bfloat16", "poison", "rounding", "chosen-data", "half-batch", "false-trace", "blows-up", "dead-end"),
    *("int8-tuning", "forged-class", "noise-in-tolerance", "noise-calibrated", "withholds-trace"),
)
"""Those whose job is a fine-tuning; the others' work is a chain of digests, or text."""
SHORT: Final = ("int8-tuning", "forged-class", "noise-in-tolerance", "noise-calibrated", "withholds-trace")
"""Those whose fine-tuning has one segment: what they do is alike in all."""
GRINDING: Final = ("grinds",)
"""Those whose job has too many segments for all to be drawn."""
WRITING: Final = ("int8-answers", "right-sketches", "other-lines")
"""Those whose job is completions of prompts."""

TELLING: Final = ("other-lines",)
"""Those whose completions are of several segments."""
SYBILS: Final = ("sybil-1", "sybil-2", "sybil-3")
"""The names of one owner, who share a job of as many segments. It asks for one draw of each lease."""
BUYER: Final = "buyer"
BUYING: Final = ("buys-its-own", "buys-its-lies")
"""Those whose job is ordered by their owner."""
PAID: Final = ("buys-its-own", "two-roots", "closes-lines")
"""Those who work honestly and are paid, whatever else they try."""
UNTRIED, FALSE_MEMBER, TWO_TONGUES = "claims-to-have-run", "false-update", "two-tongues"
LATER: Final = (UNTRIED, FALSE_MEMBER, TWO_TONGUES)
"""Those whose job comes later: as the verifier without memory has left, who would be waited for; with others' jobs; as
questions come."""

PROMPTS: Final = b"".join(b'{"prompt": "%s"}\n' % text for text in (b"one", b"two and a bit", b"a third one", b"four"))
COMPLETIONS: Final = {
    **{"requests": 4, "segment_requests": 4, "max_tokens": 8},
    **{"batch": 2, "prompt_tokens_max": 32, "threads": 1},
}
SEALED: Final = ("unsealed",)
"""Those whose job is sealed."""
TRACED: Final = ("false-trace", "withholds-trace")
"""Those whose job asks for the trace check: they work honestly, and open what is false, or nothing."""


@dataclass(frozen=True)
class Tried:
    """A job that a hostile provider had, once its money is at rest."""

    job: JobView
    before: Holdings
    after: Holdings


@pytest.fixture(scope="session")
async def farm(net: Net, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Path]:
    """The folder of the hostile providers at work, each in a region of its own."""
    folder = tmp_path_factory.mktemp("farm")
    async with running(net, folder, tuple(BEHAVIOURS)):
        yield folder
    for name in BEHAVIOURS:
        del net.devnet.parties[name]


@pytest.fixture(scope="session")
async def buyer(net: Net) -> AsyncIterator[Assay]:
    """The hands of a provider's owner as a requester, who has a deposit as any other."""
    await net.devnet.admit(Party.make(net.devnet.places.parties, BUYER, Role.REQUESTER))
    async with Assay.connect(net.devnet.profile(BUYER)) as assay:
        yield assay


@pytest.fixture(scope="session")
async def tried(net: Net, farm: Path, buyer: Assay, tiny_model: str) -> dict[str, Tried]:
    """A job at every hostile provider, some at a time; the names of one owner have one together."""
    before = {name: await holdings(net, name) for name in BEHAVIOURS}
    data, gate = await net.assay.upload(TEXT), asyncio.Semaphore(AT_A_TIME)
    as_buyer = replace(net, assay=buyer)

    def hands(name: str) -> Net:
        return as_buyer if name in BUYING else net

    async def at(name: str) -> str:
        async with gate:
            job_id = await order(hands(name).assay, name, tiny_model, data)
            await net.until_said(job_id, ("job.interrupted", "job.executed", *ENDS), within_s=WITHIN_S)
        return job_id

    names = [name for name in BEHAVIOURS if name not in (*LATER, *SYBILS[1:])]
    names.sort(key=lambda name: name not in (*LEAVING, *TRACED))
    async with running(net, farm, verifiers=tuple(UNLUCKY)):
        ids = await asyncio.gather(*map(at, names))
        ended = [await hands(name).ended(job_id, WITHIN_S) for name, job_id in zip(names, ids, strict=True)]
    jobs = dict(zip(names, ended, strict=True))
    jobs |= dict.fromkeys(SYBILS, jobs[SYBILS[0]])
    slashed = [name for name, job in jobs.items() if job.state == "refunded" and name not in NEAR]
    times = {name: len(SYBILS) if name in SYBILS else 1 for name in slashed}
    await asyncio.gather(*(net.until_said(jobs[name].job_id, "lease.slashed", times[name]) for name in slashed))
    return {
        name: Tried(await hands(name).assay.job(job.job_id), before[name], await holdings(net, name))
        for name, job in jobs.items()
    }


async def order(assay: Assay, name: str, model: str, data: str) -> str:
    """The id of the job that only this provider may run, or the names of its owner."""
    kind, params, units = work_of(name, model, data)
    if kind == "generate":
        params["prompts"] = await assay.upload(PROMPTS)
    limit = 2 * units * PRICE // 1_000_000  # Every segment is drawn at the order's cost.
    honest = (REGION[STEADY],) if name in LEAVING else ()
    own = SYBILS if name in SYBILS else (name,)
    needs, policy = Requirements(regions=(*(REGIONS[each] for each in own), *honest)), policy_of(name)
    how = {"requirements": needs, "policy": policy, "price_limit": limit, "seal": name in SEALED}
    return await assay.submit(kind, params, **how)


def work_of(name: str, model: str, data: str) -> tuple[str, dict[str, Any], int]:
    """The kind of this provider's job, its parameters, and what it costs in units."""
    if name in TUNED:
        steps = (1 if name in SHORT else TUNING_SEGMENTS) * SIZES["segment_steps"]
        params = {"model": model, "data": data, "steps": steps, "learning_rate": 0.01, "heldout_share": 0.1, **SIZES}
        return "finetune", params, steps * SIZES["batch"] * SIZES["sequence_tokens"]
    if name in WRITING:
        cut = COMPLETIONS | ({"segment_requests": 2} if name in TELLING else {})
        return "generate", {"model": model, **cut}, COMPLETIONS["requests"] * COMPLETIONS["max_tokens"]
    segments = GROUND_SEGMENTS if name in GRINDING else len(SYBILS) if name in SYBILS else SEGMENTS
    return "noop", {"segments": segments, "units_per_segment": UNITS}, segments * UNITS


def policy_of(name: str) -> Policy:
    """What is asked of the proof: all segments are drawn, but of who would choose the draw, or be many."""
    draws = GROUND_DRAWS if name in GRINDING else 1 if name in SYBILS else SEGMENTS
    return Policy(audit_segments=draws, method="trace" if name in TRACED else None)


@pytest.fixture
def honest() -> list[str]:
    """The parties that have done nothing wrong."""
    return [STEADY, *VERIFIERS, *UNLUCKY]
