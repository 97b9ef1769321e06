"""How much gas a batch may need at most, whatever the state is when it is mined.

An estimate holds for the state it was made in, but an order that would be refused now may open then. These bounds are
those of the dearest path (every balance new, every slot cold) and a test holds the contracts to them.
"""

from collections.abc import Sequence

from assay.chain.values import Settlement

TRANSACTION_GAS = 35_000
ORDER_GAS = 68_000
SETTLEMENT_GAS = 46_000
PAYOUT_GAS = 32_000
SLASH_GAS = 180_000
ANCHOR_GAS = 36_000
AUDIT_GAS = 56_000
JUDGE_GAS = 1_000_000
JUDGE_BYTE_GAS = 150
# Mainnet takes no transaction above 2**24 (EIP-7825).
TRANSACTION_GAS_MAX = 16_000_000


def open_gas(order_count: int) -> int:
    """Returns the gas limit for opening this many orders."""
    return TRANSACTION_GAS + order_count * ORDER_GAS


def settle_gas(settlements: Sequence[Settlement]) -> int:
    """Returns the gas limit for these settlements."""
    payout_count = sum(len(settlement.payouts) for settlement in settlements)
    return TRANSACTION_GAS + len(settlements) * SETTLEMENT_GAS + payout_count * PAYOUT_GAS


def anchor_gas(anchor_count: int) -> int:
    """Returns the gas limit for anchoring this many roots."""
    return TRANSACTION_GAS + anchor_count * ANCHOR_GAS


def audit_gas(payment_count: int) -> int:
    """Returns the gas limit for paying this many audits."""
    return TRANSACTION_GAS + payment_count * AUDIT_GAS


def judge_gas(call_bytes: int) -> int:
    """Returns the gas limit for judging one element, by the size of the call: its operands make most of both."""
    return JUDGE_GAS + call_bytes * JUDGE_BYTE_GAS


def slash_gas(slash_count: int) -> int:
    """Returns the gas limit for this many penalties."""
    return 2 * TRANSACTION_GAS + slash_count * SLASH_GAS
