"""The twin of the contract PaymentFunds: places in the tree, what requesters deposited and take out."""

from dataclasses import replace

from assay.chain.errors import Reverted
from assay.chain.payment.events import Deposited, Leaving, Registered, Withdrawn
from assay.chain.payment.values import Account, Head
from assay.chain.twin import token
from assay.chain.twin.call import Call

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


def request_exit(call: Call, amount: int) -> None:
    """Announces what the caller takes out."""
    account, cutoff = account_of(call, call.sender), call.now + call.terms.windows.notice_s
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
