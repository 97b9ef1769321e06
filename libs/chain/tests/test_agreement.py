"""The twin and the real contracts live through the same random histories and say the same at every step."""

import random
from dataclasses import dataclass

import pytest

from assay.chain import wallet
from assay.chain.encode import encode_anchor, encode_open, encode_pay_audits, encode_settle, encode_slash
from assay.chain.errors import Reverted
from assay.chain.memory import MemoryChain
from assay.chain.orders import order_digest
from assay.chain.port import Anchor, AuditPayment, Chain, Order, Payout, Settlement, SignedOrder, Slash

pytestmark = pytest.mark.server
STEP_COUNT = 80
STEPS = (
    *("deposit", "withdraw", "open", "open", "settle", "reclaim", "stake", "unstake", "withdraw_stake", "slash"),
    *("give", "pay", "anchor", "anchor"),
)
DAY_S = 24 * 3600
JOBS = [bytes([number]) * 32 for number in range(1, 5)]


@dataclass
class History:
    """One seed's choices; each step is a function of a chain, so that both chains are told the same."""

    dice: random.Random
    keys: object
    now: int = 0

    def amount(self) -> int:
        return self.dice.choice([0, 1, 7, 40, 150])

    def deposit(self):
        amount = self.amount()
        return lambda chain: wallet.deposit(chain, self.keys.requester, amount)

    def withdraw(self):
        key, amount = self.dice.choice([self.keys.requester, self.keys.provider]), self.amount()
        return lambda chain: wallet.withdraw(chain, key, amount)

    def open(self):
        deadline = self.now + self.dice.choice([-5, 1000, 5 * DAY_S])
        orders = [
            Order(job_id, self.keys.requester.address, self.amount(), deadline, bytes(32))
            for job_id in self.dice.choices(JOBS, k=3)
        ]
        key = self.dice.choice([self.keys.requester] * 4 + [self.keys.stranger])

        def relay(chain: Chain):
            at = chain.deployment
            digests = [order_digest(order, at.chain_id, at.escrow) for order in orders]
            pairs = zip(orders, digests, strict=True)
            signed = [SignedOrder(order, bytes.fromhex(key.sign(digest)[2:])) for order, digest in pairs]
            return wallet.send(chain, self.keys.stranger, at.escrow, encode_open(signed))

        return relay

    def settle(self):
        fences = sorted(self.dice.choices(range(4), k=self.dice.randrange(3)))
        payouts = tuple(Payout(self.keys.provider.address, fence, self.amount()) for fence in fences)
        fee = self.dice.choice([0, 0, 1, 7])
        batch = [Settlement(job_id, payouts, fee, bytes(32)) for job_id in self.dice.choices(JOBS, k=2)]
        return lambda chain: wallet.send(chain, self.keys.settler, chain.deployment.escrow, encode_settle(batch))

    def reclaim(self):
        job_id = self.dice.choice(JOBS)
        return lambda chain: wallet.reclaim(chain, self.keys.stranger, job_id)

    def stake(self):
        amount = self.amount()
        return lambda chain: wallet.stake(chain, self.keys.provider, amount)

    def unstake(self):
        amount = self.amount()
        return lambda chain: wallet.unstake(chain, self.keys.provider, amount)

    def withdraw_stake(self):
        return lambda chain: wallet.withdraw_stake(chain, self.keys.provider)

    def slash(self):
        batch = [
            Slash(self.keys.provider.address, self.amount(), self.dice.randrange(7), job_id, self.dice.randrange(1, 3))
            for job_id in self.dice.choices(JOBS, k=2)
        ]
        return lambda chain: wallet.send(chain, self.keys.slasher, chain.deployment.stake, encode_slash(batch))

    def give(self):
        amount = self.amount()
        return lambda chain: wallet.fund_audits(chain, self.keys.requester, amount)

    def pay(self):
        verifiers = [self.keys.stranger.address, "0x" + "0" * 40]
        batch = [
            AuditPayment(audit_id, self.dice.choice([verifiers[0]] * 3 + verifiers), self.amount())
            for audit_id in self.dice.choices(JOBS, k=2)
        ]
        return lambda chain: wallet.send(chain, self.keys.settler, chain.deployment.escrow, encode_pay_audits(batch))

    def anchor(self):
        roots = [bytes(32), *(bytes([number]) * 32 for number in range(1, 4))]
        batch = [
            Anchor(self.keys.provider.address, self.dice.randrange(4), *self.dice.choices(roots, k=2), units)
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
    held = [await chain.balance(party) for party in parties] + [await chain.locked(job_id) for job_id in JOBS]
    bonds = [await chain.stake_of(parties[1]), await chain.unbonding_of(parties[1]), await chain.pool_balance()]
    at = chain.deployment
    tokens = [await chain.token_balance(token, place) for token in (at.stable, at.native) for place in parties]
    return held, bonds, tokens, roots, await chain.audit_fund(), [await chain.job_state(job_id) for job_id in JOBS]


@pytest.mark.parametrize("seed", range(4))
async def test_twin_and_contracts_agree_on_a_random_history(node_rig, seed):
    real, keys = node_rig.chain, node_rig.keys
    clock = [0]
    twin = MemoryChain(keys.admin.address, keys.settler.address, keys.slasher.address, clock=lambda: clock[0])
    for chain in (real, twin):
        await wallet.mint_stable(chain, keys.admin, keys.requester.address, 2000)
        await wallet.mint_native(chain, keys.admin, keys.provider.address, 2000)
    history, told = History(random.Random(seed), keys), set()
    for _ in range(STEP_COUNT):
        if history.dice.random() < 0.15:
            await node_rig.handles.advance(history.dice.choice([2000, 13 * DAY_S]))
        history.now = clock[0] = (await real.block()).timestamp
        act = history.step()
        expected = await outcome(real, act)
        clock[0] = (await real.block()).timestamp
        assert await outcome(twin, act) == expected
        told |= {expected} if isinstance(expected, str) else {type(event).__name__ for event in expected}
    assert await totals(twin, keys) == await totals(real, keys)
    assert len(told) >= 10, f"a history of {told} shows little"
