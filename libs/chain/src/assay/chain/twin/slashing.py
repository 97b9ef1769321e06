"""The twin of the contract Slashing: an accusation is proposed, waits for an appeal, and is executed by anyone."""

from dataclasses import replace
from typing import Any

from assay.chain.errors import Reverted
from assay.chain.governed.accusations import ACCUSATION, Accusation, Phase, Proposal, accusation_id
from assay.chain.governed.stake_events import (
    Appealed,
    AppealRuled,
    BountiesFunded,
    BountyPaid,
    Dismissed,
    Proposed,
    Refunded,
    SlashExecuted,
)
from assay.chain.governed.terms import NOBODY
from assay.chain.twin import pool, restaking, token, vault
from assay.chain.twin.call import Call, Function
from assay.chain.values import Ruling, SlashReason
from assay.chain.words import normal

PPM = 10**6
# What a victim is due at most of what was slashed of own stake for the same offence.
REFUND_PPM = 500_000
SEVERE_PPM, CARELESS_PPM = 500_000, 200_000
RATES: dict[SlashReason, int] = {
    SlashReason.DOWNTIME: 5_000,
    SlashReason.WITHHELD_DATA: 100_000,
    SlashReason.LAZY_VERIFIER: CARELESS_PPM,
    SlashReason.FALSE_ACCUSATION: CARELESS_PPM,
}
NO_PROPOSAL = Proposal(Phase.NONE, 0, 0, 0, 0, 0, 0, NOBODY, NOBODY, NOBODY, bytes(32))


def propose(call: Call, fields: tuple[Any, ...]) -> None:
    """Accuses; a proposer may, of what is not too old."""
    call.demand("PROPOSER")
    accused, reason, offence, happened_at, accuser, victim, loss, evidence = fields
    deadline = happened_at + call.governed.slashing.windows.report_s
    if call.now > deadline:
        raise Reverted(f"TooLate({deadline}).")
    if happened_at > call.now:
        raise Reverted(f"TooSoon({happened_at}).")
    places = normal(accuser), normal(victim), loss, evidence
    _propose(call, Accusation(normal(accused), SlashReason(reason), offence, happened_at, *places))


def propose_ruled(call: Call, dispute: bytes, worker: str, challenger: str) -> None:
    """Accuses a worker whom the judge ruled wrong; anyone may."""
    if call.storage.get(("ruling", dispute, worker, challenger)) != Ruling.WORKER_FAULT:
        raise Reverted(f"NotRuled(0x{dispute.hex()}).")
    what = (worker, SlashReason.INVALID_RESULT, dispute, call.now, challenger, NOBODY, 0, dispute)
    _propose(call, Accusation(*what))


def appeal(call: Call, id_: bytes, evidence: bytes) -> None:
    """Contests an accusation of the caller, with a bond."""
    proposal = _in(call, id_, Phase.PROPOSED)
    if call.sender != proposal.accused:
        raise Reverted(f"NotAllowed({call.sender}).")
    if call.now > proposal.until:
        raise Reverted(f"TooLate({proposal.until}).")
    bond, until = call.governed.slashing.bond, call.now + call.governed.slashing.windows.ruling_s
    call.storage["proposal", id_] = replace(proposal, phase=Phase.APPEALED, until=until, bond=bond)
    call.emit(Appealed(id_, evidence, bond, until))
    token.transfer_from(call.by(call.to, call.deployment.native), call.sender, call.to, bond)


def rule(call: Call, id_: bytes, is_upheld: bool, grounds: bytes) -> None:
    """Upholds an appeal or rejects it; an arbiter may, in time."""
    call.demand("ARBITER")
    proposal = _in(call, id_, Phase.APPEALED)
    if call.now > proposal.until:
        raise Reverted(f"TooLate({proposal.until}).")
    call.emit(AppealRuled(id_, is_upheld, grounds))
    if is_upheld:
        return _dismiss(call, id_, proposal)
    call.storage["proposal", id_] = replace(proposal, phase=Phase.CONFIRMED, until=call.now, bond=0)
    return _send(call, call.deployment.pool, proposal.bond)


def execute(call: Call, id_: bytes) -> None:
    """Slashes what was not appealed, or in vain."""
    proposal, at = proposal_of(call, id_), call.deployment.group
    if proposal.phase not in (Phase.PROPOSED, Phase.CONFIRMED):
        raise Reverted(f"WrongPhase({proposal.phase.value}).")
    if proposal.phase is Phase.PROPOSED and call.now <= proposal.until:
        raise Reverted(f"TooSoon({proposal.until + 1}).")
    last = proposal.until + call.governed.slashing.windows.execution_s
    if call.now > last:
        raise Reverted(f"TooLate({last}).")
    call.storage["proposal", id_] = replace(proposal, phase=Phase.EXECUTED)
    vault.unlock(call.by(call.to, at.vault), id_)
    own = vault.slash(call.by(call.to, at.vault), proposal.accused, proposal.own)
    backing = restaking.slashable_of(call, proposal.accused) * proposal.ppm // PPM
    lent = restaking.slash(call.by(call.to, at.restaking), proposal.accused, min(proposal.backing, backing))
    _spend(call, id_, proposal, own, own + lent)


