"""A refund is shared as a list says: by the twin and by the contracts, and in the twin whatever arrives whenever."""

import pytest
from hypothesis import given
from hypothesis import strategies as some
from tests.peers import Web3

from assay.chain import wallet
from assay.chain.artefacts import artefact
from assay.chain.encode import encode_call
from assay.chain.errors import Reverted
from assay.chain.events import Compensated
from assay.chain.gas import TRANSACTION_GAS_MAX, share_gas
from assay.chain.governed.accusations import accusation_id
from assay.chain.governed.purses import MOST, Loss, Shared, encode_share, purse_of
from assay.chain.governed.stake_events import Refunded
from assay.chain.governed.terms import DAY_S, NOBODY
from assay.chain.memory import MemoryChain
from assay.chain.port import SlashReason
from assay.chain.twin.call import Call
from assay.chain.twin.purses import share
from assay.chain.words import normal

OFFENCE = b"epoch".ljust(32, b"\0")
ID = b"\7" * 32
HOME = MemoryChain(*[normal("0x" + "0a" * 20)] * 3).deployment


def victim(turn: int) -> str:
    return normal(f"0x{0x71C7 + turn:040x}")


def listed(*amounts: int) -> list[Loss]:
    """What victims lost, by rising address."""
    return [Loss(victim(turn), amount) for turn, amount in enumerate(amounts)]


def purse(at, id_, losses):
    return purse_of(at.group.purses, at.native, id_, losses)


async def arrive(rig, losses, amount, id_=ID):
    place = purse(rig.chain.deployment, id_, losses)
    await wallet.mint_native(rig.chain, rig.keys.admin, place, amount)
    return place


async def shared(rig, losses, id_=ID):
    """What sharing says; the key that asks for it has no part in it."""
    to = rig.chain.deployment.group.purses
    return (await wallet.send(rig.chain, rig.keys.stranger, to, encode_share(id_, losses))).events


async def balance(rig, who):
    return await rig.chain.token_balance(rig.chain.deployment.native, who)


async def test_a_refund_goes_to_all_victims_of_an_offence_as_their_losses_are(rig):
    await rig.bond()
    accusation = accusation_id(rig.keys.provider.address, OFFENCE)
    losses = listed(300, 100)
    place = purse(rig.chain.deployment, accusation, losses)
    said = {"reason": SlashReason.INVALID_RESULT, "offence": OFFENCE, "evidence": bytes(32)}
    assert await rig.accuse(**said, victim=place, loss=400) == accusation
    await rig.handles.advance(3 * DAY_S + 1)
    await rig.tell(rig.keys.stranger, encode_call("execute(bytes32)", accusation))
    refunded = (await rig.tell(rig.keys.stranger, encode_call("refund(bytes32)", accusation))).events
    assert refunded == (Refunded(accusation, place, 250, 0), Compensated(place, 250, OFFENCE))
    assert await shared(rig, losses, accusation) == tuple(
        Shared(accusation, loss.victim, place, amount, loss.amount - amount)
        for loss, amount in zip(losses, (187, 62), strict=True)
    )
    with pytest.raises(Reverted, match="NothingHeld"):
        await shared(rig, losses, accusation)


async def test_what_arrives_later_is_shared_later_and_what_nobody_lost_is_the_pools(rig):
    losses = listed(7, 3)
    place = await arrive(rig, losses, 5)
    assert await shared(rig, losses) == (Shared(ID, victim(0), place, 3, 4), Shared(ID, victim(1), place, 1, 2))
    await arrive(rig, losses, 9)
    assert await shared(rig, losses) == (Shared(ID, victim(0), place, 4, 0), Shared(ID, victim(1), place, 2, 0))
    assert (await rig.chain.pool_balance(), await balance(rig, place)) == (4, 0)
    with pytest.raises(Reverted, match="NothingHeld"):
        await shared(rig, losses)


@pytest.mark.parametrize(
    "losses",
    [
        [],
        [Loss(victim(0), 1), Loss(victim(0), 1)],
        [Loss(victim(1), 1), Loss(victim(0), 1)],
        [Loss(NOBODY, 1), Loss(victim(0), 1)],
        listed(1, 0),
        listed(2**128 - 1, 1),
        listed(*[1] * (MOST + 1)),
    ],
    ids=["nobody", "twice", "falling", "zero", "no loss", "too much", "too many"],
)
async def test_a_wrong_list_shares_nothing(rig, losses):
    with pytest.raises(Reverted, match="WrongList"):
        await shared(rig, losses)


