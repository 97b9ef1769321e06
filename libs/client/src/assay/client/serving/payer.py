"""What a requester owes for one lease: it counts the tokens that it asked for and received, and vouches for no more."""

from collections.abc import Iterable
from dataclasses import dataclass, field

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

    @property
    def owes(self) -> bool:
        """Whether more was received than is vouched for."""
        return self.purse.received > self.purse.vouched

    def ask(self, request_id: str, tokens: range) -> None:
        """Await these tokens of an answer, by their positions."""
        self.awaited[request_id] = tokens

    def receive(self, pieces: Iterable[Piece]) -> None:
        """Owe for each token that was asked for and comes for the first time."""
        tokens = 0
        for piece in pieces:
            awaited = self.awaited.get(piece.request_id, range(0))
            if piece.position in awaited:
                tokens += 1
                self.awaited[piece.request_id] = range(piece.position + 1, awaited.stop)
            if piece.finish:
                self.awaited.pop(piece.request_id, None)
        self.purse = self.purse.receive(tokens)

    def vouch(self) -> Vouched | None:
        """The voucher for all that was received, the last one again if nothing came since; None if nothing ever did."""
        self.purse = self.purse.vouch(self.key, self.domain)
        last = self.purse.last
        return Vouched(units=last.units, signature=last.signature) if last else None
