"""The twin of the contract StakeVault."""

from assay.chain.errors import Reverted
from assay.chain.governed.cover import CoverTerms
from assay.chain.governed.stake_events import (
    CapacityClaimed,
    Staked,
    StakeLocked,
    StakeSlashed,
    StakeUnlocked,
    StakeWithdrawn,
    TermsSet,
    Unstaked,
)
from assay.chain.twin import token
from assay.chain.twin.call import Call, Function

UNBONDING_MAX = 16

Parts = tuple[tuple[int, int], ...]


def stake_for(call: Call, provider: str, amount: int) -> None:
    """Adds tokens of the caller to a provider's active stake."""
    token.transfer_from(call.by(call.to, call.deployment.native), call.sender, call.to, amount)
    call.add(amount, "stake", provider)
    call.emit(Staked(provider, amount))


def claim(call: Call, units_per_s: int) -> None:
    """Says what the caller's stake stands for."""
    if units_per_s > call.number("claim", call.sender):
        _require_covered(call, units_per_s, call.number("stake", call.sender))
    call.storage["claim", call.sender] = units_per_s
    call.emit(CapacityClaimed(call.sender, units_per_s))


def unstake(call: Call, amount: int) -> None:
    """Starts to unbond a part of the caller's active stake, down to what its claim asks for."""
    active, parts = call.number("stake", call.sender), parts_of(call, call.sender)
    if amount == 0:
        raise Reverted("NothingToUnstake().")
    if amount > active:
        raise Reverted(f"StakeTooLow({active}, {amount}).")
    _require_covered(call, call.number("claim", call.sender), active - amount)
    if len(parts) == UNBONDING_MAX:
        raise Reverted(f"TooManyUnbonding({UNBONDING_MAX}).")
    ready_at = call.now + call.governed.stake.delay_s
    call.add(-amount, "stake", call.sender)
    call.storage["unbonding", call.sender] = (*parts, (amount, ready_at))
    call.emit(Unstaked(call.sender, amount, ready_at))


def withdraw(call: Call) -> None:
    """Sends the caller what has finished unbonding and is not locked."""
    parts = parts_of(call, call.sender)
    ready = sum(amount for amount, ready_at in parts if ready_at <= call.now)
    overdue = sum(amount for amount, ready_at in parts if ready_at + call.governed.stake.lock_s <= call.now)
    free = max(0, slashable_of(call, call.sender) - call.number("locked", call.sender))
    amount = max(min(ready, free), overdue)
    if amount == 0:
        raise Reverted("NothingReady().")
    _take_unbonding(call, call.sender, amount)
    call.emit(StakeWithdrawn(call.sender, amount))
    token.transfer(call.by(call.to, call.deployment.native), call.sender, amount)


def lock(call: Call, id_: bytes, provider: str, amount: int, until: int) -> None:
    """Holds a part of a provider's stake; the slasher alone does."""
    _require_slasher(call)
    call.storage["lock", id_] = (provider, amount, until)
    call.add(amount, "locked", provider)
    call.emit(StakeLocked(id_, provider, amount, until))


def unlock(call: Call, id_: bytes) -> None:
    """Ends a lock, if there is one."""
    provider, amount, until = call.storage.get(("lock", id_), ("", 0, 0))
    if not provider:
        return
    if call.sender != call.deployment.group.slashing and call.now <= until:
        raise Reverted(f"BadTime({until}).")
    call.storage["lock", id_] = ("", 0, until)
    call.add(-amount, "locked", provider)
    call.emit(StakeUnlocked(id_, provider, amount))


def slash(call: Call, provider: str, amount: int) -> int:
    """Takes stake, active first, and sends it to the slasher, who alone may."""
    _require_slasher(call)
    taken = min(amount, slashable_of(call, provider))
    from_active = min(taken, call.number("stake", provider))
    call.add(-from_active, "stake", provider)
    _take_unbonding(call, provider, taken - from_active)
    call.emit(StakeSlashed(provider, taken))
    token.transfer(call.by(call.to, call.deployment.native), call.sender, taken)
    return taken


def parts_of(call: Call, provider: str) -> Parts:
    """Returns what unbonds, as (amount, ready_at) in that order."""
    parts: Parts = call.storage.get(("unbonding", provider), ())
    return parts


def unbonding_of(call: Call, provider: str) -> int:
    """Returns the sum of what unbonds."""
    return sum(amount for amount, _ in parts_of(call, provider))


def slashable_of(call: Call, provider: str) -> int:
    """Returns all of a provider's own stake that a slash reaches."""
    return call.number("stake", provider) + unbonding_of(call, provider)


def terms_now(call: Call) -> CoverTerms:
    """Returns what claims ask for: what was deployed, or what a vote has set since."""
    found: tuple[int, int] = call.storage.get(("cover terms",), CoverTerms.of(call.governed.stake))
    return CoverTerms(*found)


def is_covered(call: Call, provider: str) -> bool:
    """Returns whether a provider claims something, and has at stake what that asks for."""
    claimed = call.number("claim", provider)
    return claimed > 0 and call.number("stake", provider) >= _own_for(call, provider, claimed)


def set_terms(call: Call, terms: tuple[int, int]) -> None:
    """Sets what claims ask for; the governor alone does, within ranges that the twin leaves to the contract."""
    if call.sender != call.roles["GOVERNOR"]:
        raise Reverted(f"NotAllowed({call.sender}).")
    call.storage["cover terms",] = tuple(terms)
    call.emit(TermsSet(*terms))


def _own_for(call: Call, provider: str, units_per_s: int) -> int:
    backing, _ = call.storage.get(("backing", provider), (0, 0))
    return terms_now(call).own_for(units_per_s, backing)


def _require_covered(call: Call, units_per_s: int, active: int) -> None:
    own = _own_for(call, call.sender, units_per_s)
    if active < own:
        raise Reverted(f"StakeTooLow({active}, {own}).")


def _require_slasher(call: Call) -> None:
    if call.sender != call.deployment.group.slashing:
        raise Reverted(f"NotAllowed({call.sender}).")


def _take_unbonding(call: Call, provider: str, wanted: int) -> None:
    left, kept = wanted, []
    for amount, ready_at in parts_of(call, provider):
        share = min(amount, left)
        left -= share
        if amount > share:
            kept.append((amount - share, ready_at))
    call.storage["unbonding", provider] = tuple(kept)


VAULT: dict[str, Function] = {
    "stakeFor(address,uint256)": stake_for,
    "claim(uint64)": claim,
    "unstake(uint256)": unstake,
    "withdraw()": withdraw,
    "lock(bytes32,address,uint256,uint64)": lock,
    "unlock(bytes32)": unlock,
    "slash(address,uint256)": slash,
    "setTerms((uint128,uint128))": set_terms,
}