async def test_another_list_gets_nothing_of_it(rig):
    losses = listed(7, 3)
    await arrive(rig, losses, 10)
    for other, id_ in ((listed(6, 4), ID), (listed(7, 3, 1), ID), (losses, b"\1" * 32)):
        with pytest.raises(Reverted, match="NothingHeld"):
            await shared(rig, other, id_)
    assert len(await shared(rig, losses)) == 2


@pytest.mark.server
@pytest.mark.parametrize("count", [2, MOST])
async def test_sharing_stays_below_its_bound(node_rig, count):
    losses = listed(*range(1, count + 1))
    await arrive(node_rig, losses, 10**6)
    call, at = encode_share(ID, losses), node_rig.chain.deployment.group.purses
    receipt = await wallet.send(node_rig.chain, node_rig.keys.stranger, at, call)
    assert len(receipt.events) == count
    assert 0.3 * share_gas(len(call)) < receipt.gas_used <= share_gas(len(call)) < TRANSACTION_GAS_MAX


async def delegate(rig, losses):
    """Each victim has its votes cast by somebody else: what it is paid is written down for that one, too."""
    for loss in losses:
        await rig.handles.rpc.ask("anvil_impersonateAccount", loss.victim)
        await rig.handles.rpc.ask("anvil_setBalance", loss.victim, hex(10**18))
        call = encode_call("delegate(address)", victim(int(loss.victim, 16)))
        asked = {"from": loss.victim, "to": rig.chain.deployment.native, "data": "0x" + call.hex()}
        await rig.handles.rpc.ask("eth_sendTransaction", asked)


@pytest.mark.server
@pytest.mark.parametrize("count", [2, MOST])
async def test_victims_whose_votes_are_cast_by_others_do_not_make_sharing_run_out_of_gas(node_rig, count):
    losses = listed(*range(1, count + 1))
    await delegate(node_rig, losses)
    await arrive(node_rig, losses, 10**6)
    call, at = encode_share(ID, losses), node_rig.chain.deployment.group.purses
    receipt = await wallet.send(node_rig.chain, node_rig.keys.stranger, at, call)
    assert len(receipt.events) == count
    assert 0.5 * share_gas(len(call)) < receipt.gas_used <= share_gas(len(call)) < TRANSACTION_GAS_MAX


@given(some.binary(min_size=32, max_size=32), some.lists(some.integers(1, 2**120), min_size=1, max_size=4))
def test_a_list_is_packed_like_web3s(id_, amounts):
    losses = listed(*amounts)
    contract = Web3().eth.contract(abi=artefact("Purses").abi)
    assert encode_share(id_, losses).hex() == contract.encode_abi("share", [id_, losses])[2:]


@given(
    some.lists(some.integers(1, 10**24), min_size=1, max_size=6),
    some.lists(some.integers(0, 10**24), min_size=1, max_size=6),
)
def test_whatever_arrives_is_conserved_and_nobody_gets_more_than_it_lost(amounts, arrivals):
    losses, storage, whole = listed(*amounts), {}, sum(amounts)
    call = Call(normal("0x" + "ac" * 20), HOME.group.purses, 0, storage, HOME, {})
    place = purse(HOME, ID, losses)

    def has(who):
        return call.number(HOME.native, "balance", who)

    for turn, amount in enumerate(arrivals, 1):
        call.add(amount, HOME.native, "balance", place)
        try:
            share(call, ID, losses)
        except Reverted:
            assert amount == 0 or has(place) < len(losses)
        arrived = min(sum(arrivals[:turn]), whole)
        assert [has(loss.victim) for loss in losses] == [arrived * loss.amount // whole for loss in losses]
        assert sum(map(has, [*(loss.victim for loss in losses), place, HOME.pool])) == sum(arrivals[:turn])
        assert has(call.sender) == 0, "who asks for it has no part in it"
    paid = {loss.victim: 0 for loss in losses}
    for event in call.events:
        assert isinstance(event, Shared) and event.purse == place
        paid[event.victim] += event.amount
    assert paid == {loss.victim: has(loss.victim) for loss in losses}
