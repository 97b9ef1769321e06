"""The twin and the real contracts live through the same random histories and say the same at every step."""

import random
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import pytest

from assay.chain import wallet
from assay.chain.encode import encode_anchor, encode_call
from assay.chain.errors import Reverted
from assay.chain.governed.accusations import Accusation, accusation_id, encode_propose
from assay.chain.memory import MemoryChain
from assay.chain.payment.shapes import NO_EPOCH
from assay.chain.port import Anchor, SlashReason
from assay.chain.relayed import sign_deposit, sign_exit, sign_stay
from assay.proof.settlement_epoch import Leaf
from assay.proof.settlement_tree import Branch
from assay.schema.relay import Relay

pytestmark = pytest.mark.server
STEP_COUNT = 80
STEPS = (
    *("deposit", "exit", "withdraw", "stake", "stake", "unstake", "withdraw_stake", "claim"),
    *("back", "leave", "collect", "accuse", "accuse", "end", "end", "end", "anchor"),
    *("sign_deposit", "sign_exit", "sign_stay", "repeat"),
)
DAY_S = 24 * 3600
JOBS = [bytes([number]) * 32 for number in range(1, 5)]


@dataclass
class History:
    """One seed's choices; each step is a function of a chain, so that both chains are told the same."""

    dice: random.Random
    keys: Any
    now: int = 0
    signed: dict[int, list[Relay]] = field(default_factory=lambda: defaultdict(list))

    def amount(self) -> int:
        return self.dice.choice([0, 1, 7, 40, 150])

    def deposit(self):
        amount = self.amount()
        return lambda chain: wallet.deposit(chain, self.keys.requester, amount)

    def exit(self):
        amount = self.amount()
        return lambda chain: wallet.request_exit(chain, self.keys.requester, amount)

    def sign_deposit(self):
        amount = self.amount() or 1
        return lambda chain: self.relayed(chain, sign_deposit(chain, self.keys.requester, amount))

    def sign_exit(self):
        amount = self.amount() or 1
        return lambda chain: self.relayed(chain, sign_exit(chain, self.keys.requester, amount))

    def sign_stay(self):
        return lambda chain: self.relayed(chain, sign_stay(chain, self.keys.requester))

    async def relayed(self, chain, signing):
        said = await signing
        self.signed[id(chain)].append(said)
        return await wallet.relay(chain, self.keys.stranger, self.keys.requester.address, said)

    def repeat(self):
        """Whatever was signed before, whether it was used or not."""
        turn = self.dice.randrange(99)

        async def again(chain):
            signed = self.signed[id(chain)] or [await sign_stay(chain, self.keys.requester)]
            return await wallet.relay(
                chain, self.keys.stranger, self.keys.requester.address, signed[turn % len(signed)]
            )

        return again

    def withdraw(self):
        leaf = Leaf(self.keys.requester.address, 0, 0, Branch(0, ()))
        return lambda chain: wallet.withdraw(chain, self.keys.requester, NO_EPOCH, NO_EPOCH, leaf)

    def stake(self):
        amount = self.amount()
        return lambda chain: wallet.stake(chain, self.keys.provider, amount)

    def unstake(self):
        amount = self.amount()
        return lambda chain: wallet.unstake(chain, self.keys.provider, amount)

    def withdraw_stake(self):
        return lambda chain: wallet.withdraw_stake(chain, self.keys.provider)

    def claim(self):
        units = self.dice.choice([0, 0, 5])
        return lambda chain: self.tell(chain, "vault", self.keys.provider, encode_call("claim(uint64)", units))

    def back(self):
        amount, key = self.amount(), self.keys.stranger
        call = encode_call("allocate(address,uint256)", self.keys.provider.address, amount)
        return lambda chain: self.tell(chain, "restaking", key, call, amount)

    def leave(self):
        shares = self.dice.choice([0, 10**6, 40 * 10**6])
        call = encode_call("deallocate(address,uint256)", self.keys.provider.address, shares)
        return lambda chain: self.tell(chain, "restaking", self.keys.stranger, call)

    def collect(self):
        call = encode_call("withdraw(address)", self.keys.provider.address)
        return lambda chain: self.tell(chain, "restaking", self.keys.stranger, call)

    def accuse(self):
        reason, at = self.dice.choice(list(SlashReason)), self.now - self.dice.choice([0, 0, 0, 8 * DAY_S])
        parties = (self.keys.stranger.address, self.keys.requester.address, 10)
        what = Accusation(self.keys.provider.address, reason, self.dice.choice(JOBS), at, *parties, bytes(32))
        return lambda chain: self.tell(chain, "slashing", self.keys.slasher, encode_propose(what))

    def end(self):
        id_ = accusation_id(self.keys.provider.address, self.dice.choice(JOBS))
        call = encode_call(self.dice.choice(["execute(bytes32)", "lapse(bytes32)", "refund(bytes32)"]), id_)
        return lambda chain: self.tell(chain, "slashing", self.keys.stranger, call)

    @staticmethod
    async def tell(chain, contract, key, call, amount=0):
        """What one of the contracts of stake is told, which may take native tokens for it."""
        to = getattr(chain.deployment.group, contract)
        if amount:
            approve = encode_call("approve(address,uint256)", to, amount)
            await wallet.send(chain, key, chain.deployment.native, approve)
        return await wallet.send(chain, key, to, call)

    def anchor(self):
        roots = [bytes(32), *(bytes([number]) * 32 for number in range(1, 4))]
        choice = self.dice.choice
        batch = [
            Anchor(self.keys.provider.address, self.dice.randrange(4), choice(roots), choice(roots), units)
            for units in range(4)
        ]
        return lambda chain: wallet.send(chain, self.keys.settler, chain.deployment.anchors, encode_anchor(batch))

    def step(self):
        return getattr(self, self.dice.choice(STEPS))()


