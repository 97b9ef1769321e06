"""Doubting an epoch of payments: what public events and the chain say against it, and the calls that prove it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import cast

from assay.chain import Chain
from assay.chain.payment.answers import Asking, shown_in
from assay.chain.payment.docket import Docket, dockets_of
from assay.chain.payment.encode import encode_prove_step, encode_prove_twice
from assay.chain.payment.shapes import NO_EPOCH, Opening, proof_of
from assay.client.standing import read_epoch
from assay.proof.settlement import Posted, Step
from assay.proof.settlement_doubts import Doubt, Ground, is_as_said, provable, unseen
from assay.proof.settlement_epoch import Book, Epoch, prove_step
from assay.proof.settlement_events import Found, untold
from assay.proof.settlement_tree import plain_path
from assay.schema.errors import Refused


@dataclass(frozen=True, slots=True)
class Case:
    """An epoch as the chain holds it, what the events make of it and of those before it, and what is wrong with it."""

    docket: Docket
    found: Found
    earlier: tuple[Found, ...]
    doubts: tuple[Doubt, ...]
    is_final: bool

    @property
    def is_as_said(self) -> bool:
        """Whether the steps that the chain holds are those that the events make."""
        return self.found.epoch is not None and is_as_said(self.docket.epoch, self.found.epoch)

    @property
    def provable(self) -> Doubt | None:
        """What the contract finds at once, if anything is."""
        return next((each for each in self.doubts if each.ground is not Ground.UNSEEN), None)

    @property
    def unseen(self) -> Doubt | None:
        """What has to be demanded, if anything is."""
        return next((each for each in self.doubts if each.ground is Ground.UNSEEN), None)


async def docket_of(chain: Chain, number: int) -> Docket:
    """An epoch that stands. Raises Refused: payment.unknown; ChainUnreachable."""
    docket = (await dockets_of(chain, [number])).get(number)
    if docket is None:
        raise Refused("payment.unknown", f"The contract holds no epoch {number}: it was voided, or never posted.")
    return docket


async def case_of(chain: Chain, founds: Iterable[Found], number: int) -> Case:
    """What can be said against an epoch, by all that stand as the events make them.

    Raises Refused: payment.unknown; payment.unproven if one before it is wrong or not known; ChainUnreachable.
    """
    docket = await docket_of(chain, number)
    found, earlier = split(founds, number)
    if found is None:
        raise Refused("payment.unproven", f"The events do not reach epoch {number}.")
    if wrong := next((each for each in earlier if each.fault), None):
        raise Refused("payment.unproven", f"Look at epoch {wrong.number} first: {wrong.fault}")
    is_final = number <= (await chain.payment_head()).last
    return Case(docket, found, earlier, tuple(await doubts_of(chain, docket, found, earlier)), is_final)


def split(founds: Iterable[Found], number: int) -> tuple[Found | None, tuple[Found, ...]]:
    """An epoch, if it is there, and those before it without their books: each is as large as all accounts."""
    earlier: list[Found] = []
    for each in founds:
        if each.number >= number:
            return each if each.number == number else None, tuple(earlier)
        earlier.append(replace(each, before=None, after=None))
    return None, tuple(earlier)


async def doubts_of(chain: Chain, docket: Docket, found: Found, earlier: Sequence[Found]) -> list[Doubt]:
    """What is wrong with an epoch. Raises Refused: payment.unproven if the events lack more than its steps."""
    posted, made = docket.epoch, found.epoch
    if made is None or found.before is None or not is_as_said(posted, made):
        lacking = list(islice(untold(found.posted, posted.steps, found.jobs), len(docket.demands) + 1))
        if made is None and not lacking:
            raise Refused("payment.unproven", found.fault)
        doubt = unseen(chain.deployment.domain, posted, made, lacking, await steps_shown(chain, docket))
        return [doubt] if doubt else []
    requesters = {step.charge.requester for step in made.steps}
    funds = {each: (await chain.account_of(each)).funds_at(posted.posted_at) for each in requesters}
    return provable(found.before, made, posted, funds, [each.epoch for each in earlier if each.epoch])


async def steps_shown(chain: Chain, docket: Docket) -> Mapping[int, Step]:
    """The steps of an epoch that were shown when they were demanded."""
    answers = [await shown_in(cast(Asking, chain), each.answered) for each in docket.demands if each.answered]
    return {each.index: each.step for each in answers if each and each.step}


def call_of(case: Case, doubt: Doubt) -> bytes:
    """The call that proves a doubt which needs no demand, and voids the epoch."""
    made, before = cast(Epoch, case.found.epoch), cast(Book, case.found.before)
    if doubt.ground is Ground.WRONG_STEP:
        previous = next((posted_of(each) for each in case.earlier if each.number == made.number - 1), NO_EPOCH)
        return encode_prove_step(case.docket.epoch, proof_of(prove_step(before, made, doubt.index), previous))
    number, index = doubt.first
    first = next(each for each in (*case.earlier, case.found) if each.number == number)
    epoch = case.docket.epoch if first is case.found else posted_of(first)
    once, again = opening(cast(Epoch, first.epoch), index), opening(made, doubt.index)
    return encode_prove_twice(epoch, once, case.docket.epoch, again)


def posted_of(found: Found) -> Posted:
    """An epoch as it was said to be posted; the contract compares it with its digest."""
    return read_epoch(found.posted.model_dump())


def opening(epoch: Epoch, index: int) -> Opening:
    """A step in its epoch."""
    return Opening(index, epoch.steps[index], plain_path(epoch.leaves, index))
