"""Disputes on the running network: moves over the bus, the last step judged by the contract, silence that loses."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pytest
from tests.court.disputants import ACCUSED_SEED
from tests.court.trial import ROOMY_BYTES, TEXT, TRACED, TUNING, WITHIN_S, checks, disputant, disputing, told
from tests.holdings import Holdings, holdings
from tests.network import PRICE, Net

from assay.chain.values import Ruling
from assay.client.sdk import JobView
from assay.devnet.parties import Party, Terms
from assay.proof.committee import BEYOND_MILLI, LEAST
from assay.schema.dispute import DisputeLodged, DisputeProven, DisputeRuled
from assay.schema.lease import LeaseSlashed
from assay.schema.values import Policy, Requirements, Role, address_of
from assay.workloads.checkpoint import write_tensors

pytestmark = [pytest.mark.server, pytest.mark.slow]

PROVIDERS: Final = {
    "accused": ("ya", "honest", "regress"),
    "contests": ("yb", "contests", "regress"),
    "mute": ("yc", "mute", "regress"),
    "tuner-accused": ("yd", "honest", "finetune"),
    "tuner-contests": ("ye", "contests", "finetune"),
    "tracer-contests": ("yf", "opens-falsely", "finetune"),
}
VERIFIERS: Final = {"court-1": "perjures", "court-2": "perjures", "court-3": "perjures"}
ACCUSED: Final = ("accused", "tuner-accused")
CONTESTS: Final = ("contests", "tuner-contests")
TRACER: Final = "tracer-contests"
NETWORK: Final = {"features": 4, "hidden": 3, "outputs": 2, "batch": 4, "steps": 10, "segment_steps": 5}


@dataclass(frozen=True)
class Case:
    """A job whose second segment was disputed, once its money is at rest."""

    job: JobView
    ruled: DisputeRuled
    before: Holdings
    after: Holdings


def rows() -> bytes:
    """What is learnt."""
    x = np.random.default_rng(5).standard_normal((12, 4)).astype(np.float32)
    return write_tensors({"x": x, "y": x[:, :2] - 2 * x[:, 2:]})


@pytest.fixture(scope="module")
async def disputants(net: Net, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[None]:
    """Six providers and three verifiers, all of whom accuse whoever has a certain seed."""
    devnet, folder = net.devnet, tmp_path_factory.mktemp("court")
    behaviours = {name: behaviour for name, (_, behaviour, _) in PROVIDERS.items()} | VERIFIERS
    places = devnet.places.parties
    parties = [
        Party.make(places, name, Role.PROVIDER, Terms(region, PRICE, beat_s=0.5))
        for name, (region, *_) in PROVIDERS.items()
    ]
    parties += [
        Party.make(places, name, Role.VERIFIER, Terms.of_verifier(number)) for number, name in enumerate(VERIFIERS, 7)
    ]
    await asyncio.gather(*map(devnet.admit, parties))
    since = len(net.chronicle.said)
    async with disputing([disputant(net, party, behaviours[party.name]) for party in parties], folder):
        for name in PROVIDERS:
            await net.until_listed(name, since)
        await net.until_counted(VERIFIERS)
        yield


@pytest.fixture(scope="module")
async def tried(net: Net, disputants: None, tiny_model: str) -> dict[str, Case]:
    """A job at each of the providers, all at once."""
    before = {name: await holdings(net, name) for name in PROVIDERS}
    work = {
        "regress": NETWORK | {"data": await net.assay.upload(rows()), "learning_rate": 0.1},
        "finetune": TUNING | {"data": await net.assay.upload(TEXT), "model": tiny_model},
    }
    traced = TRACED | {"data": work["finetune"]["data"], "model": tiny_model}
    jobs = {
        name: await order(net, name, kind, traced if name == TRACER else work[kind])
        for name, (_, _, kind) in PROVIDERS.items()
    }
    ended = await asyncio.gather(*(net.ended(job_id, WITHIN_S) for job_id in jobs.values()))
    for name, job in zip(jobs, ended, strict=True):
        if job.state == "refunded":
            await net.until_said(jobs[name], "lease.slashed")
    return {
        name: Case(job, await ruling(net, name), before[name], await holdings(net, name))
        for name, job in zip(jobs, ended, strict=True)
    }


async def order(net: Net, name: str, kind: str, params: dict[str, Any]) -> str:
    """The id of the job that only this provider may run; every segment of it is drawn."""
    seed = ACCUSED_SEED if name in ACCUSED else 1
    room = {"memory_bytes": ROOMY_BYTES + 1} if name in ACCUSED else {}
    needs = Requirements(regions=(PROVIDERS[name][0],), **room)
    policy = Policy(audit_segments=3, method="trace" if name == TRACER else None)
    return await net.assay.submit(kind, params | {"seed": seed}, requirements=needs, policy=policy, price_limit=PRICE)


async def ruling(net: Net, name: str) -> DisputeRuled:
    """How the provider's dispute ended."""
    provider = net.party(name).id

    def found() -> list[DisputeRuled]:
        events = (said.event for said in net.chronicle.said)
        return [event for event in events if isinstance(event, DisputeRuled) and event.provider == provider]

    ruled, *more = await net.chronicle.until(found, f"dispute.ruled of {name}")
    # Both segments of a trace are opened falsely, and contested.
    assert not more or name == TRACER
    assert [lost.party for lost in ruled.forfeits] == list(ruled.at_fault)
    await net.chronicle.until(lambda: "dispute.forfeited" in told(net, ruled.dispute_id), f"the bond of {name}")
    return ruled


