"""The twin of the contract Purses."""

from collections.abc import Sequence
from itertools import pairwise

from assay.chain.errors import Reverted
from assay.chain.governed.purses import MOST, SHARE, Loss, Shared, purse_of
from assay.chain.governed.terms import NOBODY
from assay.chain.twin import token
from assay.chain.twin.call import Call, Function
from assay.chain.words import normal


def share(call: Call, id_: bytes, listed: Sequence[tuple[str, int]]) -> None:
    """Pays each victim its part of what has arrived since the last time."""
    losses, native = [Loss(normal(victim), amount) for victim, amount in listed], call.deployment.native
    whole = _whole_of(losses)
    purse = purse_of(call.to, native, id_, losses)
    before = call.number("arrived", purse)
    has = call.number(native, "balance", purse) + sum(before * loss.amount // whole for loss in losses)
    if has == before:
        raise Reverted(f"NothingHeld({purse}).")
    arrived = min(has, whole)
    call.storage["arrived", purse] = arrived
    for victim, loss in losses:
        due = arrived * loss // whole
        if amount := due - before * loss // whole:
            call.emit(Shared(id_, victim, purse, amount, loss - due))
            token.transfer(call.by(purse, native), victim, amount)
    if has > arrived:
        token.transfer(call.by(purse, native), call.deployment.pool, has - arrived)


def _whole_of(losses: Sequence[Loss]) -> int:
    places = [int(victim, 16) for victim in (NOBODY, *(loss.victim for loss in losses))]
    is_rising = all(first < second for first, second in pairwise(places))
    whole = sum(loss.amount for loss in losses)
    if not 0 < len(losses) <= MOST or not is_rising or not all(loss.amount for loss in losses) or whole >= 1 << 128:
        raise Reverted("WrongList().")
    return whole


PURSES: dict[str, Function] = {SHARE: share}
