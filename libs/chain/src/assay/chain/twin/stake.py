"""The twin of the contracts Stake and InsurancePool."""

from collections.abc import Sequence
from typing import Any

from assay.chain.encode import SLASH
from assay.chain.errors import Reverted
from assay.chain.events import Compensated, Slashed, SlashRefused, Staked, StakeWithdrawn, Unstaked
from assay.chain.twin import token
from assay.chain.twin.call import Call, Function
from assay.chain.values import Slash, SlashReason
from assay.chain.words import normal

UNBONDING_DELAY_S = 14 * 24 * 3600
UNBONDING_MAX = 16

Parts = tuple[tuple[int, int], ...]


def stake(call: Call, amount: int) -> None:
    """Adds tokens of the caller to the caller's active stake."""
    stake_for(call, call.sender, amount)


def stake_for(call: Call, provider: str, amount: int) -> None:
    """Adds tokens of the caller to a provider's active stake."""
    token.transfer_from(call.by(call.to, call.deployment.native), call.sender, call.to, amount)
    call.add(amount, "stake", provider)
    call.emit(Staked(provider, amount))


def unstake(call: Call, amount: int) -> None:
    """Starts to unbond a part of the caller's active stake."""
    active, parts = call.number("stake", call.sender), parts_of(call, call.sender)
    if amount == 0:
        raise Reverted("NothingToUnstake().")
    if amount > active:
        raise Reverted(f"StakeTooLow({active}, {amount}).")
    if len(parts) == UNBONDING_MAX:
        raise Reverted(f"TooManyUnbonding({UNBONDING_MAX}).")
    ready_at = call.now + UNBONDING_DELAY_S
    call.add(-amount, "stake", call.sender)
    call.storage[("unbonding", call.sender)] = (*parts, (amount, ready_at))
    call.emit(Unstaked(call.sender, amount, ready_at))


def withdraw(call: Call) -> None:
    """Sends the caller what has finished unbonding."""
    parts = parts_of(call, call.sender)
    ready = sum(amount for amount, ready_at in parts if ready_at <= call.now)
    if ready == 0:
        raise Reverted("NothingReady().")
    call.storage[("unbonding", call.sender)] = tuple(part for part in parts if part[1] > call.now)
    call.emit(StakeWithdrawn(call.sender, ready))
    token.transfer(call.by(call.to, call.deployment.native), call.sender, ready)


def slash(call: Call, slashes: Sequence[tuple[Any, ...]]) -> None:
    """Takes each penalty, or refuses a repeated one, and sends all to the pool."""
    call.demand_role("SLASHER_ROLE")
    total = sum(_slash(call, Slash(normal(fields[0]), *fields[1:])) for fields in slashes)
    token.transfer(call.by(call.to, call.deployment.native), call.deployment.pool, total)


def parts_of(call: Call, provider: str) -> Parts:
    """Returns what unbonds, as (amount, ready_at) in that order."""
    parts: Parts = call.storage.get(("unbonding", provider), ())
    return parts


def _slash(call: Call, penalty: Slash) -> int:
    if penalty.reason not in tuple(SlashReason):
        raise Reverted("0x.")
    offence = ("slashed", penalty.job_id, penalty.provider, penalty.fence)
    if call.number(*offence):
        call.emit(SlashRefused(penalty.provider, penalty.job_id, penalty.fence))
        return 0
    call.add(1, *offence)
    active_share = min(penalty.amount, call.number("stake", penalty.provider))
    call.add(-active_share, "stake", penalty.provider)
    taken = active_share + _take_unbonding(call, penalty.provider, penalty.amount - active_share)
    call.emit(Slashed(penalty.provider, taken, penalty.reason, penalty.job_id, penalty.fence))
    return taken


def _take_unbonding(call: Call, provider: str, wanted: int) -> int:
    left, kept = wanted, []
    for amount, ready_at in parts_of(call, provider):
        share = min(amount, left)
        left -= share
        if amount > share:
            kept.append((amount - share, ready_at))
    call.storage[("unbonding", provider)] = tuple(kept)
    return wanted - left


def compensate(call: Call, to: str, amount: int, job_id: bytes) -> None:
    """Pays out of the insurance pool."""
    call.demand_role("COMPENSATOR_ROLE")
    call.emit(Compensated(to, amount, job_id))
    token.transfer(call.by(call.to, call.deployment.native), to, amount)


STAKE: dict[str, Function] = {
    "stake(uint256)": stake,
    "stakeFor(address,uint256)": stake_for,
    "unstake(uint256)": unstake,
    "withdraw()": withdraw,
    SLASH: slash,
}
POOL: dict[str, Function] = {"compensate(address,uint256,bytes32)": compensate}
