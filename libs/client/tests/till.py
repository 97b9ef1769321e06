"""An operator's till on a real chain: jobs are charged and posted in epochs, told as events, and then it is gone."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from libs.chain.tests.paying import Operator
from libs.client.tests.shell import Shell

from assay.chain import wallet
from assay.chain.client import ChainClient
from assay.chain.payment.encode import encode_answer_step, encode_post
from assay.chain.payment.values import Terms
from assay.client.watching import line_of
from assay.proof.settlement import Posted, as_charged
from assay.proof.settlement_epoch import Book, lay
from assay.proof.settlement_events import charged
from assay.schema.event import Envelope, Event
from assay.schema.job import JobSettled, Payout
from assay.schema.payment import PaymentEnlisted, PaymentPosted, PaymentVoided, VoidReason
from assay.schema.values import Role, derive_id, participant_id

DEPOSIT = 100_000
TX = {"tx": "0x" + "ab" * 32, "block": 7}


@dataclass
class Till:
    """The operator, what it said in public, and where the next step stands."""

    shell: Shell
    chain: ChainClient
    operator: Operator
    said: list[Event]
    jobs: list[JobSettled] = field(default_factory=list)
    step: int = 1

    async def run(self, *words: object, as_: str) -> Any:
        """What a command says that succeeds."""
        return await asyncio.to_thread(self.shell.done, *words, as_=as_)

    async def refused(self, *words: object, as_: str) -> Any:
        """What a command says that fails."""
        return await asyncio.to_thread(self.shell.refused, *words, as_=as_)

    def charge(self, *amounts: int, fee: int = 0, name: str = "") -> JobSettled:
        """A job whose parts earn the provider these amounts; it is the next to be posted."""
        job_id = derive_id("j", name or len(self.jobs))
        parties = participant_id(Role.REQUESTER, self.shell.address("requester"))
        provider = participant_id(Role.PROVIDER, self.shell.address("provider"))
        parts = tuple(
            Payout(lease_id=derive_id("l", job_id, turn), provider=provider, fence=turn + 1, amount=amount, fee=fee)
            for turn, amount in enumerate(amounts)
        )
        money = {"payouts": parts, "fee": fee * len(parts), "refunded": 0, "receipt": "cd" * 32}
        job = JobSettled(job_id=job_id, requester=parties, payment=1, step=self.step, **money)
        self.jobs.append(job)
        self.step += len(parts)
        return job

    async def post(self, *jobs: JobSettled, said: Sequence[JobSettled] = (), bent: bool = False) -> Posted:
        """The epoch that charges these jobs, on the chain and among the events, whether it keeps the rules or not.

        Others may be `said` than are charged; `bent` posts another root than the one to which its last step leads.
        """
        charges = [charge for each in charged(jobs) for charge in as_charged(each.settlement)]
        epoch, after = lay(self.operator.book, self.operator.last.number + 1, charges)
        state = epoch.state._replace(hash=bytes([9]) * 32) if bent else epoch.state
        receipt = await self.operator.send(encode_post(epoch.number, state, epoch.steps_root, len(epoch.steps)))
        self.operator.take(epoch, after, receipt.events[-1].epoch)
        return self.tell(said or jobs, self.operator.last)

    async def answer(self, number: int, index: int) -> None:
        """Nothing; the operator has shown a step that was demanded."""
        proof = self.operator.proof(number, index)
        epoch = self.operator.last if self.operator.last.number == number else self.operator.built[number + 1][1]
        deadline = epoch.posted_at + 100
        evidence = self.operator.evidence(self.shell.key("requester"), proof.opening.step.charge, deadline)
        await self.operator.challenge(encode_answer_step(epoch, proof, evidence), self.operator.key)

    def tell(self, jobs: Sequence[JobSettled], posted: Posted) -> Posted:
        """The epoch, once it is said with its jobs."""
        state, numbers = posted.state, {"number": posted.number, "steps": posted.steps, "posted_at": posted.posted_at}
        roots = {"steps_root": posted.steps_root.hex(), "root": state.hash.hex()}
        money = {"credits": state.credits, "debits": state.debits}
        who = {"payment_id": derive_id("m", posted.number), "poster": posted.poster.lower(), **TX}
        first = min(job.step for job in jobs if job.step)
        self.said += [*jobs, PaymentPosted(first_step=first, **numbers, **roots, **money, **who)]
        return posted

    def void(self, number: int) -> None:
        """Nothing; it is said that an epoch is void, and the operator goes on from before it."""
        self.operator.forget(number)
        self.said.append(PaymentVoided(payment_id=derive_id("m", 9), number=number, reason=VoidReason.UNANSWERED, **TX))

    def lines(self, said: Sequence[Event] | None = None) -> list[str]:
        """What `assay events --json` prints of it."""
        told = [Envelope.wrap(event, "settlement", 1, turn=turn) for turn, event in enumerate(said or self.said)]
        return [json.dumps({"cursor": turn} | line_of(each)) + "\n" for turn, each in enumerate(told, 1)]

    def kept(self, file: Path) -> Path:
        """A file of them."""
        file.write_text("".join(self.lines()))
        return file

    async def pass_time(self, seconds: int) -> None:
        """Put the chain's clock forward."""
        await asyncio.to_thread(self.shell.pass_time, seconds)


async def open_till(shell: Shell, chain: ChainClient) -> Till:
    """A bonded operator, a requester with a deposit, a provider with a place, and somebody who doubts with bonds."""
    admin, terms, at = shell.key("deployer"), Terms(), chain.deployment
    await wallet.mint_native(chain, admin, admin.address, 10 * terms.bond)
    await wallet.mint_native(chain, admin, shell.address("doubter"), 10 * terms.demand_bond)
    await wallet.add_bond(chain, admin, 3 * terms.bond)
    await wallet.mint_stable(chain, admin, shell.address("requester"), DEPOSIT)
    await wallet.deposit(chain, shell.key("requester"), DEPOSIT)
    await wallet.register(chain, admin, shell.address("provider"))
    people = {shell.address(party): 0 for party in ("requester", "provider")}
    places = {each.lower(): (await chain.account_of(each)).index for each in people}
    enlisted = [
        PaymentEnlisted(payment_id=derive_id("m", place), account=who, place=place, **TX)
        for who, place in places.items()
    ]
    return Till(shell, chain, Operator(chain, admin, Book(at.domain, places)), [*enlisted])
