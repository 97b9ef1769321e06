"""The twin of the contract PaymentEpochs: bonded posters, a digest of each epoch, what ends one."""

from dataclasses import replace

from assay.chain.errors import Reverted
from assay.chain.payment.events import (
    BondAdded,
    BondLeaving,
    BondSlashed,
    BondWithdrawn,
    Finalised,
    PosterAppointed,
    Voided,
)
from assay.chain.payment.events import Posted as EpochPosted
from assay.chain.payment.shapes import NO_EPOCH
from assay.chain.payment.values import Poster, VoidReason
from assay.chain.twin import token
from assay.chain.twin.call import Call
from assay.chain.twin.payment_funds import head_of
from assay.proof.eip712 import Domain
from assay.proof.settlement import Posted, epoch_digest
from assay.proof.settlement_tree import Node

BOND_DELAY_S = 14 * 24 * 3600
FEE_PART_MAX = 20
RING = 16_384
PENDING_MAX = 4096
NO_POSTER = Poster()


def domain_of(call: Call) -> Domain:
    """Returns where digests and signatures count."""
    return Domain(call.deployment.chain_id, call.deployment.payment)


def poster_of(call: Call, address: str) -> Poster:
    """Returns what is stored of a poster."""
    found: Poster = call.storage.get(("poster", address), NO_POSTER)
    return found


def is_poster(call: Call, address: str) -> bool:
    """Whether an address may post."""
    poster = poster_of(call, address)
    return poster.is_appointed and poster.ready_at == 0 and poster.bond >= call.terms.bond


def known_digest(call: Call, number: int) -> bytes:
    """Returns the digest of an epoch that is neither void nor forgotten, else zeros."""
    posted = head_of(call).posted
    if not 0 <= posted - number < RING:
        return bytes(32)
    genesis = epoch_digest(domain_of(call), NO_EPOCH) if number == 0 else bytes(32)
    return bytes(call.storage.get(("ring", number % RING), genesis))


def check(call: Call, epoch: Posted) -> tuple[bytes, bool]:
    """Returns the digest of an epoch, and whether it is final. Raises Reverted for one that is void or forgotten."""
    digest, head = epoch_digest(domain_of(call), epoch), head_of(call)
    if epoch.number > head.posted or known_digest(call, epoch.number) != digest:
        raise Reverted(f"UnknownEpoch({epoch.number}).")
    return digest, epoch.number <= head.last


def appoint(call: Call, address: str, is_appointed: bool) -> None:
    """Lets an address post, or no longer."""
    call.demand_role("DEFAULT_ADMIN_ROLE")
    call.storage["poster", address] = replace(poster_of(call, address), is_appointed=is_appointed)
    call.emit(PosterAppointed(address, is_appointed))


def add_bond(call: Call, amount: int) -> None:
    """Adds native tokens to the caller's bond."""
    token.transfer_from(call.by(call.to, call.deployment.native), call.sender, call.to, amount)
    poster = poster_of(call, call.sender)
    call.storage["poster", call.sender] = replace(poster, bond=poster.bond + amount)
    call.emit(BondAdded(call.sender, amount))


def leave_bond(call: Call) -> None:
    """Ends the caller's posting."""
    ready_at = call.now + BOND_DELAY_S
    poster = replace(poster_of(call, call.sender), ready_at=ready_at, number=head_of(call).posted)
    call.storage["poster", call.sender] = poster
    call.emit(BondLeaving(call.sender, ready_at))


def withdraw_bond(call: Call) -> None:
    """Sends the caller its bond."""
    poster, head = poster_of(call, call.sender), head_of(call)
    if poster.bond == 0 or poster.ready_at == 0:
        raise Reverted(f"NotPoster({call.sender}).")
    if call.now < poster.ready_at:
        raise Reverted(f"TooSoon({poster.ready_at}).")
    if head.last < min(poster.number, head.posted):
        raise Reverted(f"NotFinal({poster.number}).")
    call.storage["poster", call.sender] = replace(poster, bond=0, ready_at=0, number=0)
    call.emit(BondWithdrawn(call.sender, poster.bond))
    token.transfer(call.by(call.to, call.deployment.native), call.sender, poster.bond)


def post(call: Call, number: int, state: Node, steps_root: bytes, steps: int) -> None:
    """Posts the next epoch, which `number` must be."""
    head, least = head_of(call), head_of(call).posted_at + call.terms.windows.interval_s
    if not is_poster(call, call.sender):
        raise Reverted(f"NotPoster({call.sender}).")
    if steps == 0:
        raise Reverted("NoSteps().")
    if state.credits > state.debits or state.debits - state.credits > state.debits // FEE_PART_MAX:
        raise Reverted(f"Unbalanced({state.credits}, {state.debits}).")
    if state.debits > head.funds:
        raise Reverted(f"Overdrawn({state.debits}, {head.funds}).")
    if number != head.posted + 1:
        raise Reverted(f"WrongNumber({head.posted + 1}).")
    if call.now < least:
        raise Reverted(f"TooSoon({least}).")
    if head.posted - head.last >= PENDING_MAX:
        raise Reverted("TooManyPending().")
    epoch = Posted(number, call.now, call.sender, steps, steps_root, state)
    call.storage["head",] = replace(head, posted=epoch.number, posted_at=call.now)
    call.storage["ring", epoch.number % RING] = epoch_digest(domain_of(call), epoch)
    call.emit(EpochPosted.of(epoch))


def finalise(call: Call, epoch: Posted) -> None:
    """Makes an epoch and all before it final."""
    check(call, epoch)
    head = head_of(call)
    if epoch.number <= head.last:
        return
    is_doubted = any(call.number("doubted", number) for number in range(head.last + 1, epoch.number + 1))
    if call.now <= epoch.posted_at + call.terms.windows.window_s or is_doubted:
        raise Reverted(f"NotFinal({epoch.number}).")
    call.storage["head",] = replace(head, last=epoch.number)
    call.emit(Finalised(epoch.number))


def doubt(call: Call, number: int, is_doubted: bool) -> None:
    """Marks an epoch as doubted, or no longer."""
    call.storage["doubted", number] = int(is_doubted)


def void_epoch(call: Call, epoch: Posted, reason: VoidReason, challenger: str) -> None:
    """Voids an epoch and those after it, and slashes its poster's bond."""
    digest, _ = check(call, epoch)
    head = head_of(call)
    for number in range(epoch.number, head.posted + 1):
        doubt(call, number, False)
    call.storage["head",] = replace(head, posted=epoch.number - 1)
    call.emit(Voided(epoch.number, digest, epoch.poster, reason))
    poster = poster_of(call, epoch.poster)
    taken = min(poster.bond, call.terms.bond)
    refund = min(call.terms.refund, taken)
    call.storage["poster", epoch.poster] = replace(poster, bond=poster.bond - taken)
    call.emit(BondSlashed(epoch.poster, taken, refund, challenger))
    treasurer = call.by(call.deployment.payment, call.deployment.native)
    token.transfer(treasurer, call.deployment.pool, taken - refund)
    token.transfer(treasurer, challenger, refund)
