"""A Payment contract with 100 providers and 10 requesters, and epochs of any size that go through it whole."""

import time
from dataclasses import dataclass, replace
from typing import Any, Final

from assay.chain.artefacts import artefact
from assay.chain.payment.shapes import epoch_fields, leaf_fields, node_fields
from assay.proof.eip712 import Domain
from assay.proof.settlement import Payout, Posted, Settlement
from assay.proof.settlement_epoch import Book, build, posted_as
from bench.settlement.node import Contract, Node, deploy

PROVIDERS: Final = [f"0x{number:040x}" for number in range(0xB0000, 0xB0064)]
REQUESTERS: Final = [f"0x{number:040x}" for number in range(0xA0000, 0xA000A)]
BOND: Final = 1000 * 10**18
DEMAND_BOND: Final = 5 * 10**18
PRICE: Final = 50_000
DAY_S: Final = 24 * 3600
STEP: Final = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """What an epoch took: its root; paying everyone in one transaction, and one alone; and the seconds to build it."""

    post: int
    post_first_lap: int
    pay_all: int
    pay_one: int
    build_s: float


class Market:
    """The contract, and the operator's book."""

    def __init__(self, node: Node) -> None:
        self.node, (self.admin, self.challenger) = node, node.accounts[:2]
        self.stable, self.native = deploy(node, "StableToken", self.admin), deploy(node, "NativeToken", self.admin)
        pool = deploy(node, "InsurancePool", self.native.address, self.admin, self.admin)
        tokens = (self.stable.address, self.native.address, pool.address)
        windows = (DAY_S, DAY_S, 240, 7 * DAY_S)
        terms = (*tokens, self.admin, self.admin, self.admin, BOND, DEMAND_BOND, BOND // 500, windows)
        self.payment = deploy(node, "Payment", terms)
        self.challenges = Contract(node, artefact("Challenges").abi, self.payment.ask("CHALLENGES"))
        self._endow()
        places = {account: self.payment.ask("indexOf", account) for account in PROVIDERS + REQUESTERS}
        self.book = Book(Domain(int(node.ask("eth_chainId"), 16), self.payment.address), places)
        self.number, self.jobs = 1, 0

    def epoch(self, jobs: int, providers: int) -> Cost:
        """What an epoch of so many jobs costs, its root written over an older one and over none."""
        settlements = [self._settlement(number % providers) for number in range(jobs)]
        began = time.perf_counter()
        epoch, after = build(self.book, self.number, settlements)
        build_s = time.perf_counter() - began
        first_lap, posted = self._post(posted_as(epoch, 0, self.admin))
        self._let_fall(posted)
        again, posted = self._post(posted)
        self.node.pass_time(DAY_S + 1)
        self.payment.send(self.admin, "finalise", epoch_fields(posted))
        pay_one, pay_all = self._pay(after, posted, PROVIDERS[:1]), self._pay(after, posted, PROVIDERS[:providers])
        self.payment.send(self.admin, "pay", epoch_fields(posted), leaves_of(after, PROVIDERS))
        self.book, self.number = after, self.number + 1
        return Cost(again, first_lap, pay_all, pay_one, build_s)

    def _post(self, posted: Posted) -> tuple[int, Posted]:
        self.node.pass_time(300)
        arguments = (posted.number << 32 | posted.steps, node_fields(posted.state), posted.steps_root)
        receipt = self.payment.send(self.admin, "post", *arguments)
        return int(receipt["gasUsed"], 16), replace(posted, posted_at=self.node.time_of(receipt))

    def _let_fall(self, posted: Posted) -> None:
        """Nothing; the epoch is void for want of an answer, and what it was written to is not empty any more."""
        self.challenges.send(self.challenger, "demand", epoch_fields(posted), STEP, 0)
        self.node.pass_time(DAY_S + 1)
        self.challenges.send(self.challenger, "expire", epoch_fields(posted), STEP, 0)
        self.payment.send(self.admin, "addBond", BOND)

    def _pay(self, book: Book, posted: Posted, whom: list[str]) -> int:
        """What paying some takes; then all is as before."""
        snapshot = self.node.ask("evm_snapshot")
        gas = self.payment.gas(self.admin, "pay", epoch_fields(posted), leaves_of(book, whom))
        self.node.ask("evm_revert", snapshot)
        return gas

    def _settlement(self, provider: int) -> Settlement:
        self.jobs += 1
        payout = Payout(PROVIDERS[provider], PRICE - PRICE // 20, PRICE // 20)
        return Settlement(self.jobs.to_bytes(32, "big"), REQUESTERS[self.jobs % 10], (payout,), bytes(32))

    def _endow(self) -> None:
        for token, spender in ((self.stable, self.payment), (self.native, self.payment)):
            token.send(self.admin, "mint", self.admin, 10**30)
            token.send(self.admin, "approve", spender.address, 2**256 - 1)
        self.native.send(self.admin, "mint", self.challenger, 10**24)
        self.native.send(self.challenger, "approve", self.challenges.address, 2**256 - 1)
        self.payment.send(self.admin, "appoint", self.admin, True)
        self.payment.send(self.admin, "addBond", BOND)
        for requester in REQUESTERS:
            self.payment.send(self.admin, "depositFor", requester, 10**15)
        for provider in PROVIDERS:
            self.payment.send(self.admin, "register", provider)


def leaves_of(book: Book, accounts: list[str]) -> list[tuple[Any, ...]]:
    """The leaves of accounts as a call takes them."""
    return [leaf_fields(book.leaf(account)) for account in accounts]
