"""Epochs as settlement knows them: anchored in order, shown in receipts, settled with the last of their leases."""

import json
import random

import pytest
from services.settlement.tests.auditing import Epoch, said, verifier_of
from services.settlement.tests.market import STAKE, Market
from services.settlement.tests.stories import Part, Story, key_of, net_of
from services.settlement.tests.test_audits import until_spoken

from assay.chain.events import Anchored
from assay.proof import sign_event, verify
from assay.proof.dsse import open_envelope
from assay.proof.pool import write_entries
from assay.schema import Envelope
from assay.schema.dispute import DisputeContested, DisputeLodged, DisputeRuled, Forfeit
from assay.schema.values import DISPUTE_BOND, NO_DIGEST, derive_id

pytestmark = pytest.mark.server


async def fund(market: Market, *stories: Story) -> None:
    await market.hear(*[story.submitted() for story in stories])
    await market.hands().until_still()


async def anchored(market: Market, *epochs: Epoch) -> list[dict]:
    assert await market.hear(*[epoch.committed() for epoch in epochs]) == []
    await market.hands().until_still()
    return await market.said("epoch.anchored")


async def test_a_root_is_anchored_in_one_transaction_with_the_roots_of_others(market: Market) -> None:
    story = market.story("pooled", (Part("alpha", 2), Part("beta", 2)))
    first, second = Epoch("alpha", 1, [story]), Epoch("beta", 1, [story])
    said = await anchored(market, first, second)
    assert [event["root"] for event in said] == [first.root.root, second.root.root]
    assert len({event["tx"] for event in said}) == 1 and sum(event["gas"] for event in said) == 21_000
    assert {event["block"] for event in said} == {(await market.chain.block()).number}
    assert (await market.chain.root_of(first.address, 1)).hex() == first.root.root
    await market.check()


async def test_epochs_of_a_provider_follow_one_another(market: Market) -> None:
    story = market.story("follows", (Part("alpha", 2),))
    first = Epoch("alpha", 1, [story])
    second = Epoch("alpha", 2, [market.story("later", (Part("alpha", 1),))], previous=first.root.root)
    said = await anchored(market, first, second)
    assert [event["number"] for event in said] == [1, 2]


async def test_a_root_before_its_turn_waits_for_the_one_before_it(market: Market) -> None:
    first = Epoch("alpha", 1, [market.story("one", (Part("alpha", 2),))])
    second = Epoch("alpha", 2, [market.story("two", (Part("alpha", 1),))], previous=first.root.root)
    assert await anchored(market, second) == []
    assert [event["number"] for event in await anchored(market, first)] == [1]
    await market.rows("update intents set not_before_ms = 0")
    await market.hands().until_still()
    assert [event["number"] for event in await market.said("epoch.anchored")] == [1, 2]


async def test_a_root_that_contradicts_the_chain_is_never_anchored(market: Market) -> None:
    first = Epoch("alpha", 1, [market.story("one", (Part("alpha", 2),))])
    second = Epoch("alpha", 2, [market.story("two", (Part("alpha", 1),))], previous=NO_DIGEST)
    assert [event["number"] for event in await anchored(market, first, second)] == [1]
    assert [row[0] for row in await market.rows("select state from intents order by position")] == ["done", "refused"]


async def test_the_receipt_shows_the_epoch_so_that_anyone_can_repeat_the_draw(market: Market) -> None:
    stories = [market.story(f"shown {turn}", (Part("alpha", 2),)) for turn in range(2)]
    epoch = Epoch("alpha", 1, stories)
    await fund(market, *stories)
    await anchored(market, epoch)
    drawn = await epoch.draw(market)
    work = [envelope for story in stories for envelope in epoch.judge(story.work())]
    job_of = {lease: commits[0].job_id for lease, commits in epoch.commits.items()}
    await market.hear_all(work)
    await market.hands().until_still()
    assert await market.said("job.settled") == [], "the draw is not known yet"
    audits = epoch.upheld()
    await market.hear_all([drawn, epoch.ended(), *audits[1:]])
    await market.hands().until_still()
    assert await market.said("job.settled") == [], "not all audits are known yet"
    await market.hear_all(audits[:1])
    await market.hands().until_still()
    closings = await market.said("job.settled")
    assert len(closings) == 2 and await market.earned("alpha") == 2 * net_of(2)
    for closing in closings:
        report = verify((await market.context.bus.blobs.get(closing["receipt"])).decode())
        said = [check.sentence for check in report.checks if "answered for segment" in check.sentence]
        own = [each for each in epoch.drawn.drawn if closing["job_id"] == job_of[each.lease_id]]
        assert len(said) == len(own) and all(sentence.endswith("by replay: agrees.") for sentence in said)
        assert report.faults == ()
    await market.check()