def lapse(call: Call, id_: bytes) -> None:
    """Dismisses what was not ruled on or not executed in time."""
    proposal = proposal_of(call, id_)
    if proposal.phase is Phase.NONE or proposal.phase >= Phase.EXECUTED:
        raise Reverted(f"WrongPhase({proposal.phase.value}).")
    wait_s = 0 if proposal.phase is Phase.APPEALED else call.governed.slashing.windows.execution_s
    if call.now <= proposal.until + wait_s:
        raise Reverted(f"TooSoon({proposal.until + wait_s + 1}).")
    _dismiss(call, id_, proposal)


def refund(call: Call, id_: bytes) -> None:
    """Sends a victim what it is still due, as far as the pool has it."""
    amount = min(call.number("due", id_), call.number(call.deployment.native, "balance", call.deployment.pool))
    if amount == 0:
        raise Reverted(f"NothingDue(0x{id_.hex()}).")
    call.add(-amount, "due", id_)
    proposal = proposal_of(call, id_)
    call.emit(Refunded(id_, proposal.victim, amount, call.number("due", id_)))
    pool.pay(call.by(call.to, call.deployment.pool), proposal.victim, amount, proposal.offence)


def fund_bounties(call: Call, amount: int) -> None:
    """Adds tokens of the caller to the fund of bounties."""
    token.transfer_from(call.by(call.to, call.deployment.native), call.sender, call.to, amount)
    call.add(amount, "bounties")
    call.emit(BountiesFunded(call.sender, amount))


def rate_of(reason: SlashReason) -> int:
    """Returns what a slash for this reason takes of all that it reaches, in parts per million."""
    return RATES.get(reason, SEVERE_PPM)


def proposal_of(call: Call, id_: bytes) -> Proposal:
    """Returns how an accusation stands."""
    found: Proposal = call.storage.get(("proposal", id_), NO_PROPOSAL)
    return found


def _propose(call: Call, what: Accusation) -> None:
    id_, windows = accusation_id(what.accused, what.offence), call.governed.slashing.windows
    if proposal_of(call, id_).phase is not Phase.NONE:
        raise Reverted(f"KnownOffence(0x{id_.hex()}).")
    own, backing = vault.slashable_of(call, what.accused), restaking.slashable_of(call, what.accused)
    ppm = rate_of(what.reason)
    total = (own + backing) * ppm // PPM
    if total == 0:
        raise Reverted(f"NothingAtStake({what.accused}).")
    backing = total * backing // (own + backing)
    until = call.now + windows.appeal_s
    sums = (ppm, until, total - backing, backing, 0, what.loss)
    names = (what.accused, what.accuser, what.victim, what.offence)
    call.storage["proposal", id_] = Proposal(Phase.PROPOSED, *sums, *names)
    said = (id_, what.accused, int(what.reason), what.offence, total - backing, backing, until, what.evidence)
    call.emit(Proposed(*said))
    place = call.by(call.to, call.deployment.group.vault)
    vault.lock(place, id_, what.accused, total - backing, call.now + windows.phases_s)


def _spend(call: Call, id_: bytes, proposal: Proposal, own: int, taken: int) -> None:
    terms, fund = call.governed.slashing, call.number("bounties")
    burned = taken * terms.burn_ppm // PPM
    bounty = 0 if proposal.accuser == NOBODY else min(own * terms.bounty_ppm // PPM, terms.bounty, fund)
    if proposal.victim != NOBODY:
        call.storage["due", id_] = min(own * REFUND_PPM // PPM, proposal.loss)
    call.add(-bounty, "bounties")
    call.emit(SlashExecuted(id_, proposal.accused, taken, burned))
    if bounty:
        call.emit(BountyPaid(id_, proposal.accuser, bounty))
    call.add(-burned, call.deployment.native, "balance", call.to)
    _send(call, call.deployment.pool, taken - burned)
    _send(call, proposal.accuser, bounty)


def _dismiss(call: Call, id_: bytes, proposal: Proposal) -> None:
    call.storage["proposal", id_] = replace(proposal, phase=Phase.DISMISSED, bond=0)
    vault.unlock(call.by(call.to, call.deployment.group.vault), id_)
    call.emit(Dismissed(id_))
    _send(call, proposal.accused, proposal.bond)


def _send(call: Call, to: str, amount: int) -> None:
    if amount:
        token.transfer(call.by(call.to, call.deployment.native), to, amount)


def _in(call: Call, id_: bytes, phase: Phase) -> Proposal:
    proposal = proposal_of(call, id_)
    if proposal.phase is not phase:
        raise Reverted(f"WrongPhase({proposal.phase.value}).")
    return proposal


SLASHING: dict[str, Function] = {
    f"propose({ACCUSATION})": propose,
    "proposeRuled(bytes32,address,address)": propose_ruled,
    "appeal(bytes32,bytes32)": appeal,
    "rule(bytes32,bool,bytes32)": rule,
    "execute(bytes32)": execute,
    "lapse(bytes32)": lapse,
    "refund(bytes32)": refund,
    "fundBounties(uint256)": fund_bounties,
}
