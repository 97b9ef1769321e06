"""Intents of one kind as one call of one contract; pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay.chain.encode import encode_anchor, encode_open, encode_pay_audits, encode_settle, encode_slash
from assay.chain.gas import TRANSACTION_GAS_MAX, anchor_gas, audit_gas, judge_gas, open_gas, settle_gas, slash_gas
from assay.chain.values import Deployment
from assay.settlement.intents import Anchor, Body, Judge, Open, PayAudit, Settle, Slash, SlashBond, SlashVerifier


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
    Open.kind: Kind(100, lambda at: at.escrow, encode_open, lambda calls: open_gas(len(calls))),
    Settle.kind: Kind(50, lambda at: at.escrow, encode_settle, settle_gas),
    Slash.kind: Kind(50, lambda at: at.stake, encode_slash, lambda calls: slash_gas(len(calls))),
    SlashVerifier.kind: Kind(50, lambda at: at.stake, encode_slash, lambda calls: slash_gas(len(calls))),
    SlashBond.kind: Kind(50, lambda at: at.stake, encode_slash, lambda calls: slash_gas(len(calls))),
    Anchor.kind: Kind(100, lambda at: at.anchors, encode_anchor, lambda calls: anchor_gas(len(calls))),
    PayAudit.kind: Kind(100, lambda at: at.escrow, encode_pay_audits, lambda calls: audit_gas(len(calls))),
    Judge.kind: Kind(1, lambda at: at.judge, lambda calls: calls[0], lambda calls: judge_gas(len(calls[0]))),
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
