"""What can go wrong between Assay and a chain.

AssayError
└── ChainError
    ├── ChainUnreachable    no usable answer; also a Retry
    ├── UnknownBlock        the chain has no such block (any more)
    ├── Reverted            the contract said no, and why
    ├── NonceTaken          another transaction of this key has the nonce
    ├── FeeTooLow           a replacement must raise both fees by an eighth
    └── Unfunded            the key cannot pay for gas
"""

from assay.schema.errors import AssayError, Retry


class ChainError(AssayError):
    """A fault on the way to the chain or on it."""

    code = "chain.failed"


class ChainUnreachable(ChainError, Retry):
    """The node gave no usable answer."""

    code = "chain.unreachable"
    advice = "Check that the EVM node runs and that its URL is right; it is tried again by itself."


class UnknownBlock(ChainError):
    """The chain has no block of this number."""

    code = "chain.unknown_block"
    advice = "The chain was reorganised or is not that long yet: look again from an older block."


class Reverted(ChainError):
    """A contract refused the call."""

    code = "chain.reverted"
    advice = "Mend the call, do not repeat it: the contract will refuse it again."


class NonceTaken(ChainError):
    """Another transaction of this key used the nonce."""

    code = "chain.nonce_taken"
    advice = "Look for the receipt of every transaction of this nonce before anything else is sent."


class FeeTooLow(ChainError):
    """The node does not take a transaction, or a replacement, that pays so little."""

    code = "chain.fee_too_low"
    advice = "Sign it again with the same nonce and both fees at least an eighth higher."


class BadToken(ChainError):
    """What is to be the stable token is none of 6 decimals."""

    code = "chain.bad_token"
    advice = "Name the address of a token of 6 decimals on this very chain, or none for a new one."


class Unfunded(ChainError):
    """The sending key cannot pay for gas."""

    code = "chain.unfunded"
    advice = "Send the key's address some of the chain's own coin."
