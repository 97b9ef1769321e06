"""Hostile verifiers against the running network: what finds each, what it gained, and what it lost."""

import secrets
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from tests.adversaries.hostile_verifiers import BEHAVIOURS, SPARED
from tests.adversaries.running import REGIONS, heard_in, running
from tests.holdings import Holdings, holdings
from tests.network import REGION, SECOND, SEGMENT_PRICE, STEADY, UNITS, VERIFIERS, Net
from tests.resting import check_at_rest

from assay.client.sdk import JobView
from assay.schema.audit import AuditOverruled, VerifierSlashed
from assay.schema.beacon import BeaconMissed
from assay.schema.dispute import DisputeForfeited
from assay.schema.epoch import EpochDrawn, EpochMismatched, EpochSettled
from assay.schema.lease import LeaseRejected, LeaseSlashed, SlashReason
from assay.schema.values import BOND_PER_VERIFIER, Policy, Requirements

pytestmark = [pytest.mark.server, pytest.mark.slow, pytest.mark.timeout(1200)]

SEGMENTS: Final = 6
FALSE_SEGMENTS: Final = 16
ROUNDS: Final = 16
WITHIN_S: Final = 240.0
TEMPTATIONS: Final = 3
BOND_IN_STABLE: Final = BOND_PER_VERIFIER // 10**12
"""At one to one; the bond's token has twelve digits more."""
FALSE: Final = {SlashReason.FALSE_ACCUSATION, SlashReason.LAZY_VERIFIER}
"""The second where the claim is false, too, or was planted."""
CAUGHT: dict[str, set[SlashReason]] = {
    "state-before": FALSE,
    "random-digest": {SlashReason.LAZY_VERIFIER},
    "copier": {SlashReason.LAZY_VERIFIER},
    "liar-1": FALSE,
    "liar-2": FALSE,
    "reveals-other": {SlashReason.LAZY_VERIFIER},
}
LIARS: Final = ("liar-1", "liar-2")
LATE = ("silent", "never-reveals")
IDLE = (*LATE, "declines")
KEEPS: Final = "withholds-share"
FRIENDS: Final = ("bribed", "spares")
"""Those who are to be asked about the false provider's work."""


@dataclass(frozen=True)
class Trial:
    """What the hostile verifiers were told, and what they and the honest ones had before and after."""

    heard: Counter[tuple[str, str]]
    before: dict[str, Holdings]
    after: dict[str, Holdings]
    honest_jobs: list[JobView]
    false_jobs: list[JobView]
    said_since: int


@pytest.fixture(scope="module")
async def trial(net: Net, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Trial]:
    """Work for honest providers until every hostile verifier was met, then for one that has bribed a verifier."""
    folder, since = tmp_path_factory.mktemp("verifiers"), len(net.chronicle.said)
    others, names = [name for name in BEHAVIOURS if name not in (*FRIENDS, "crashes")], (*BEHAVIOURS, *VERIFIERS)
    async with running(net, folder, ["colludes"], FRIENDS), running(net, folder, verifiers=["crashes"]):
        async with running(net, folder, verifiers=others):
            before = {name: await holdings(net, name) for name in names}
            honest = await until_met(net, lambda: is_met(heard_in(net, folder)))
        # The others have left: of each false segment somebody who is silent would have been asked, and waited for.
        false = await until_overruled(net, folder)
        await check_at_rest(net, since)
        after = {name: await holdings(net, name) for name in names}
        yield Trial(heard_in(net, folder), before, after, honest, false, since)


async def until_met(net: Net, is_over: Callable[[], bool]) -> list[JobView]:
    """Honest jobs, the next as soon as the last has run, until it is over."""
    jobs: list[str] = []
    for _ in range(ROUNDS):
        if is_over():
            break
        new = [await order(net, REGION[name], SEGMENTS) for name in (STEADY, SECOND)]
        await net.until_said(new[0], "job.executed", within_s=WITHIN_S)
        jobs += new
    return [await net.ended(job_id, WITHIN_S) for job_id in jobs]


async def until_overruled(net: Net, folder: Path) -> list[JobView]:
    """False jobs, one after the other, until the bribed verifier is found out and another friend has declined."""
    jobs: list[JobView] = []
    while len(jobs) < TEMPTATIONS and not have_met(heard_in(net, folder)):
        job_id = await order(net, REGIONS["colludes"], FALSE_SEGMENTS)
        jobs.append(await net.ended(job_id, WITHIN_S))
    return jobs


def have_met(heard: Counter[tuple[str, str]]) -> bool:
    """Whether both friends of the false provider were asked about it, and what one of them said is judged."""
    return bool(heard["bribed", "audit.overruled"] and heard["spares", SPARED])


async def order(net: Net, region: str, segments: int) -> str:
    """The id of a job of which every segment is audited."""
    params = {"segments": segments, "units_per_segment": UNITS, "payload": secrets.token_hex(8)}
    policy, limit = Policy(audit_segments=segments), 2 * segments * SEGMENT_PRICE
    needs = Requirements(regions=(region,))
    return await net.assay.submit("noop", params, requirements=needs, policy=policy, price_limit=limit)


def is_met(heard: Counter[tuple[str, str]]) -> bool:
    """Whether every hostile verifier has had its turn, and the liars have no bond left."""
    return (
        all(heard[name, "audit.overruled"] for name in CAUGHT)
        and all(heard[name, "audit.overruled"] + heard[name, "dispute.forfeited"] >= 2 for name in LIARS)
        and all(heard[name, "audit.lapsed"] for name in LATE)
        and all(heard[name, "audit.assigned"] for name in IDLE)
        and bool(heard["crashes", "audit.upheld"])
        and bool(heard[KEEPS, "beacon.opened"])
    )


