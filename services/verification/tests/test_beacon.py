"""The shares of an epoch's beacon, from the call to the draw, on real Postgres, with verifiers that are played."""

from typing import Any

import pytest
from services.verification.tests.court import Court
from services.verification.tests.samples import Work, party

from assay.proof.beacon import combine
from assay.schema.values import derive_id
from assay.verification.domain.sharing import Next, Willing, draw_sharers, next_of
from assay.verification.queries import beacons

pytestmark = pytest.mark.server

THREE = [party("v", number) for number in (11, 12, 13)]
ENDED = ["epoch.audited", "epoch.passed"]


async def the_draw(court: Court, at: int = -1) -> tuple[Any, Any]:
    """An epoch as it was committed, and its draw."""
    committed, drawn = await court.said("epoch.committed"), await court.said("epoch.drawn")
    return committed[at], drawn[at]


async def overdue(court: Court) -> None:
    """Let the time pass that verifiers have to commit or to reveal."""
    async with court.context.store.transaction() as tx:
        await tx.execute("update shares set called_ms = 0")
        await tx.execute("update epochs set beacon_due_ms = 0")


async def verifier_row(court: Court, verifier: str) -> Any:
    async with court.context.store.transaction() as tx:
        return await tx.fetchrow("select * from verifiers where verifier = $1", verifier)


async def willing_now(court: Court) -> set[str]:
    async with court.context.store.transaction() as tx:
        return {each.verifier for each in await beacons.willing(tx, court.context.now())}


async def test_the_draw_follows_from_the_block_and_what_verifiers_were_bound_to_before_the_anchor(court: Court) -> None:
    await court.admit(11, 12, 13)
    await court.take(Work(1))
    await court.until_still()
    committed, drawn = await the_draw(court)
    said = await court.types()
    order = ["beacon.called", "epoch.committed", "beacon.opened", "epoch.drawn"]
    assert [kind for kind in dict.fromkeys(said) if kind in order] == order
    assert {share.verifier: share.commit for share in committed.shares} == {
        s.verifier: s.commit for s in drawn.revealed
    }
    assert ([share.verifier for share in drawn.revealed], drawn.missing) == (sorted(THREE), ())
    block = (await court.chain.block(drawn.block)).hash
    assert drawn.beacon == combine(block, [bytes.fromhex(share.value) for share in drawn.revealed]).hex()
    assert {(o.block, o.block_hash) for o in await court.said("beacon.opened")} == {(drawn.block, block.hex())}
    async with court.context.store.transaction() as tx:
        assert (await beacons.next_epoch(tx, party("p", 1))).seed == drawn.seed


async def test_who_is_bound_and_withholds_is_named_rests_and_the_epoch_passes(court: Court) -> None:
    await court.admit(11, 12, 13)
    court.withholding.add(THREE[0])
    await court.take(Work(1))
    await court.until_still()
    assert not await court.said("epoch.drawn")
    await overdue(court)
    await court.until_still()
    _, drawn = await the_draw(court)
    assert ([share.verifier for share in drawn.revealed], drawn.missing) == (sorted(THREE[1:]), (THREE[0],))
    assert [(e.verifier, e.code) for e in await court.said("beacon.missed")] == [(THREE[0], "beacon.unrevealed")]
    assert (await court.types("epoch"))[-2:] == ENDED
    assert (await verifier_row(court, THREE[0]))["rests_until_ms"] > court.context.now()
    assert THREE[0] not in {audit.verifier for audit in await court.said("audit.assigned")}


async def test_who_withholds_again_and_again_is_called_no_more(court: Court) -> None:
    await court.admit(11, 12, 13)
    court.withholding.add(THREE[0])
    for number in range(beacons.ABSENCES_MAX):
        async with court.context.store.transaction() as tx:
            await tx.execute("update verifiers set rests_until_ms = 0")
        assert THREE[0] in await willing_now(court)
        await court.take(Work(number))
        await court.until_still()
        await overdue(court)
        await court.until_still()
    async with court.context.store.transaction() as tx:
        await tx.execute("update verifiers set rests_until_ms = 0")
    assert await willing_now(court) == set(THREE[1:])


@pytest.mark.parametrize("change", ["value", "salt", "block_hash", "block"])
async def test_who_reveals_something_else_or_over_another_block_counts_for_nothing(court: Court, change: str) -> None:
    await court.admit(11, 12)
    await court.take(Work(1))
    court.withholding |= set(THREE)
    await court.until_still()
    liar, honest = await court.said("beacon.opened")
    await court.reveal(liar, **{change: liar.block + 1 if change == "block" else "e" * 64})
    await court.reveal(honest)
    await court.until_still()
    _, drawn = await the_draw(court)
    assert ([share.verifier for share in drawn.revealed], drawn.missing) == ([honest.verifier], (liar.verifier,))
    assert [(e.verifier, e.code) for e in await court.said("beacon.missed")] == [(liar.verifier, "beacon.false_reveal")]
    assert (await court.types("epoch"))[-2:] == ENDED


async def test_who_does_not_come_when_called_is_left_out_and_a_late_share_changes_nothing(court: Court) -> None:
    await court.admit(11, 12)
    court.shy.add(THREE[0])
    await court.take(Work(1))
    await court.until_still()
    assert not await court.said("epoch.committed")
    await overdue(court)
    await court.until_still()
    committed, drawn = await the_draw(court)
    assert [share.verifier for share in committed.shares] == [THREE[1]] == [s.verifier for s in drawn.revealed]
    assert drawn.missing == ()
    (called,) = [event for event in await court.said("beacon.called") if event.verifier == THREE[0]]
    await court.bind(called)
    assert await willing_now(court) == {THREE[1]}
    # It still answers audits.
    assert (await verifier_row(court, THREE[0]))["rests_until_ms"] == 0


async def test_without_a_verifier_the_block_alone_is_the_beacon_and_the_event_says_so(court: Court) -> None:
    await court.take(Work(1))
    await court.until_still()
    committed, drawn = await the_draw(court)
    assert (committed.shares, drawn.revealed, drawn.missing) == ((), (), ())
    assert drawn.beacon == combine((await court.chain.block(drawn.block)).hash, []).hex()


def test_the_last_seed_draws_the_verifiers_on_as_many_networks_as_there_are() -> None:
    willing = [Willing(party("v", number), f"net-{number % 3}") for number in range(20, 40)]
    own = Willing(party("v", 1), "net-9")
    chosen = {}
    for number in range(50):
        epoch = next_of(party("p", 1), number, None)
        assert epoch == Next(derive_id("x", party("p", 1), number), epoch.seed, number)
        drawn = draw_sharers(epoch, party("p", 1), [own, *willing])
        assert drawn == draw_sharers(epoch, party("p", 1), [*willing[::-1], own])
        assert len(drawn) == 5 and own not in drawn and len({each.network for each in drawn[:3]}) == 3
        chosen[drawn] = epoch
    assert len(chosen) > 40
    assert draw_sharers(Next(epoch.epoch_id, "ab" * 32, epoch.number), "p", willing) != draw_sharers(
        epoch, "p", willing
    )
