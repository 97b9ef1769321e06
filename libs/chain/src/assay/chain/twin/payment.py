"""The twin of the contract Payment: how accounts and the treasury are paid, and how requesters leave."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from assay.chain.errors import Reverted
from assay.chain.payment import encode, shapes
from assay.chain.payment.events import FeesPaid, Paid, PayFailed
from assay.chain.payment.values import Outflow
from assay.chain.twin import payment_epochs as epochs
from assay.chain.twin import payment_funds as funds
from assay.chain.twin import token
from assay.chain.twin.call import Call, Function
from assay.proof.settlement import Posted
from assay.proof.settlement_epoch import Leaf, above
from assay.proof.settlement_tree import Node
from assay.schema.errors import Reject

NO_OUTFLOW = Outflow()


def outflow_of(call: Call) -> Outflow:
    """Returns what was paid so far."""
    found: Outflow = call.storage.get(("outflow",), NO_OUTFLOW)
    return found


def is_in(call: Call, state: Node, place: int, leaf: Leaf) -> bool:
    """Whether a leaf stands in a state at its place. Raises Reverted for a branch that is none."""
    try:
        return above(epochs.domain_of(call), place, leaf) == state
    except Reject as error:
        raise Reverted("BranchLength().") from error


def post(call: Call, place: int, state: Sequence[Any], steps_root: bytes) -> None:
    """Posts the next epoch, whose number and steps are its place."""
    number, steps = divmod(place, 1 << 32)
    epochs.post(call, number, Node(state[0], *divmod(state[1], 1 << 128)), steps_root, steps)


def finalise(call: Call, epoch: Sequence[Any]) -> None:
    """Makes an epoch and all before it final."""
    epochs.finalise(call, shapes.epoch_from(epoch))


def pay(call: Call, epoch: Sequence[Any], leaves: Sequence[Any]) -> None:
    """Pays each account what a final epoch credits it."""
    posted = shapes.epoch_from(epoch)
    epochs.finalise(call, posted)
    total = sum(_pay(call, posted, shapes.leaf_from(leaf)) for leaf in leaves)
    before = outflow_of(call)
    if total and before.paid + total > posted.state.credits:
        raise Reverted(f"Overdrawn({before.paid + total}, {posted.state.credits}).")
    call.storage["outflow",] = replace(before, paid=before.paid + total)


def _pay(call: Call, posted: Posted, leaf: Leaf) -> int:
    account = funds.account_of(call, leaf.account)
    if account.index == 0:
        raise Reverted(f"UnknownAccount({leaf.account}).")
    if not is_in(call, posted.state, account.index, leaf):
        raise Reverted("WrongProof().")
    amount = leaf.credit - account.paid
    if amount <= 0:
        return 0
    stable = call.by(call.to, call.deployment.stable)
    if call.number(stable.to, "balance", call.to) < amount:
        call.emit(PayFailed(leaf.account, amount))
        return 0
    token.transfer(stable, leaf.account, amount)
    call.storage["account", leaf.account] = replace(account, paid=leaf.credit)
    call.emit(Paid(leaf.account, amount, leaf.credit))
    return amount


def pay_fees(call: Call, epoch: Sequence[Any]) -> None:
    """Sends the fees up to a final epoch to the treasury."""
    posted = shapes.epoch_from(epoch)
    epochs.finalise(call, posted)
    due, before = posted.state.debits - posted.state.credits, outflow_of(call)
    if due <= before.fees:
        return
    call.storage["outflow",] = replace(before, fees=due)
    call.emit(FeesPaid(due - before.fees))
    token.transfer(call.by(call.to, call.deployment.stable), call.roles["TREASURY"], due - before.fees)


def withdraw(call: Call, last: Sequence[Any], next_: Sequence[Any], leaf: Sequence[Any]) -> None:
    """Sends the leaf's account what it announced, as far as it is not debited in the last final epoch."""
    own, final, coming = shapes.leaf_from(leaf), shapes.epoch_from(last), shapes.epoch_from(next_)
    account = funds.account_of(call, own.account)
    if account.leaving == 0:
        raise Reverted("NothingLeaving().")
    if call.now < account.cutoff:
        raise Reverted(f"TooSoon({account.cutoff}).")
    epochs.finalise(call, final)
    head = funds.head_of(call)
    if final.number != head.last:
        raise Reverted(f"NotFinal({final.number}).")
    if head.posted > head.last:
        epochs.check(call, coming)
        if coming.number != head.last + 1 or coming.posted_at < account.cutoff:
            raise Reverted(f"NotFinal({head.last + 1}).")
    if not is_in(call, final.state, account.index, own):
        raise Reverted("WrongProof().")
    funds.take_out(call, own.account, own.debit)


def request_exit_at_once(call: Call, requester: str, amount: int, deadline: int, signature: bytes) -> None:
    """Announces what a requester signed that it takes out, with no notice: a poster sends it."""
    if not epochs.is_poster(call, call.sender):
        raise Reverted(f"NotPoster({call.sender}).")
    funds.request_exit_by_sig(call, requester, amount, deadline, signature, 1)


PAYMENT: dict[str, Function] = {
    "register(address)": funds.register,
    "depositFor(address,uint256)": funds.deposit_for,
    encode.signature_of("depositWithPermit", encode.DEPOSIT_WITH_PERMIT): funds.deposit_with_permit,
    encode.signature_of("requestExitBySig", encode.EXIT_BY_SIG): funds.request_exit_by_sig,
    encode.signature_of("requestExitAtOnceBySig", encode.EXIT_BY_SIG): request_exit_at_once,
    encode.signature_of("cancelExitBySig", encode.STAY_BY_SIG): funds.cancel_exit_by_sig,
    "requestExit(uint256)": funds.request_exit,
    "cancelExit()": funds.cancel_exit,
    encode.signature_of("withdraw", encode.WITHDRAW): withdraw,
    "appoint(address,bool)": epochs.appoint,
    "addBond(uint256)": epochs.add_bond,
    "leaveBond()": epochs.leave_bond,
    "withdrawBond()": epochs.withdraw_bond,
    encode.signature_of("post", encode.POST): post,
    encode.signature_of("finalise", encode.EPOCH_ONLY): finalise,
    encode.signature_of("pay", encode.PAY): pay,
    encode.signature_of("payFees", encode.EPOCH_ONLY): pay_fees,
}
