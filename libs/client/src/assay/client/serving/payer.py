"""What a requester owes for one lease: it counts the tokens that it asked for and received, and vouches for no more.

Nor does it for a provider that says one thing and commits to another: what a lease is audited for is what it committed.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from assay.client.serving.comparing import FalseAnswer, Heard, Words
from assay.proof.eip712 import Domain
from assay.proof.keys import Key
from assay.proof.voucher import Purse
from assay.schema.served import Piece, Vouched


@dataclass(eq=False)
class Payer:
    """The purse of one lease; `awaited` has for each request the tokens that are still to come."""

    key: Key
    domain: Domain
    purse: Purse
    awaited: dict[str, range] = field(default_factory=dict)
    words: Words = field(default_factory=Words)
    is_deceived: bool = False
    """Whether its provider was found to say what it does not commit to: nothing more is vouched for then."""

    @property
    def owes(self) -> bool:
        """Whether more was received than is vouched for."""
        return self.purse.received > self.purse.vouched and not self.is_deceived

    def ask(self, request_id: str, number: int, texts: list[str], tokens_max: int) -> None:
        """Await the tokens of an answer that follow these texts, one of each token that has come before."""
        self.awaited[request_id] = range(len(texts), tokens_max)
        self.words.heard[request_id] = Heard(number, len(texts), list(texts))

    def turn(self, request_id: str) -> None:
        """Await nothing of a request that was turned away."""
        self.awaited.pop(request_id, None)
        self.words.heard.pop(request_id, None)

    def receive(self, pieces: Iterable[Piece]) -> None:
        """Owe for each token that was asked for and comes for the first time."""
        tokens = 0
        for piece in pieces:
            awaited = self.awaited.get(piece.request_id, range(0))
            if piece.position in awaited:
                tokens += 1
                self.words.heard[piece.request_id].hear(piece)
                self.awaited[piece.request_id] = range(piece.position + 1, awaited.stop)
            if piece.finish:
                self.awaited.pop(piece.request_id, None)
        self.purse = self.purse.receive(tokens)

    def compare(self, checkpoint: bytes) -> None:
        """Hold what was committed to against what was said; what comes of it later is not owed. Raises FalseAnswer."""
        try:
            for request_id in self.words.compare(checkpoint):
                self.awaited.pop(request_id, None)
        except FalseAnswer:
            self.is_deceived = True
            raise

    def vouch(self) -> Vouched | None:
        """The voucher for all that was received, the last one again if nothing came since; None if nothing ever did."""
        if self.is_deceived:
            return None
        self.purse = self.purse.vouch(self.key, self.domain)
        last = self.purse.last
        return Vouched(units=last.units, signature=last.signature) if last else None
