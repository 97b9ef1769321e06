"""The twin of the contract Restaking: for each provider a pool of what backs it, and pools of what leaves."""

from assay.chain.errors import Reverted
from assay.chain.governed.stake_events import Allocated, AllocationWithdrawn, BackingSlashed, Deallocated
from assay.chain.twin import token
from assay.chain.twin.call import Call, Function

LEAVING_MAX = 16
VIRTUAL_SHARES = 10**6
SPENT_RATIO = 10**9

Part = tuple[int, int, int]
"""Shares, the generation of the pool that they are of, and when they are ready."""


def allocate(call: Call, provider: str, amount: int) -> None:
    """Backs a provider with tokens of the caller."""
    token.transfer_from(call.by(call.to, call.deployment.native), call.sender, call.to, amount)
    if _is_spent(call, "backing", provider):
        raise Reverted(f"Spent({provider}).")
    shares = _add(call, amount, "backing", provider)
    if shares == 0:
        raise Reverted("NothingAllocated().")
    call.add(shares, "shares", provider, call.sender)
    call.emit(Allocated(provider, call.sender, amount, shares))


def deallocate(call: Call, provider: str, shares: int) -> None:
    """Starts to take back so many of the caller's shares."""
    held, parts = call.number("shares", provider, call.sender), _parts(call, provider)
    if shares == 0:
        raise Reverted("NothingAllocated().")
    if shares > held:
        raise Reverted(f"TooFewShares({held}, {shares}).")
    if len(parts) == LEAVING_MAX:
        raise Reverted(f"TooManyLeaving({LEAVING_MAX}).")
    call.add(-shares, "shares", provider, call.sender)
    amount = _remove(call, shares, "backing", provider)
    if _is_spent(call, *_leaving(call, provider)):
        call.add(1, "generation", provider)
    leaving = _add(call, amount, *_leaving(call, provider))
    ready_at = call.now + call.governed.stake.delay_s
    call.storage["parts", provider, call.sender] = (*parts, (leaving, call.number("generation", provider), ready_at))
    call.emit(Deallocated(provider, call.sender, amount, shares, ready_at))


def withdraw(call: Call, provider: str) -> None:
    """Sends the caller all of its backing that has finished leaving."""
    parts = _parts(call, provider)
    ready = [part for part in parts if part[2] <= call.now]
    if not ready:
        raise Reverted("NothingReady().")
    amount = sum(_remove(call, shares, "leaving", provider, generation) for shares, generation, _ in ready)
    call.storage["parts", provider, call.sender] = parts[len(ready) :]
    call.emit(AllocationWithdrawn(provider, call.sender, amount))
    token.transfer(call.by(call.to, call.deployment.native), call.sender, amount)


def slash(call: Call, provider: str, amount: int) -> int:
    """Takes backing of what is there and of what leaves, in proportion; the slasher alone may."""
    if call.sender != call.deployment.group.slashing:
        raise Reverted(f"NotAllowed({call.sender}).")
    total = slashable_of(call, provider)
    taken = min(amount, total)
    if taken == 0:
        return 0
    from_active = taken * backing_of(call, provider) // total
    _take(call, from_active, "backing", provider)
    _take(call, taken - from_active, *_leaving(call, provider))
    call.emit(BackingSlashed(provider, from_active, taken - from_active))
    token.transfer(call.by(call.to, call.deployment.native), call.sender, taken)
    return taken


def backing_of(call: Call, provider: str) -> int:
    """Returns what backs a provider."""
    return _pool(call, "backing", provider)[0]


def slashable_of(call: Call, provider: str) -> int:
    """Returns what a slash reaches of backing."""
    return backing_of(call, provider) + _pool(call, *_leaving(call, provider))[0]


def _parts(call: Call, provider: str) -> tuple[Part, ...]:
    parts: tuple[Part, ...] = call.storage.get(("parts", provider, call.sender), ())
    return parts


def _leaving(call: Call, provider: str) -> tuple[str, str, int]:
    return "leaving", provider, call.number("generation", provider)


def _pool(call: Call, *key: object) -> tuple[int, int]:
    """Tokens and shares."""
    pool: tuple[int, int] = call.storage.get(key, (0, 0))
    return pool


def _add(call: Call, amount: int, *key: object) -> int:
    tokens, shares = _pool(call, *key)
    more = amount * (shares + VIRTUAL_SHARES) // (tokens + 1)
    call.storage[key] = tokens + amount, shares + more
    return more


def _remove(call: Call, leaving: int, *key: object) -> int:
    tokens, shares = _pool(call, *key)
    amount = leaving * (tokens + 1) // (shares + VIRTUAL_SHARES)
    call.storage[key] = tokens - amount, shares - leaving
    return amount


def _take(call: Call, amount: int, *key: object) -> None:
    tokens, shares = _pool(call, *key)
    call.storage[key] = tokens - amount, shares


def _is_spent(call: Call, *key: object) -> bool:
    tokens, shares = _pool(call, *key)
    return shares // VIRTUAL_SHARES > SPENT_RATIO * (tokens + 1)


RESTAKING: dict[str, Function] = {
    "allocate(address,uint256)": allocate,
    "deallocate(address,uint256)": deallocate,
    "withdraw(address)": withdraw,
    "slash(address,uint256)": slash,
}
