"""Verifiers that evade being found: all who can answer decline together; one looks only where it is watched.

For the latter the operator has half of all questions planted, so that few of them are enough.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from tests.adversaries.hostile_verifiers import ALLIES, TOLD, UNREAD, WATCHES
from tests.adversaries.running import REGIONS, ROOMY_BYTES, heard_in, running
from tests.holdings import Holdings, holdings
from tests.network import PRICE, REGION, SEGMENT_PRICE, STEADY, UNITS, VERIFIERS, Net
from tests.resting import check_at_rest
from tests.scenarios.tuning import SIZES, TEXT

from assay.client.sdk import JobView
from assay.proof.replay import Replay
from assay.proof.reputation import reputation_of
from assay.schema.audit import AuditOverruled, VerifierSlashed
from assay.schema.lease import UNPROVEN, LeaseRejected, SlashReason
from assay.schema.values import BOND_PER_VERIFIER, Policy, Requirements

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.timeout(1200)]

CHEAT, VICTIM = PROVIDERS = ("spared", "starved-of-pay")
PLANTED_PPM: Final = 500_000
READ: Final = 8
"""Segments of a job whose traces are read."""
JOBS_MAX: Final = 4
WITHIN_S: Final = 400.0
BOND_IN_STABLE: Final = BOND_PER_VERIFIER // 10**12
"""At one to one; the bond's token has twelve digits more."""


@dataclass(frozen=True)
class Trial:
    """What they were told, what all had before and after, and the job of each provider that they declined."""

    heard: Counter[tuple[str, str]]
    before: dict[str, Holdings]
    after: dict[str, Holdings]
    declined: dict[str, JobView]
    said_since: int


@pytest.fixture(scope="module")
async def trial(net: Net, tiny_model: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Trial]:
    """Work that only the allies can answer for, and traces until one was said unread to hold that was planted."""
    folder, since = tmp_path_factory.mktemp("evading"), len(net.chronicle.said)
    names = (*PROVIDERS, *ALLIES, WATCHES, *VERIFIERS)
    async with running(net, folder, PROVIDERS, (*ALLIES, WATCHES)):
        before = {name: await holdings(net, name) for name in names}
        await net.until_counted((*ALLIES, *VERIFIERS))
        declined = await asyncio.gather(*(order_roomy(net, name) for name in PROVIDERS))
        async with planting(net, PLANTED_PPM):
            await until_found(net, folder, tiny_model)
        await check_at_rest(net, since)
        after = {name: await holdings(net, name) for name in names}
        yield Trial(heard_in(net, folder), before, after, dict(zip(PROVIDERS, declined, strict=True)), since)


@asynccontextmanager
async def planting(net: Net, ppm: int) -> AsyncIterator[None]:
    """The service of verification started again with so many planted questions, and after the block as it was."""
    process, supervisor = net.devnet.supervisor.tasks["verification"].process, net.devnet.supervisor
    environment = dict(process.env)

    async def start_with(env: dict[str, str]) -> None:
        await supervisor.stop_one("verification")
        process.env = env
        await supervisor.start_one("verification")

    await start_with(environment | {"ASSAY_VERIFICATION_PLANTED_PPM": str(ppm)})
    try:
        yield
    finally:
        await start_with(environment)


async def order_roomy(net: Net, name: str) -> JobView:
    """A job of one segment, of which its order says more memory than honest verifiers have; once it has ended."""
    params = {"segments": 1, "units_per_segment": UNITS, "payload": secrets.token_hex(8)}
    needs = Requirements(regions=(REGIONS[name],), memory_bytes=ROOMY_BYTES)
    how = {"requirements": needs, "policy": Policy(audit_segments=1), "price_limit": 2 * SEGMENT_PRICE}
    return await net.ended(await net.assay.submit("noop", params, **how), WITHIN_S)


async def until_found(net: Net, folder: Path, model: str) -> None:
    """Jobs whose traces are read, one after the other, until who said unread that one holds is found out."""
    steps = READ * SIZES["segment_steps"] // 5
    sizes = SIZES | {"segment_steps": steps // READ, "steps": steps, "heldout_share": 0.1}
    params = {"model": model, "data": await net.assay.upload(TEXT), "learning_rate": 0.01, **sizes}
    limit = 3 * steps * SIZES["batch"] * SIZES["sequence_tokens"] * PRICE // 1_000_000
    policy = Policy(audit_segments=READ, method="trace")
    for number in range(JOBS_MAX):
        if heard_in(net, folder)[WATCHES, "audit.overruled"]:
            break
        how = {"price_limit": limit, "policy": policy}
        await net.ended(await net.order("finetune", params | {"seed": number}, (REGION[STEADY],), **how), WITHIN_S)


@pytest.mark.parametrize("name", PROVIDERS)
def test_where_all_who_can_answer_decline_nobody_is_paid_and_nobody_slashed(net: Net, trial: Trial, name: str) -> None:
    job = trial.declined[name]
    assert (job.state, job.paid, job.audited, job.refunded) == ("refunded", 0, 0, job.price_limit)
    said = [each.event for each in net.chronicle.of(job.job_id)]
    assert [event.code for event in said if isinstance(event, LeaseRejected)] == [UNPROVEN]
    assert list(job.epochs[0].unproven) == ["verifier.machine"]
    assert trial.before[name] == trial.after[name]
    account = Replay.of(each.event for each in net.chronicle.said).accounts()[net.party(name).key.address]
    assert (account.rejected, account.dropped) == (0, 1) and account.reputation < reputation_of(0, 0)


@pytest.mark.parametrize("name", ALLIES)
def test_who_declines_with_all_others_earns_nothing_by_it(trial: Trial, name: str) -> None:
    assert trial.heard[name, "audit.assigned"] >= 2 * len(PROVIDERS) and not trial.heard[name, "audit.upheld"]
    assert trial.before[name] == trial.after[name]


def test_who_looks_only_where_it_is_watched_cannot_tell_where_and_loses_more_than_it_is_paid(
    net: Net, trial: Trial
) -> None:
    assert trial.heard[WATCHES, UNREAD] and not trial.heard[WATCHES, TOLD]
    own, said = net.party(WATCHES).id, [envelope.event for envelope in net.chronicle.said[trial.said_since :]]
    fell = [event for event in said if isinstance(event, AuditOverruled) and event.verifier == own]
    # Of a planted question nothing is said but that it was answered falsely.
    assert fell and {(event.reason, event.lease_id) for event in fell} == {(SlashReason.LAZY_VERIFIER, None)}
    before, after = trial.before[WATCHES], trial.after[WATCHES]
    lost = sum(event.amount for event in said if isinstance(event, VerifierSlashed) and event.verifier == own)
    assert before.stake - after.stake == lost > 0
    assert after.stable - before.stable < BOND_IN_STABLE


def test_nobody_honest_is_slashed(net: Net, trial: Trial) -> None:
    said = [envelope.event for envelope in net.chronicle.said[trial.said_since :]]
    assert "lease.slashed" not in {event.type for event in said}
    assert {event.verifier for event in said if isinstance(event, VerifierSlashed)} == {net.party(WATCHES).id}
    for name in VERIFIERS:
        assert trial.after[name].stake == trial.before[name].stake
