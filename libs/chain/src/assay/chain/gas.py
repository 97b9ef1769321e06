"""How much gas a batch may need at most, whatever the state is when it is mined.

An estimate holds for the state it was made in, but a root that would be refused now may be anchored then. These bounds
are those of the dearest path (every balance new, every slot cold) and a test holds the contracts to them.
"""

TRANSACTION_GAS = 35_000
# One step of an accusation; the dearest is a slash that spends a queue of 16 parts.
SLASHING_GAS = 700_000
# A period of rewards: a struct of six words, of which none was there before.
PERIOD_GAS = 400_000
# Sharing a refund: a purse is made, each victim's balance is new, and so are the votes of whom it has cast them; a
# list's entry has two words.
SHARE_GAS = 250_000
SHARE_BYTE_GAS = 1_350
ANCHOR_GAS = 36_000
JUDGE_GAS = 1_000_000
JUDGE_BYTE_GAS = 150
PAYMENT_GAS = 300_000
PAYMENT_BYTE_GAS = 150
# Mainnet takes no transaction above 2**24 (EIP-7825).
TRANSACTION_GAS_MAX = 16_000_000


def anchor_gas(anchor_count: int) -> int:
    """Returns the gas limit for anchoring this many roots."""
    return TRANSACTION_GAS + anchor_count * ANCHOR_GAS


def share_gas(call_bytes: int) -> int:
    """Returns the gas limit for sharing a refund, by the size of the call: its victims make most of both."""
    return SHARE_GAS + call_bytes * SHARE_BYTE_GAS


def judge_gas(call_bytes: int) -> int:
    """Returns the gas limit for judging one element, by the size of the call: its operands make most of both."""
    return JUDGE_GAS + call_bytes * JUDGE_BYTE_GAS


def payment_gas(call_bytes: int) -> int:
    """Returns the gas limit for a call of Payment or Challenges, by its size: leaves and proofs make most of both."""
    return PAYMENT_GAS + call_bytes * PAYMENT_BYTE_GAS