async def test_the_receipt_of_a_great_epoch_shows_its_own_entries_and_the_drawn_ones_alone(market: Market) -> None:
    stories = [market.story(f"great {turn}", (Part("alpha", 1 + turn % 3),)) for turn in range(7)]
    epoch = Epoch("alpha", 1, stories, is_great=True)
    await fund(market, *stories)
    assert await market.hear(epoch.committed()) == [epoch.committed()], "the blob of its entries is not here yet"
    await market.context.bus.blobs.put(write_entries(epoch.entries))
    await anchored(market, epoch)
    drawn = await epoch.draw(market)
    assert await market.hear(drawn) == []
    work = [envelope for story in stories for envelope in epoch.judge(story.work())]
    await market.hear_all([*work, *epoch.upheld(), epoch.ended()])
    await market.hands().until_still()
    closings = await market.said("job.settled")
    assert len(closings) == 7 and len(await market.said("epoch.settled")) == 1
    drawn_leases = {each.lease_id for each in drawn.event.drawn}
    for closing in closings:
        sealed = (await market.context.bus.blobs.get(closing["receipt"])).decode()
        assert verify(sealed).faults == ()
        (part,) = json.loads(open_envelope(sealed).payload)["predicate"]["epochs"]
        own = {entry.lease_id for entry in epoch.entries if entry.job_id == closing["job_id"]}
        assert {entry["lease_id"] for entry in part["entries"]} == own | drawn_leases and part["pool"]["size"] == 7
    await market.check()


async def test_the_receipt_waits_for_its_dispute_and_shows_it(market: Market) -> None:
    story = market.story("disputed", (Part("alpha", 2),))
    epoch = Epoch("alpha", 1, [story])
    await fund(market, story)
    await anchored(market, epoch)
    drawn = await epoch.draw(market)
    place = epoch.drawn.drawn[0]
    epoch.defended = (place.lease_id, place.segment)
    audits = [each for name in ("beta", "gamma", "delta") for each in epoch.upheld(name)]
    epoch.audits = len(audits)
    await market.hear_all([drawn, *audits, epoch.ended(), *epoch.judge(story.work())])
    lodged, contest, ruled = disputed(market, epoch)
    assert await market.hear(lodged, ruled) == [ruled], "what the provider said is not known yet"
    await market.hands().until_still()
    assert await market.said("job.settled") == []
    await market.hear_all([contest, ruled, ruled])
    await market.hands().until_still()
    (lost,) = await market.said("dispute.forfeited")
    assert (lost["party"], lost["amount"]) == (verifier_of("beta"), STAKE // 5)
    assert await market.chain.pool_balance() == STAKE // 5 * 4 // 5, "nobody else has it"
    (closing,) = await market.said("job.settled")
    report = verify((await market.context.bus.blobs.get(closing["receipt"])).decode())
    assert report.faults == ()
    (ruling,) = [check.sentence for check in report.checks if check.name.endswith(": ruling")]
    assert "drawn verifiers" in ruling and "the segment stands" in ruling
    await market.check()


def disputed(market: Market, epoch: Epoch) -> list[Envelope]:
    """A dispute that was decided by a second drawing."""
    place = {"epoch_id": epoch.fact["epoch_id"], "lease_id": epoch.defended[0], "segment": epoch.defended[1]}
    claimed = {commit.segment: commit.state_out for commit in epoch.commits[epoch.defended[0]]}
    names = {"dispute_id": derive_id("c", *epoch.defended), "provider": epoch.fact["provider"]}
    names |= {"verifier": verifier_of("beta")}
    states = {"claimed": claimed[place["segment"]], "countered": "c" * 64, "audit_id": derive_id("a", "accuses")}
    windows = {"contest_s": 1, "move_s": 1, "expires_ms": 1, "bond": 1}
    end = {"outcome": "challenger_fault", "at_fault": (names["verifier"],), "cause": "dispute.recounted"}
    end |= {"forfeits": (Forfeit(party=names["verifier"], amount=DISPUTE_BOND),)}
    domain = market.domain
    contest = sign_event(key_of("alpha"), domain, DisputeContested(**names), names["provider"], 1)
    lodged = DisputeLodged(**names, **place, **states, **windows, way="second_drawing")
    return [said(lodged), contest, said(DisputeRuled(**names, **place, **end))]


@pytest.mark.parametrize("is_true", [True, False])
async def test_an_epoch_is_settled_with_the_last_of_its_leases(market: Market, is_true: bool) -> None:
    stories = [market.story(f"last {turn}", (Part("alpha", 2, is_true=is_true),)) for turn in range(2)]
    epoch = Epoch("alpha", 1, stories)
    await fund(market, *stories)
    await anchored(market, epoch)
    await market.hear_all([await epoch.draw(market), epoch.ended(is_true=is_true)])
    for story, settled in zip(stories, (0, 1), strict=True):
        await market.hear_all(epoch.judge(story.work()))
        await market.hands().until_still()
        assert len(await market.said("epoch.settled")) == settled
    ends = [event["type"] for event in await market.said("lease.paid", "lease.slashed")]
    assert ends == ["lease.paid" if is_true else "lease.slashed"] * 2
    await market.check()


async def test_roots_are_anchored_once_and_in_order_whatever_crashes_and_forks(market: Market) -> None:
    chance, previous, epochs = random.Random(3), NO_DIGEST, []
    for number in range(1, 7):
        story = market.story(f"chain {number}", (Part("alpha", 1),))
        epochs.append(Epoch("alpha", number, [story], previous=previous))
        previous = epochs[-1].root.root
        await until_spoken(market, [epochs[-1].committed()] * 2, chance)
        # What was sent before its turn is not left for half a minute here.
        await market.rows("update intents set not_before_ms = 0")
    await market.finish()
    said = await market.said("epoch.anchored")
    assert [(event["number"], event["root"]) for event in said] == [(e.number, e.root.root) for e in epochs]
    logged = await market.chain.events(0, (await market.chain.block()).number)
    places = {each.event.number: each.block_number for each in logged if isinstance(each.event, Anchored)}
    assert places == {event["number"]: event["block"] for event in said}
    await market.check()
