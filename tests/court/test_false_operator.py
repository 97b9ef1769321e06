"""An honest operator of an honest trace, called false by all who were asked first: a committee measures it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, TypeGuard, TypeVar

import pytest
from tests.court.disputants import ACCUSED_AT, ACCUSED_SEED
from tests.court.trial import ROOMY_BYTES, TEXT, TRACED, WITHIN_S, checks, disputant, disputing, told
from tests.holdings import Holdings, holdings
from tests.network import PRICE, Net

from assay.client.sdk import JobView
from assay.devnet.parties import Party, Terms
from assay.proof.committee import BEYOND_MILLI, WITHIN_MILLI
from assay.schema.audit import AuditOverruled, AuditUpheld, VerifierSlashed
from assay.schema.dispute import DisputeDecided, DisputeLodged, DisputeRuled
from assay.schema.event import Event
from assay.schema.lease import SlashReason
from assay.schema.values import Policy, Requirements, Role

pytestmark = [pytest.mark.server, pytest.mark.slow]

ACCUSED: Final = "operator-accused"
REGION: Final = "yg"
ACCUSERS: Final = dict.fromkeys(("accuser-1", "accuser-2", "accuser-3"), "accuses")
FRIEND: Final = "late-4"
VAGUE: Final = "late-5"
FALSE: Final = {FRIEND: "befriends", VAGUE: "measures-nothing"}
LATECOMERS: Final = {**dict.fromkeys(("late-1", "late-2", "late-3"), "honest"), **FALSE}
"""Those of whom the committee is drawn: they come once the dispute is lodged, so that none of them was asked first."""
NUMBERS: Final = 20
"""The first of their networks, each of which is its own."""
Told = TypeVar("Told", DisputeLodged, DisputeDecided, DisputeRuled)


@dataclass(frozen=True)
class Trial:
    """The job whose second segment was accused, once its money is at rest."""

    job: JobView
    lodged: DisputeLodged
    decided: DisputeDecided
    ruled: DisputeRuled
    before: Holdings
    after: Holdings


@pytest.fixture(scope="module")
async def trial(net: Net, tiny_model: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Trial]:
    """An honest provider, three who accuse it, five who come late: a friend of theirs, one who proves nothing."""
    folder, places = tmp_path_factory.mktemp("operator"), net.devnet.places.parties
    provider = Party.make(places, ACCUSED, Role.PROVIDER, Terms(REGION, PRICE, beat_s=0.5))
    behaviours, is_lodged = ACCUSERS | LATECOMERS, folder / "lodged"
    judges = [
        Party.make(places, name, Role.VERIFIER, Terms.of_verifier(number))
        for number, name in enumerate(behaviours, NUMBERS)
    ]
    await asyncio.gather(*map(net.devnet.admit, (provider, *judges)))
    gates = {name: {"gate": str(is_lodged)} for name in LATECOMERS}
    people = [disputant(net, each, behaviours[each.name], **gates.get(each.name, {})) for each in judges]
    since = len(net.chronicle.said)
    async with disputing([disputant(net, provider, "honest"), *people], folder):
        await net.until_listed(ACCUSED, since)
        await net.until_counted(ACCUSERS)
        before = await holdings(net, ACCUSED)
        job_id = await order(net, tiny_model)
        lodged = await said_of_accused(net, DisputeLodged)
        is_lodged.touch()
        decided = await said_of_accused(net, DisputeDecided)
        ruled = await said_of_accused(net, DisputeRuled)
        job = await net.ended(job_id, WITHIN_S)
        yield Trial(job, lodged, decided, ruled, before, await holdings(net, ACCUSED))


async def order(net: Net, model: str) -> str:
    """The id of a job whose first judges are the accusers alone, for nobody else there has such memory."""
    params = TRACED | {"data": await net.assay.upload(TEXT), "model": model, "seed": ACCUSED_SEED}
    needs = Requirements(regions=(REGION,), memory_bytes=ROOMY_BYTES + 1)
    policy = Policy(audit_segments=3, method="trace")
    return await net.assay.submit("finetune", params, requirements=needs, policy=policy, price_limit=PRICE)


async def said_of_accused(net: Net, kind: type[Told]) -> Told:
    """The one event of its kind about the accused provider."""
    provider = net.party(ACCUSED).id

    def found() -> list[Told]:
        events = [said.event for said in net.chronicle.said]
        return [event for event in events if isinstance(event, kind) and event.provider == provider]

    events: list[Told] = await net.chronicle.until(found, f"{kind.__name__} of {ACCUSED}", WITHIN_S)
    (event,) = events
    return event


def ids(net: Net, *names: str) -> set[str]:
    """The ids of these parties."""
    return {net.party(name).id for name in names}


def is_of_question(event: Event, trial: Trial) -> TypeGuard[AuditUpheld]:
    """Whether it says that an answer to the disputed question stands."""
    place = (trial.lodged.lease_id, trial.lodged.segment)
    return isinstance(event, AuditUpheld) and (event.lease_id, event.segment) == place


def slashed(net: Net) -> set[str]:
    """The verifiers that were slashed so far."""
    return {said.event.verifier for said in net.chronicle.said if isinstance(said.event, VerifierSlashed)}


async def test_three_of_five_who_measure_it_clear_an_operator_that_all_before_called_false(
    net: Net, trial: Trial
) -> None:
    assert (trial.lodged.way, trial.lodged.operator) == ("committee", ACCUSED_AT)
    assert (trial.decided.outcome, trial.decided.cause) == ("challenger_fault", "dispute.recounted")
    # Whoever accused appeals, if it does so in time: nobody is left to be drawn, and what was decided stands.
    assert (trial.ruled.outcome, trial.ruled.at_fault) == (trial.decided.outcome, trial.decided.at_fault)
    assert trial.ruled.committee is not None
    noise = {member.verifier: member.noise_milli for member in trial.ruled.committee.members}
    assert set(noise) == ids(net, *LATECOMERS)
    (friend,), (vague,) = ids(net, FRIEND), ids(net, VAGUE)
    assert noise.pop(friend) > BEYOND_MILLI and WITHIN_MILLI < noise.pop(vague) <= BEYOND_MILLI
    # A product is never quite what it should be: who says noughts has not measured.
    assert all(0 < each <= WITHIN_MILLI for each in noise.values())


async def test_who_was_accused_of_an_honest_operator_is_paid_and_keeps_its_stake(net: Net, trial: Trial) -> None:
    assert (trial.job.state, trial.after.stake) == ("settled", trial.before.stake)
    assert trial.after.stable - trial.before.stable == trial.job.paid > 0


async def test_accusers_and_their_friend_are_overruled_and_who_proves_nothing_loses_its_fee_alone(
    net: Net, trial: Trial
) -> None:
    judges = ids(net, *ACCUSERS, *LATECOMERS)
    events = [said.event for said in net.chronicle.said]
    overruled = [event for event in events if isinstance(event, AuditOverruled) and event.verifier in judges]
    accusing = {event.verifier for event in overruled if event.reason is SlashReason.FALSE_ACCUSATION}
    assert accusing == ids(net, *ACCUSERS, FRIEND)
    assert not {event.verifier for event in overruled} & ids(net, *LATECOMERS) - ids(net, FRIEND)
    (vague,) = ids(net, VAGUE)
    fees = {event.verifier: event.fee for event in events if is_of_question(event, trial)}
    assert fees.pop(vague) == 0 and set(fees) == ids(net, *LATECOMERS) - ids(net, FRIEND, VAGUE)
    assert all(fee > 0 for fee in fees.values())
    await net.chronicle.until(lambda: accusing <= slashed(net), "verifier.slashed of all false accusers")
    assert not slashed(net) & ids(net, *LATECOMERS) - accusing
    assert [lost.party for lost in trial.ruled.forfeits] == [trial.lodged.verifier]
    await net.chronicle.until(lambda: "dispute.forfeited" in told(net, trial.ruled.dispute_id), "the accuser's bond")


async def test_a_receipt_tells_how_the_committee_measured_the_operator(net: Net, trial: Trial) -> None:
    rulings = [each.sentence for each in await checks(net, trial.job.receipt) if each.name.endswith(": ruling")]
    measured = f"measured operator {ACCUSED_AT.number} of step {ACCUSED_AT.step}"
    assert any(measured in each for each in rulings), rulings