async def on_chain(net: Net, ruled: DisputeRuled) -> Ruling:
    """What the contract holds of a dispute."""
    events = (said.event for said in net.chronicle.said)
    proven = next(e for e in events if isinstance(e, DisputeProven) and e.dispute_id == ruled.dispute_id)
    accused, accuser = (address_of(id_) for id_ in (ruled.provider, ruled.verifier))
    return await net.devnet.chain.ruling_of(bytes.fromhex(proven.case), accused, accuser)


@pytest.mark.parametrize("name", CONTESTS)
async def test_a_cheat_that_contests_loses_by_the_judgement_on_chain(
    net: Net, tried: dict[str, Case], name: str
) -> None:
    case = tried[name]
    assert (case.ruled.outcome, case.ruled.cause) == ("worker_fault", "dispute.judged")
    assert told(net, case.ruled.dispute_id) == [
        *("dispute.lodged", "dispute.contested", "dispute.pressed", "dispute.pleaded"),
        *("dispute.proven", "dispute.judged", "dispute.ruled", "dispute.forfeited"),
    ]
    assert await on_chain(net, case.ruled) is Ruling.WORKER_FAULT
    receipt = await net.devnet.chain.receipt(bytes.fromhex((case.ruled.tx or "0x")[2:]))
    assert receipt is not None and receipt.status == 1
    assert case.job.state == "refunded" and case.job.paid == 0 and case.after.stake < case.before.stake


@pytest.mark.parametrize("name", ACCUSED)
async def test_an_honest_provider_accused_by_liars_alone_wins_and_is_paid(
    net: Net, tried: dict[str, Case], name: str
) -> None:
    case = tried[name]
    assert (case.ruled.outcome, case.ruled.cause) == ("challenger_fault", "dispute.judged")
    assert await on_chain(net, case.ruled) is Ruling.CHALLENGER_FAULT
    assert (case.job.state, case.after.stake) == ("settled", case.before.stake)
    assert case.after.stable - case.before.stable == case.job.paid > 0
    liars = {net.party(name).id for name, behaviour in VERIFIERS.items() if behaviour == "perjures"}
    overruled = [said.event for said in net.chronicle.said if said.event.type == "audit.overruled"]
    assert liars <= {getattr(event, "verifier", "") for event in overruled}


async def test_a_provider_that_contests_a_false_operator_of_its_trace_loses_before_a_committee(
    net: Net, tried: dict[str, Case]
) -> None:
    case = tried[TRACER]
    assert (case.ruled.outcome, case.ruled.cause) == ("worker_fault", "dispute.recounted")
    said = (each.event for each in net.chronicle.said)
    lodged = next(e for e in said if isinstance(e, DisputeLodged) and e.dispute_id == case.ruled.dispute_id)
    assert lodged.way == "committee" and lodged.operator is not None
    committee = case.ruled.committee
    assert committee is not None and len(committee.members) >= LEAST
    assert all(member.noise_milli > BEYOND_MILLI for member in committee.members)
    assert lodged.verifier not in {member.verifier for member in committee.members}
    assert case.job.state == "refunded" and case.job.paid == 0 and case.after.stake < case.before.stake
    rulings = [each.sentence for each in await checks(net, case.job.receipt) if each.name.endswith(": ruling")]
    measured = f"measured operator {lodged.operator.number} of step {lodged.operator.step}"
    assert any(measured in each for each in rulings), rulings


async def test_a_loser_who_refuses_to_move_loses_by_default(net: Net, tried: dict[str, Case]) -> None:
    case = tried["mute"]
    assert (case.ruled.outcome, case.ruled.cause, case.ruled.tx) == ("worker_fault", "dispute.silence", None)
    assert case.job.state == "refunded" and case.after.stake < case.before.stake


WORDS: Final = {
    **dict.fromkeys(CONTESTS, "Ruled by the contract in "),
    **dict.fromkeys(ACCUSED, "the segment stands"),
    "mute": "for silence",
}


@pytest.mark.parametrize("name", WORDS)
async def test_a_receipt_holds_its_dispute_move_by_move(net: Net, tried: dict[str, Case], name: str) -> None:
    case = tried[name]
    said = {each.name.rpartition(": ")[2]: each.sentence for each in await checks(net, case.job.receipt)}
    assert WORDS[name] in said["ruling"] and f"{case.ruled.moves} moves, each signed" in said["moves"]
    assert (case.ruled.tx or "") in said["ruling"]


async def test_nothing_is_slashed_before_its_dispute_is_over(net: Net, tried: dict[str, Case]) -> None:
    order = [said.event for said in net.chronicle.said]
    for case in tried.values():
        slashed = [e for e in order if isinstance(e, LeaseSlashed) and e.provider == case.ruled.provider]
        assert all(order.index(case.ruled) < order.index(event) for event in slashed)
