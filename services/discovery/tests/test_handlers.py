"""What becomes of an offer, over real Postgres and the shell's own transactions."""

import base64
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from libs.proof.tests.attestation.making import MEASUREMENT, Snp, snp_roots
from services.discovery.tests.desk import Desk
from services.discovery.tests.samples import (
    HOUR_MS,
    NOW_MS,
    SLOT_STAKE,
    announced,
    executed,
    id_of,
    over,
    provider_of,
    rejected,
    staked,
    taken_back,
    verified,
)

from assay.discovery.main import service
from assay.discovery.questions import network, provider
from assay.proof.attestation import binding
from assay.proof.reputation import reputation_of
from assay.schema.attestation import PresentedReport
from assay.schema.errors import Refused
from assay.schema.event import Event
from assay.schema.lease import NO_QUORUM, UNCHECKED, UNPROVEN
from assay.schema.offer import OfferDelisted, OfferListed
from assay.schema.values import NO_DIGEST

pytestmark = pytest.mark.server


def told(events: list[Event]) -> list[tuple[str, str | None]]:
    """Type and code of each event."""
    return [(event.type, getattr(event, "code", None)) for event in events]


async def test_a_staked_offer_is_listed_with_what_is_known_of_its_provider(desk: Desk) -> None:
    await desk.tell(staked())
    (listed,) = await desk.tell(announced())
    assert isinstance(listed, OfferListed)
    assert (listed.stake, listed.reputation, listed.capacity.slots) == (SLOT_STAKE, 500_000, 1)


async def test_an_offer_without_stake_is_refused_and_listed_when_it_arrives_and_is_claimed(desk: Desk) -> None:
    assert told(await desk.tell(announced())) == [("offer.refused", "offer.unclaimed")]
    assert told(await desk.tell(staked(claim=0, needed=0))) == []
    assert told(await desk.tell(staked(claim=1, block=2))) == [("offer.listed", None)]