async def outcome(chain, act):
    """What a step came to, as far as it does not depend on where the contracts stand."""
    try:
        return (await act(chain)).events
    except Reverted as error:
        return error.detail.split("(")[0]


async def totals(chain, keys):
    parties = [keys.requester.address, keys.provider.address, keys.stranger.address]
    roots = [await chain.root_of(parties[1], number) for number in range(4)]
    held = [await chain.account_of(party) for party in parties]
    bonds = [await chain.stake_of(parties[1]), await chain.unbonding_of(parties[1]), await chain.pool_balance()]
    bonds += [await chain.backing_of(parties[1]), await chain.slashable_of(parties[1])]
    bonds += [await chain.claim_of(parties[1]), await chain.is_covered(parties[1]), await chain.cover_terms()]
    at = chain.deployment
    tokens = [await chain.token_balance(token, place) for token in (at.stable, at.native) for place in parties]
    return held, bonds, tokens, roots, await chain.payment_head()


@pytest.mark.parametrize("seed", range(4))
async def test_twin_and_contracts_agree_on_a_random_history(node_rig, seed):
    real, keys = node_rig.chain, node_rig.keys
    clock = [0]
    twin = MemoryChain(keys.admin.address, keys.settler.address, keys.slasher.address, clock=lambda: clock[0])
    for chain in (real, twin):
        await wallet.mint_stable(chain, keys.admin, keys.requester.address, 2000)
        await wallet.mint_native(chain, keys.admin, keys.stranger.address, 2000)
        await wallet.mint_native(chain, keys.admin, keys.provider.address, 2000)
    history, told = History(random.Random(seed), keys), set()
    for _ in range(STEP_COUNT):
        if history.dice.random() < 0.15:
            await node_rig.handles.advance(history.dice.choice([2000, 3 * DAY_S + 1, 13 * DAY_S]))
        history.now = clock[0] = (await real.block()).timestamp
        # Until when a signature counts is by the latest block.
        twin.mine()
        act = history.step()
        expected = await outcome(real, act)
        clock[0] = (await real.block()).timestamp
        assert await outcome(twin, act) == expected
        told |= {expected} if isinstance(expected, str) else {type(event).__name__ for event in expected}
    assert await totals(twin, keys) == await totals(real, keys)
    assert len(told) >= 10, f"a history of {told} shows little"
