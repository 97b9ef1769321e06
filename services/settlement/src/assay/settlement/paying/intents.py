"""What Payment is to be told: who joins the tree, an epoch, its payments, answers to demands, what requesters sign."""

import base64
from typing import Annotated, ClassVar, TypeAlias

from pydantic import Field

from assay.chain.encode import encode_call
from assay.chain.payment.encode import encode_post
from assay.proof.settlement_tree import Node
from assay.schema.values import Digest, Money, Value

Key: TypeAlias = tuple[str, str, int]
Count = Annotated[int, Field(ge=0)]


class Enlist(Value):
    """Give an account its place in the tree."""

    kind: ClassVar[str] = "enlist"
    account: str

    @property
    def key(self) -> Key:
        """What there is one intent of."""
        return (self.kind, self.account, 0)

    def call(self) -> bytes:
        """The call."""
        return encode_call("register(address)", self.account)


class Post(Value):
    """Post an epoch; `row` tells it from one of the same number that became void."""

    kind: ClassVar[str] = "post"
    number: Count
    row: Count
    steps: Count
    steps_root: Digest
    root: Digest
    credits: Money
    debits: Money

    @property
    def key(self) -> Key:
        """What there is one intent of."""
        return (self.kind, payment_name(self.number), self.row)

    def call(self) -> bytes:
        """The call."""
        state = Node(bytes.fromhex(self.root), self.credits, self.debits)
        return encode_post(self.number, state, bytes.fromhex(self.steps_root), self.steps)


class Pay(Value):
    """Make an epoch final and pay by it: one of several calls, the last of which is for the fees.

    An epoch that a fork took back is another one when it is posted again, as its time tells.
    """

    kind: ClassVar[str] = "pay"
    row: Count
    posted_at: Count
    turn: Count
    content: str

    @property
    def key(self) -> Key:
        """What there is one intent of."""
        return (self.kind, f"{payment_name(self.row)}/{self.posted_at}", self.turn)

    def call(self) -> bytes:
        """The call."""
        return base64.b64decode(self.content)


class Answer(Value):
    """Answer a demand, of a step (0) or a leaf (1)."""

    kind: ClassVar[str] = "answer"
    epoch: Digest
    demanded: Count
    index: Count
    content: str

    @property
    def key(self) -> Key:
        """What there is one intent of."""
        return (self.kind, self.epoch, demand_turn(self.demanded, self.index))

    def call(self) -> bytes:
        """The call."""
        return base64.b64decode(self.content)


class Forward(Value):
    """Send for a requester what it signed."""

    kind: ClassVar[str] = "relay"
    id: Digest
    content: str

    @property
    def key(self) -> Key:
        """What there is one intent of."""
        return (self.kind, self.id, 0)

    def call(self) -> bytes:
        """The call."""
        return base64.b64decode(self.content)


class Refill(Value):
    """Deposit what the operator holds in hand, by a permit of this nonce: it has audits to pay."""

    kind: ClassVar[str] = "refill"
    nonce: Count
    content: str

    @property
    def key(self) -> Key:
        """What there is one intent of."""
        return (self.kind, "operator", self.nonce)

    def call(self) -> bytes:
        """The call."""
        return base64.b64decode(self.content)


def payment_name(number: int) -> str:
    """What an epoch of Payment is called among intents."""
    return f"payment/{number}"


def demand_turn(kind: int, index: int) -> int:
    """What a demand is called among those of its epoch."""
    return kind << 32 | index


def written(call: bytes) -> str:
    """A call as an intent keeps it."""
    return base64.b64encode(call).decode()


PaymentBody: TypeAlias = Enlist | Post | Pay | Answer | Forward | Refill
PAYMENT_KINDS: tuple[type[PaymentBody], ...] = (Enlist, Post, Pay, Answer, Forward, Refill)
