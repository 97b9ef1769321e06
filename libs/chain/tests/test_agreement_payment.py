"""The twin and the real Payment and Challenges live through the same random histories and say the same throughout."""

import random
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from libs.chain.tests.paying import Operator, bent, job, operator_of

from assay.chain import wallet
from assay.chain.encode import encode_call
from assay.chain.errors import Reverted
from assay.chain.memory import MemoryChain
from assay.chain.payment import encode
from assay.chain.payment.shapes import NO_EPOCH
from assay.chain.payment.values import Demanded, Terms
from assay.chain.words import normal
from assay.proof.settlement import Posted, epoch_digest

pytestmark = pytest.mark.server
STEP_COUNT = 70
HOUR_S, DAY_S = 3600, 24 * 3600
STEPS = (
    *("post", "post", "post", "post_bad", "finalise", "pay", "pay_fees", "leave", "cancel", "withdraw", "demand"),
    *("demand", "answer", "answer", "expire", "take_back", "prove_step", "prove_twice", "add_bond", "deposit"),
)


@dataclass
class History:
    """One seed's choices: calls of one operator, told to both chains."""

    dice: random.Random
    rig: Any
    operator: Operator
    now: int = 0
    jobs: int = 0
    posted: list[Posted] = field(default_factory=list)
    demands: list[tuple[Posted, Demanded, int]] = field(default_factory=list)

    def epoch(self) -> Posted:
        """Some epoch that was posted, void ones too, or one that never was."""
        known = self.dice.choice(self.posted) if self.posted else NO_EPOCH
        return known if self.dice.random() < 0.9 else bent(known, 1)

    def standing(self) -> Posted:
        """An epoch that the operator can prove, if there is any."""
        numbers = [number for number in self.operator.built if number <= self.operator.last.number]
        return next((each for each in reversed(self.posted) if numbers and each.number == numbers[-1]), NO_EPOCH)

    def people(self) -> list[str]:
        keys = self.rig.keys
        return [normal(key.address) for key in (keys.requester, keys.provider, keys.stranger)]

    def post(self):
        self.jobs += self.dice.random() < 0.9
        amounts = self.dice.choices([10, 95, 400], k=self.dice.randrange(1, 3))
        whom = self.dice.choice([self.rig.keys.provider, self.rig.keys.stranger])
        return [
            job(
                self.rig,
                f"job {self.jobs}",
                *amounts,
                fee=self.dice.choice([0, 0, 5, 20][: 1 + min(amounts) // 95]),
                provider=whom,
            )
        ]

    def post_bad(self):
        state = self.operator.book.state._replace(credits=self.dice.randrange(5), debits=self.dice.choice([3, 10**6]))
        return (
            self.rig.keys.settler,
            "payment",
            encode.encode_post(
                self.operator.last.number + self.dice.choice([0, 1, 1]), state, bytes(32), self.dice.randrange(2)
            ),
        )

    def finalise(self):
        return self.rig.keys.stranger, "payment", encode.encode_finalise(self.epoch())

    def pay(self):
        leaves = [self.operator.book.leaf(who) for who in self.dice.sample(self.people(), k=2)]
        return (
            self.rig.keys.stranger,
            "payment",
            encode.encode_pay(self.dice.choice([self.operator.last, self.epoch()]), leaves),
        )

    def pay_fees(self):
        return self.rig.keys.stranger, "payment", encode.encode_pay_fees(self.epoch())

    def leave(self):
        return self.rig.keys.requester, "payment", encode_call("requestExit(uint256)", self.dice.choice([0, 50, 10**7]))

    def cancel(self):
        return self.rig.keys.requester, "payment", encode_call("cancelExit()")

    def withdraw(self):
        leaf = self.operator.book.leaf(self.dice.choice(self.people()[:2]))
        return self.rig.keys.requester, "payment", encode.encode_withdraw(self.operator.last, self.epoch(), leaf)

    def demand(self):
        made = (self.standing(), self.dice.choice(list(Demanded)), self.dice.randrange(4))
        self.demands.append(made)
        return self.rig.keys.stranger, "challenges", encode.encode_demand(*made)

    def answer(self):
        epoch, kind, index = self.dice.choice(self.demands) if self.demands else (NO_EPOCH, Demanded.LEAF, 0)
        built = self.operator.built.get(epoch.number)
        if kind == Demanded.LEAF or built is None or index >= len(built[2].steps):
            leaf = self.operator.book.leaf(self.people()[max(0, index - 1) % 3])
            return self.rig.keys.provider, "challenges", encode.encode_answer_leaf(epoch, index, leaf)
        proof = self.operator.proof(epoch.number, index)
        key = self.dice.choice([self.rig.keys.requester] * 4 + [self.rig.keys.stranger])
        deadline = self.now + self.dice.choice([HOUR_S, HOUR_S, 40 * DAY_S])
        evidence = self.operator.evidence(key, proof.opening.step.charge, deadline)
        return self.rig.keys.provider, "challenges", encode.encode_answer_step(epoch, proof, evidence)

    def expire(self):
        made = self.dice.choice(self.demands) if self.demands else (NO_EPOCH, Demanded.STEP, 0)
        return self.rig.keys.provider, "challenges", encode.encode_expire(*made)

    def take_back(self):
        epoch, kind, index = self.dice.choice(self.demands) if self.demands else (NO_EPOCH, Demanded.STEP, 0)
        digest = epoch_digest(self.operator.book.domain, epoch)
        call = encode_call("takeBack(bytes32,uint64,uint8,uint32)", digest, epoch.number, int(kind), index)
        return self.rig.keys.stranger, "challenges", call

    def prove_step(self):
        epoch = self.standing()
        if epoch is NO_EPOCH:
            return self.finalise()
        proof = self.operator.proof(epoch.number, 0)
        if self.dice.random() < 0.3:
            proof = proof._replace(provider=replace(proof.provider, credit=proof.provider.credit + 1))
        return self.rig.keys.provider, "challenges", encode.encode_prove_step(epoch, proof)

    def prove_twice(self):
        known = [each for each in self.posted if each.number in self.operator.built]
        if len(known) < 2:
            return self.finalise()
        first, second = known[0], known[-1]
        openings = [self.operator.opening(each.number, 0) for each in (first, second)]
        return self.rig.keys.stranger, "challenges", encode.encode_prove_twice(first, openings[0], second, openings[1])

    def add_bond(self):
        return self.rig.keys.settler, "payment", encode_call("addBond(uint256)", Terms().bond)

    def deposit(self):
        return self.rig.keys.stranger, "payment", encode_call("register(address)", self.dice.choice(self.people()))


async def outcome(chain, key, target: str, call: bytes):
    """What a call came to: its events, or what it was refused by."""
    try:
        return (await wallet.send(chain, key, getattr(chain.deployment, target), call)).events
    except Reverted as error:
        return error.detail.split("(")[0]


async def totals(chain, history: History):
    people = [*history.people(), normal(history.rig.keys.settler.address)]
    at = chain.deployment
    held = [await chain.token_balance(token, who) for token in (at.stable, at.native) for who in [*people, at.payment]]
    accounts = [await chain.account_of(who) for who in people]
    digests = [await chain.epoch_digest(number) for number in range(8)]
    poster = await chain.poster_of(people[-1])
    return (
        held,
        accounts,
        digests,
        poster,
        await chain.payment_head(),
        await chain.outflow(),
        await chain.pool_balance(),
    )


def twin_of(rig, clock: list[int]) -> MemoryChain:
    """A twin at the real contracts' addresses, so that every digest and signature counts on both."""
    keys = rig.keys
    twin = MemoryChain(keys.admin.address, keys.settler.address, keys.slasher.address, clock=lambda: clock[0])
    twin.deployment = rig.chain.deployment
    twin._world = replace(twin._world, deployment=rig.chain.deployment)
    return twin


@pytest.mark.parametrize("seed", range(3))
async def test_twin_and_contracts_agree_on_a_random_history_of_payments(node_rig, seed):
    clock = [(await node_rig.chain.block()).timestamp]
    twin = twin_of(node_rig, clock)
    rigs = [node_rig, replace(node_rig, chain=twin)]
    operators = [await operator_of(rig, 10**6) for rig in rigs]
    for rig in rigs:
        for who, spender in ((rig.keys.settler, "payment"), (rig.keys.stranger, "challenges")):
            approve = encode_call("approve(address,uint256)", getattr(rig.chain.deployment, spender), 10**30)
            await wallet.send(rig.chain, who, rig.chain.deployment.native, approve)
    history, told = History(random.Random(seed), node_rig, operators[0]), set()
    for _ in range(STEP_COUNT):
        if history.dice.random() < 0.5:
            await node_rig.handles.advance(history.dice.choice([300, 300, HOUR_S, DAY_S + 1, 7 * DAY_S]))
        history.now = clock[0] = (await node_rig.chain.block()).timestamp
        expected = await step(history, node_rig.chain, twin, clock)
        told |= {expected} if isinstance(expected, str) else {type(event).__name__ for event in expected}
    assert await totals(twin, history) == await totals(node_rig.chain, history)
    assert len(told) >= 12, f"a history of {told} shows little"


async def step(history: History, real, twin: MemoryChain, clock: list[int]):
    """What one step came to on the real chain, which is what it comes to on the twin."""
    made = getattr(history, history.dice.choice(STEPS))()
    operator = history.operator
    if isinstance(made, list):
        epoch, after = operator.next(made)
        made = (
            history.rig.keys.settler,
            "payment",
            encode.encode_post(epoch.number, epoch.state, epoch.steps_root, len(epoch.steps)),
        )
    else:
        epoch = None
    expected = await outcome(real, *made)
    clock[0] = (await real.block()).timestamp
    assert await outcome(twin, *made) == expected
    if epoch is not None and not isinstance(expected, str):
        operator.take(epoch, after, expected[-1].epoch)
        history.posted.append(operator.last)
    for event in () if isinstance(expected, str) else expected:
        if type(event).__name__ == "Voided":
            operator.forget(event.number)
    return expected