async def test_backing_admits_as_own_stake_does_and_is_listed_with_it(desk: Desk) -> None:
    """What it covers settlement has reckoned: less of its own is needed."""
    short = staked(amount=SLOT_STAKE // 5)
    assert told(await desk.tell(announced(), short)) == [("offer.refused", "offer.unclaimed")]
    lent = {"amount": SLOT_STAKE // 5, "needed": SLOT_STAKE // 5, "backing": SLOT_STAKE}
    (listed,) = await desk.tell(staked(block=2, **lent))
    assert isinstance(listed, OfferListed) and listed.stake == SLOT_STAKE * 6 // 5
    assert told(await desk.tell(staked(block=3, amount=SLOT_STAKE // 5))) == [("offer.delisted", "offer.understaked")]


async def test_a_refused_offer_leaves_the_listed_one_as_it_is(desk: Desk) -> None:
    await desk.tell(staked(), announced())
    events = await desk.tell(announced(sequence=2, slots=2))
    assert told(events) == [("offer.refused", "offer.unclaimed")]
    assert await desk.rows("select sequence, listed_ms is not null from offer") == [(1, True)]


async def test_a_renewed_offer_replaces_the_earlier_one_without_noise(desk: Desk) -> None:
    await desk.tell(staked(), announced())
    (listed,) = await desk.tell(announced(sequence=2, expires_ms=NOW_MS + 2 * HOUR_MS))
    assert isinstance(listed, OfferListed) and listed.sequence == 2
    assert await desk.tell(announced(sequence=2), announced(sequence=1)) == []


async def test_another_offer_of_the_same_provider_takes_the_place_of_the_first(desk: Desk) -> None:
    await desk.tell(staked(), announced())
    events = await desk.tell(announced(sequence=2, offer_id=id_of("f", 9)))
    assert told(events) == [("offer.delisted", "offer.replaced"), ("offer.listed", None)]
    assert await desk.tell(taken_back()) == []


async def test_a_withdrawn_offer_is_delisted_once(desk: Desk) -> None:
    await desk.tell(staked(), announced())
    assert told(await desk.tell(taken_back(), taken_back())) == [("offer.delisted", "offer.withdrawn")]
    assert await desk.tell(staked(slots=2, block=2)) == []


async def test_a_fallen_stake_delists_and_a_risen_one_lists_again(desk: Desk) -> None:
    await desk.tell(staked(slots=2), announced(slots=2))
    fallen = staked(slots=2, block=2, amount=2 * SLOT_STAKE - 1)
    assert told(await desk.tell(fallen)) == [("offer.delisted", "offer.understaked")]
    assert told(await desk.tell(staked(slots=2, block=3))) == [("offer.listed", None)]


async def test_a_stake_that_was_said_earlier_is_no_news_and_a_fork_makes_a_later_one_of_an_earlier_block(
    desk: Desk,
) -> None:
    await desk.tell(staked(slots=2, block=5), announced(slots=2))
    assert await desk.tell(staked(slots=0, block=6, turn=4)) == []
    assert told(await desk.tell(staked(slots=0, block=4, turn=6))) == [("offer.delisted", "offer.unclaimed")]
    await desk.tell(staked(slots=2, block=4, turn=7))
    (listed,) = await desk.tell(announced(sequence=2, slots=2))
    assert isinstance(listed, OfferListed) and listed.stake == 2 * SLOT_STAKE


async def test_verified_leases_raise_the_reputation_that_the_next_renewal_carries(desk: Desk) -> None:
    await desk.tell(staked(), announced())
    assert await desk.tell(*over(*(verified(lease=number) for number in range(10)))) == []
    (listed,) = await desk.tell(announced(sequence=2))
    assert isinstance(listed, OfferListed) and listed.reputation == 750_000


async def test_work_beyond_the_claim_delists_on_the_next_day_until_more_is_claimed(desk: Desk) -> None:
    await desk.tell(staked(), announced(), *over(verified(units=2 * 86_400), verified(lease=2, units=86_400)))
    assert told(await desk.tell(announced(sequence=2, expires_ms=NOW_MS + 72 * HOUR_MS))) == [("offer.listed", None)]
    Desk.now_ms += 24 * HOUR_MS
    assert told(await desk.tell(staked(block=2))) == [("offer.delisted", "offer.outgrown")]
    assert told(await desk.tell(staked(block=3, claim=3))) == [("offer.listed", None)]


async def test_rejected_leases_lower_the_reputation_at_once_and_at_last_delist(desk: Desk) -> None:
    await desk.tell(staked(), announced())
    (listed,) = await desk.tell(*over(rejected(lease=1)))
    assert isinstance(listed, OfferListed) and listed.reputation == 166_666
    await desk.tell(*over(rejected(lease=2)))
    assert told(await desk.tell(*over(rejected(lease=3)))) == [("offer.delisted", "offer.distrusted")]
    assert told(await desk.tell(announced(sequence=2))) == [("offer.refused", "offer.distrusted")]


async def test_a_lease_about_which_verifiers_did_not_agree_lowers_nothing(desk: Desk) -> None:
    await desk.tell(staked(), announced())
    assert await desk.tell(*over(rejected(lease=1, code=NO_QUORUM))) == []
    (listed,) = await desk.tell(announced(sequence=2))
    assert isinstance(listed, OfferListed) and listed.reputation == 500_000


async def test_a_lease_that_no_verifier_could_answer_counts_as_dropped_not_as_false(desk: Desk) -> None:
    await desk.tell(staked(), announced())
    await desk.tell(*over(rejected(lease=1, code=UNPROVEN)), *over(rejected(lease=2, code=UNCHECKED)))
    (listed,) = await desk.tell(announced(sequence=2))
    assert isinstance(listed, OfferListed) and listed.reputation == reputation_of(0, 0, 1) > reputation_of(0, 1)


async def test_only_the_kinds_that_the_operator_lists_are_listed(open_desk: Callable[..., Awaitable[Desk]]) -> None:
    desk = await open_desk(kinds=["finetune"])
    await desk.tell(staked())
    assert told(await desk.tell(announced())) == [("offer.refused", "offer.unknown_kind")]
    assert told(await desk.tell(announced(sequence=2, kinds=("finetune",)))) == [("offer.listed", None)]


async def test_an_expired_offer_is_delisted_once(desk: Desk) -> None:
    await desk.tell(staked(), announced(expires_ms=NOW_MS + 2_000))
    assert await desk.watch() == []
    await desk.pass_ms(2_000)
    assert told(await desk.watch()) == [("offer.delisted", "offer.expired")]
    assert await desk.watch() == []


async def test_a_silent_provider_is_delisted_and_listed_again_when_it_is_heard(desk: Desk) -> None:
    await desk.tell(staked(), announced())
    await desk.pass_ms(29_000, [1])
    assert await desk.watch() == []
    await desk.pass_ms(31_000)
    assert told(await desk.watch()) == [("offer.delisted", "offer.silent")]
    await desk.pass_ms(5_000)
    assert await desk.watch() == []
    await desk.pass_ms(1_000, [1])
    assert told(await desk.watch()) == [("offer.listed", None)]


async def test_nobody_is_delisted_while_the_pulse_is_missing(desk: Desk) -> None:
    await desk.tell(staked(), announced())
    await desk.pass_ms(HOUR_MS // 2, pulse=False)
    assert await desk.watch() == []
    await desk.pass_ms(10_000)
    assert await desk.watch() == []


async def test_a_market_that_falls_silent_at_once_is_not_delisted(desk: Desk) -> None:
    for number in range(4):
        await desk.tell(staked(number), announced(number))
    await desk.pass_ms(40_000, [0])
    assert await desk.watch() == []
    for number in range(4, 8):
        await desk.tell(staked(number), announced(number))
    await desk.pass_ms(1_000)
    assert told(await desk.watch()) == [("offer.delisted", "offer.silent")] * 3


async def test_what_is_known_may_be_asked(desk: Desk) -> None:
    await desk.tell(staked(1), announced(1), staked(2))
    assert await network(desk.ctx, {}) == {"providers": 2, "listed": 1, "stake": str(2 * SLOT_STAKE)}
    known = await provider(desk.ctx, {"provider": provider_of(1)})
    assert (known["stake"], known["offer_id"]) == (str(SLOT_STAKE), id_of("f", 1))
    with pytest.raises(Refused):
        await provider(desk.ctx, {"provider": "nobody"})


async def test_migrating_twice_changes_nothing(desk: Desk) -> None:
    await desk.tell(staked(), announced())
    await desk.ctx.store.migrate(service().migrations)
    (delisted,) = await desk.tell(taken_back())
    assert isinstance(delisted, OfferDelisted)


def attested(parts: Any, **changes: Any) -> PresentedReport:
    evidence = [base64.b64encode(part).decode() for part in (parts.report, parts.vcek, parts.ask, parts.ark)]
    return PresentedReport(**{"technology": "sev-snp", "machine": "c" * 64, "evidence": evidence} | changes)


async def test_a_report_of_a_machine_is_told_with_the_offer_whether_it_stands_or_not(
    open_desk: Callable[..., Awaitable[Desk]],
) -> None:
    desk = await open_desk(attested_roots=snp_roots(), attested_images=[MEASUREMENT.hex()])
    own = Snp(carried=binding(provider_of(1), "c" * 64, NO_DIGEST)).evidence
    found = []
    for sequence, report in enumerate(
        [
            attested(own),
            attested(own, machine="d" * 64),
            attested(Snp().evidence),
            attested(own, evidence=["no base64"]),
            None,
        ],
        1,
    ):
        told_ = await desk.tell(staked(block=sequence), announced(sequence=sequence, attestation=report))
        listed = told_[-1]
        assert isinstance(listed, OfferListed) and listed.sequence == sequence
        found.append(listed.attestation.code if listed.attestation else "none")
    foreign = "attestation.unbound"
    assert found == [None, foreign, foreign, "attestation.malformed", "none"]


async def test_no_report_stands_unless_the_operator_trusts_a_root(desk: Desk) -> None:
    own = attested(Snp(carried=binding(provider_of(1), "c" * 64, NO_DIGEST)).evidence)
    (refused,) = await desk.tell(announced(attestation=own))
    assert told([refused]) == [("offer.refused", "offer.unclaimed")]
    (listed,) = await desk.tell(staked())
    assert isinstance(listed, OfferListed) and listed.attestation
    assert listed.attestation.code == "attestation.untrusted", "and it is remembered until the stake is there"


async def test_who_drops_again_and_again_what_others_finish_is_delisted(desk: Desk) -> None:
    await desk.tell(staked(), announced(), staked(2), announced(2))
    for job in range(1, 41):
        assert await desk.tell(executed(1, 2, job=job)) == []
    assert told(await desk.tell(executed(1, 2, job=41))) == [("offer.delisted", "offer.distrusted")]
    assert told(await desk.tell(announced(sequence=2))) == [("offer.refused", "offer.distrusted")]
    assert [(await provider(desk.ctx, {"provider": provider_of(number)}))["dropped"] for number in (1, 2)] == [41, 0]


async def test_a_lease_that_its_provider_takes_up_again_was_not_dropped(desk: Desk) -> None:
    await desk.tell(staked(), announced(), executed(1, 1))
    (listed,) = await desk.tell(announced(sequence=2))
    assert isinstance(listed, OfferListed) and listed.reputation == 500_000
