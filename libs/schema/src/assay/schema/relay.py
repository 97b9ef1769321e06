"""What a requester asks its operator to send to Payment, so that it needs no gas: signed, good once and for a while."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from assay.schema.values import Signature, Value


class RelayKind(StrEnum):
    """What is to be sent."""

    DEPOSIT = "deposit"
    EXIT = "exit"
    EXIT_AT_ONCE = "exit_at_once"
    STAY = "stay"
    WITHDRAW = "withdraw"


MEASURED = frozenset({RelayKind.DEPOSIT, RelayKind.EXIT, RelayKind.EXIT_AT_ONCE})


class Relay(Value):
    """One call of Payment for a requester. To withdraw what has left needs no signature: it can go to its owner only.

    `nonce` is that of the token for a deposit, which is a permit (EIP-2612), and that of Payment for the others.
    """

    what: RelayKind
    amount: Annotated[int, Field(ge=0, lt=2**112, description="base units; 0 unless it is a deposit or an exit")] = 0
    nonce: Annotated[int, Field(ge=0, lt=2**63)] = 0
    deadline_s: Annotated[int, Field(ge=1, lt=2**53)]
    signature: Signature | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if (self.amount > 0) != (self.what in MEASURED):
            raise ValueError(f"amount: a {self.what} of {self.amount} is none")
        if (self.signature is None) != (self.what is RelayKind.WITHDRAW):
            raise ValueError(f"signature: a {self.what} has none, or one too many")
        return self
