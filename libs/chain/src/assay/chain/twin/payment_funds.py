"""The twin of the contract PaymentFunds: places in the tree, what requesters deposited and take out."""

from contextlib import suppress
from dataclasses import replace

from assay.chain.errors import Reverted
from assay.chain.payment.events import Deposited, Leaving, Registered, Withdrawn
from assay.chain.payment.values import Account, Head
from assay.chain.twin import token
from assay.chain.twin.call import Call
from assay.proof.relayed import exit_digest, permit_digest, stay_digest

NO_ACCOUNT, NO_HEAD = Account(), Head()


def account_of(call: Call, address: str) -> Account:
    """Returns what is stored of an account."""
    found: Account = call.storage.get(("account", address), NO_ACCOUNT)
    return found


def head_of(call: Call) -> Head:
    """Returns which epochs were posted and are final."""
    found: Head = call.storage.get(("head",), NO_HEAD)
    return found


def register(call: Call, address: str) -> None:
    """Gives an account its place in the tree, once."""
    if int(address, 16) == 0:
        raise Reverted(f"UnknownAccount({address}).")
    account = account_of(call, address)
    if account.index:
        return
    call.add(1, "registered")
    index = call.number("registered")
    call.storage["account", address] = replace(account, index=index)
    call.emit(Registered(address, index))


def deposit_for(call: Call, requester: str, amount: int) -> None:
    """Adds tokens of the caller to a requester's deposit."""
    register(call, requester)
    token.transfer_from(call.by(call.to, call.deployment.stable), call.sender, call.to, amount)
    account, head = account_of(call, requester), head_of(call)
    call.storage["account", requester] = replace(account, deposited=account.deposited + amount)
    call.storage["head",] = replace(head, funds=head.funds + amount)
    call.emit(Deposited(requester, amount))


def deposit_with_permit(call: Call, requester: str, amount: int, deadline: int, v: int, r: bytes, s: bytes) -> None:
    """Deposits by the last permit that was used, once, whoever used it."""
    stable = call.by(call.to, call.deployment.stable)
    with suppress(Reverted):
        token.permit(stable, requester, call.to, amount, deadline, v, r, s)
    used = call.number(stable.to, "nonce", requester)
    if used <= call.number("permits", requester):
        raise Reverted("PermitFailed().")
    digest = permit_digest(token.separator(stable), requester, call.to, amount, used - 1, deadline)
    _demand_signed(call, requester, digest, deadline, r + s + bytes([v]))
    call.storage["permits", requester] = used
    deposit_for(call.by(requester, call.to), requester, amount)


def request_exit_by_sig(
    call: Call, requester: str, amount: int, deadline: int, signature: bytes, notice_s: int | None = None
) -> None:
    """Announces what a requester signed that it takes out."""
    digest = exit_digest(call.deployment.domain, requester, amount, call.number("said", requester), deadline)
    _demand_signed(call, requester, digest, deadline, signature)
    call.add(1, "said", requester)
    request_exit(call.by(requester, call.to), amount, notice_s)


def cancel_exit_by_sig(call: Call, requester: str, deadline: int, signature: bytes) -> None:
    """Takes an announcement back, as its requester signed."""
    digest = stay_digest(call.deployment.domain, requester, call.number("said", requester), deadline)
    _demand_signed(call, requester, digest, deadline, signature)
    call.add(1, "said", requester)
    cancel_exit(call.by(requester, call.to))


def request_exit(call: Call, amount: int, notice_s: int | None = None) -> None:
    """Announces what the caller takes out; without a notice of its own after that of the terms."""
    account = account_of(call, call.sender)
    cutoff = call.now + (call.terms.windows.notice_s if notice_s is None else notice_s)
    if account.leaving:
        raise Reverted("AlreadyLeaving().")
    if amount == 0 or amount > account.left:
        raise Reverted(f"Overdrawn({amount}, {account.left}).")
    call.storage["account", call.sender] = replace(account, leaving=amount, cutoff=cutoff)
    call.emit(Leaving(call.sender, amount, cutoff))


def cancel_exit(call: Call) -> None:
    """Takes the announcement back."""
    account = account_of(call, call.sender)
    if account.leaving == 0:
        raise Reverted("NothingLeaving().")
    call.storage["account", call.sender] = replace(account, leaving=0, cutoff=0)
    call.emit(Leaving(call.sender, 0, 0))


def take_out(call: Call, requester: str, debit: int) -> None:
    """Sends a requester what it announced, as far as it is not debited."""
    account, head = account_of(call, requester), head_of(call)
    amount = min(account.leaving, max(0, account.left - debit))
    call.storage["account", requester] = replace(account, withdrawn=account.withdrawn + amount, leaving=0, cutoff=0)
    call.storage["head",] = replace(head, funds=head.funds - amount)
    call.emit(Withdrawn(requester, amount))
    token.transfer(call.by(call.to, call.deployment.stable), requester, amount)


def _demand_signed(call: Call, requester: str, digest: bytes, deadline: int, signature: bytes) -> None:
    if call.now > deadline:
        raise Reverted(f"Expired({deadline}).")
    if not token.is_by(requester, digest, signature):
        raise Reverted(f"WrongSignature({requester}).")
