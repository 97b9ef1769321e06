"""Intents of one kind as one call of one contract; pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.chain.encode import encode_anchor
from assay.chain.gas import PERIOD_GAS, SLASHING_GAS, TRANSACTION_GAS_MAX, anchor_gas, judge_gas, payment_gas, share_gas
from assay.chain.values import Deployment
from assay.settlement.intents import Anchor, Body, Judge
from assay.settlement.paying.intents import Answer, Enlist, Forward, Pay, Post, Refill
from assay.settlement.rewarding.intents import Reward
from assay.settlement.slashing.intents import Accuse, Execute, Lapse, Refund, Share


@dataclass(frozen=True, slots=True)
class Kind:
    """How intents of a kind travel: at most so many at once, to which contract, as which call, for how much gas."""

    most: int
    contract: Callable[[Deployment], str]
    encode: Callable[[Sequence[Any]], bytes]
    gas: Callable[[Sequence[Any]], int]


@dataclass(frozen=True, slots=True)
class Batch:
    """One call, ready to be signed."""

    kind: str
    target: str
    call: bytes
    gas: int


TRAVEL: Mapping[str, Kind] = {
    Anchor.kind: Kind(100, lambda at: at.anchors, encode_anchor, lambda calls: anchor_gas(len(calls))),
    Judge.kind: Kind(1, lambda at: at.judge, lambda calls: calls[0], lambda calls: judge_gas(len(calls[0]))),
    **{
        kind.kind: Kind(1, lambda at: at.payment, lambda calls: calls[0], lambda calls: payment_gas(len(calls[0])))
        for kind in (Enlist, Post, Pay, Forward, Refill)
    },
    **{
        kind.kind: Kind(1, lambda at: at.group.slashing, lambda calls: calls[0], lambda calls: SLASHING_GAS)
        for kind in (Accuse, Execute, Lapse, Refund)
    },
    Share.kind: Kind(1, lambda at: at.group.purses, lambda calls: calls[0], lambda calls: share_gas(len(calls[0]))),
    Reward.kind: Kind(1, lambda at: at.group.rewards, lambda calls: calls[0], lambda calls: PERIOD_GAS),
    Answer.kind: Kind(1, lambda at: at.challenges, lambda calls: calls[0], lambda calls: payment_gas(len(calls[0]))),
}
BATCH_MAX = max(kind.most for kind in TRAVEL.values())


def fitting(bodies: Sequence[Body]) -> int:
    """How many of the first of `bodies`, which are of one kind, go into one transaction; at least one."""
    kind = TRAVEL[bodies[0].kind]
    count = min(len(bodies), kind.most)
    while count > 1 and kind.gas([body.call() for body in bodies[:count]]) > TRANSACTION_GAS_MAX:
        count -= max(1, count // 8)
    return count


def pack(bodies: Sequence[Body], deployment: Deployment) -> Batch:
    """The call that does what `bodies`, which are of one kind, want."""
    name = bodies[0].kind
    kind, calls = TRAVEL[name], [body.call() for body in bodies]
    return Batch(name, kind.contract(deployment), kind.encode(calls), kind.gas(calls))
