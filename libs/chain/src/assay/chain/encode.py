"""The calls that settlement and wallets send, as calldata; pure, and equal to web3's encoding (held by a test)."""

from collections.abc import Iterable, Sequence

from assay.chain.values import Anchor, AuditPayment, Payout, Settlement, SignedOrder, Slash
from assay.chain.words import WORD_BYTES, address, bytes32, selector, tail, uint

OPEN = "open((bytes32,address,uint256,uint64,bytes32)[],bytes[])"
SETTLE = "settle((bytes32,(address,uint64,uint256)[],uint256,bytes32)[])"
PAY_AUDITS = "payAudits((bytes32,address,uint256)[])"
ANCHOR = "anchor((address,uint64,bytes32,bytes32,uint64)[])"
SLASH = "slash((address,uint256,uint8,bytes32,uint64)[])"

ORDER_BYTES = 5 * WORD_BYTES


def encode_open(orders: Sequence[SignedOrder]) -> bytes:
    """Returns the call that locks the price limits of these orders in one transaction."""
    head = uint(2 * WORD_BYTES) + uint(3 * WORD_BYTES + len(orders) * ORDER_BYTES)
    structs = b"".join(_order(signed) for signed in orders)
    signatures = _dynamic(tail(signed.signature) for signed in orders)
    return selector(OPEN) + head + uint(len(orders)) + structs + signatures


def encode_settle(settlements: Sequence[Settlement]) -> bytes:
    """Returns the call that pays these settlements out in one transaction."""
    return selector(SETTLE) + uint(WORD_BYTES) + _dynamic(_settlement(settlement) for settlement in settlements)


def encode_slash(slashes: Sequence[Slash]) -> bytes:
    """Returns the call that takes these penalties in one transaction."""
    return selector(SLASH) + _array(_slash(slash) for slash in slashes)


def encode_anchor(anchors: Sequence[Anchor]) -> bytes:
    """Returns the call that anchors these roots in one transaction."""
    return selector(ANCHOR) + _array(_anchor(anchor) for anchor in anchors)


def encode_pay_audits(payments: Sequence[AuditPayment]) -> bytes:
    """Returns the call that pays these audits in one transaction."""
    return selector(PAY_AUDITS) + _array(_audit(payment) for payment in payments)


def encode_call(signature: str, *arguments: int | str | bytes) -> bytes:
    """Returns a call whose arguments are one word each: numbers, addresses, 32-byte values."""
    return selector(signature) + b"".join(_word(argument) for argument in arguments)


def _order(signed: SignedOrder) -> bytes:
    order = signed.order
    return (
        bytes32(order.job_id)
        + address(order.requester)
        + uint(order.price_limit)
        + uint(order.deadline, bits=64)
        + bytes32(order.spec_digest)
    )


def _settlement(settlement: Settlement) -> bytes:
    payouts = uint(len(settlement.payouts)) + b"".join(_payout(payout) for payout in settlement.payouts)
    head = bytes32(settlement.job_id) + uint(4 * WORD_BYTES) + uint(settlement.fee)
    return head + bytes32(settlement.receipt_digest) + payouts


def _payout(payout: Payout) -> bytes:
    return address(payout.provider) + uint(payout.fence, bits=64) + uint(payout.amount)


def _slash(slash: Slash) -> bytes:
    return (
        address(slash.provider)
        + uint(slash.amount)
        + uint(slash.reason, bits=8)
        + bytes32(slash.job_id)
        + uint(slash.fence, bits=64)
    )


def _anchor(anchor: Anchor) -> bytes:
    return (
        address(anchor.provider)
        + uint(anchor.number, bits=64)
        + bytes32(anchor.previous)
        + bytes32(anchor.root)
        + uint(anchor.units, bits=64)
    )


def _audit(payment: AuditPayment) -> bytes:
    return bytes32(payment.audit_id) + address(payment.verifier) + uint(payment.amount)


def _array(items: Iterable[bytes]) -> bytes:
    """Returns the only argument of a call: an array of values that are all of one size."""
    values = list(items)
    return uint(WORD_BYTES) + uint(len(values)) + b"".join(values)


def _dynamic(items: Iterable[bytes]) -> bytes:
    """Returns an array of dynamic values: how many, where each begins (counted from here), then the values."""
    values = list(items)
    offset, offsets = len(values) * WORD_BYTES, []
    for value in values:
        offsets.append(uint(offset))
        offset += len(value)
    return uint(len(values)) + b"".join(offsets) + b"".join(values)


def _word(argument: int | str | bytes) -> bytes:
    if isinstance(argument, int):
        return uint(argument)
    return address(argument) if isinstance(argument, str) else bytes32(argument)