def test_every_behaviour_is_tried() -> None:
    assert set(BEHAVIOURS) == {*CAUGHT, *IDLE, *FRIENDS, KEEPS, "crashes"}


@pytest.mark.parametrize("name", CAUGHT)
def test_the_first_answer_costs_a_bond_and_earns_nothing(net: Net, trial: Trial, name: str) -> None:
    slashed = reasons_of(net, trial, name)
    assert slashed and set(slashed) <= CAUGHT[name]
    assert not trial.heard[name, "audit.upheld"]
    before, after = trial.before[name], trial.after[name]
    assert after.stable == before.stable
    assert before.stake - after.stake == slashed_of(net, trial, name) + forfeited_by(net, trial, name) > 0


@pytest.mark.parametrize("name", IDLE)
def test_who_does_nothing_earns_nothing_and_is_replaced(net: Net, trial: Trial, name: str) -> None:
    assert trial.heard[name, "audit.assigned"]
    assert not trial.heard[name, "audit.upheld"]
    assert trial.before[name] == trial.after[name]
    assert {job.state for job in trial.honest_jobs} == {"settled"}


def test_a_provider_that_bribed_a_verifier_is_found_by_the_others(trial: Trial) -> None:
    assert {(job.state, job.paid) for job in trial.false_jobs} == {("refunded", 0)}


def test_a_bribed_verifier_loses_more_than_all_it_was_paid(net: Net, trial: Trial) -> None:
    assert set(reasons_of(net, trial, "bribed")) == {SlashReason.LAZY_VERIFIER}
    before, after = trial.before["bribed"], trial.after["bribed"]
    assert 5 * after.stake <= 4 * before.stake
    assert after.stable - before.stable < BOND_IN_STABLE


def test_a_friend_that_declines_is_replaced_and_spares_its_provider_nothing(net: Net, trial: Trial) -> None:
    assert trial.heard["spares", SPARED] and not reasons_of(net, trial, "spares")
    assert trial.after["spares"].stake == trial.before["spares"].stake
    said = [envelope.event for job in trial.false_jobs for envelope in net.chronicle.of(job.job_id)]
    found = {event.lease_id: event.code for event in said if isinstance(event, LeaseRejected)}
    assert set(found.values()) == {"segment.mismatch"}
    assert {event.lease_id for event in said if isinstance(event, LeaseSlashed)} == set(found)
    # What it is paid is for what it did answer.
    gained = trial.after["spares"].stable - trial.before["spares"].stable
    assert (gained > 0) == bool(trial.heard["spares", "audit.upheld"])


def test_a_bribed_verifier_falls_where_it_confirms_what_another_has_accused(net: Net, trial: Trial) -> None:
    own, said = net.party("bribed").id, [envelope.event for envelope in net.chronicle.said[trial.said_since :]]
    accusers = {(event.lease_id, event.segment): event.audit_id for event in said if isinstance(event, EpochMismatched)}
    fell = [event for event in said if isinstance(event, AuditOverruled) and event.verifier == own]
    assert fell and all(accusers[event.lease_id or "", event.segment or 0] != event.audit_id for event in fell)


def test_a_verifier_that_crashed_goes_on_and_is_not_slashed(net: Net, trial: Trial) -> None:
    assert not reasons_of(net, trial, "crashes")
    before, after = trial.before["crashes"], trial.after["crashes"]
    assert after.stake == before.stake
    assert after.stable - before.stable == trial.heard["crashes", "audit.upheld"] * SEGMENT_PRICE


def test_who_keeps_its_share_of_a_beacon_is_named_and_the_epoch_passes(net: Net, trial: Trial) -> None:
    own, said = net.party(KEEPS).id, [envelope.event for envelope in net.chronicle.said[trial.said_since :]]
    drawn = {event.epoch_id for event in said if isinstance(event, EpochDrawn) and own in event.missing}
    missed = [event for event in said if isinstance(event, BeaconMissed) and event.verifier == own]
    assert {event.epoch_id for event in missed if event.code == "beacon.unrevealed"} == drawn != set()
    assert {event.epoch_id for event in said if isinstance(event, EpochSettled)} >= drawn
    assert not reasons_of(net, trial, KEEPS) and trial.before[KEEPS].stake == trial.after[KEEPS].stake


def test_nobody_honest_is_slashed(net: Net, trial: Trial) -> None:
    said = [envelope.event for envelope in net.chronicle.said[trial.said_since :]]
    slashed = {event.provider for event in said if event.type == "lease.slashed"}  # type: ignore[attr-defined]
    assert slashed == {net.party("colludes").id}
    for name in VERIFIERS:
        assert not reasons_of(net, trial, name)
        assert trial.after[name].stake == trial.before[name].stake


def forfeited_by(net: Net, trial: Trial, name: str) -> int:
    """What a verifier lost as a party of disputes."""
    own, said = net.party(name).id, [envelope.event for envelope in net.chronicle.said[trial.said_since :]]
    return sum(event.amount for event in said if isinstance(event, DisputeForfeited) and event.party == own)


def slashed_of(net: Net, trial: Trial, name: str) -> int:
    """What a verifier lost for its audits."""
    own, said = net.party(name).id, [envelope.event for envelope in net.chronicle.said[trial.said_since :]]
    return sum(event.amount for event in said if isinstance(event, VerifierSlashed) and event.verifier == own)


def reasons_of(net: Net, trial: Trial, name: str) -> list[SlashReason]:
    """For what a verifier was slashed, each time."""
    own, said = net.party(name).id, [envelope.event for envelope in net.chronicle.said[trial.said_since :]]
    return [event.reason for event in said if event.type == "verifier.slashed" and event.verifier == own]  # type: ignore[attr-defined]
