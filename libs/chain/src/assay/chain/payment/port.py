"""Payment and Challenges as the rest of Assay sees them: questions; calls and events go as those of all contracts."""

from typing import Protocol

from assay.chain.payment.values import Account, Demand, Demanded, Head, Outflow, Poster, Signing, Term, Terms


class PaymentChain(Protocol):
    """What can be asked of the two contracts. Every method raises ChainUnreachable where the node gives no answer."""

    async def account_of(self, address: str) -> Account:
        """Returns an account's place in the tree and its money."""

    async def signing_of(self, address: str) -> Signing:
        """Returns what the next signatures of a requester hang on."""

    async def payment_head(self) -> Head:
        """Returns which epochs were posted and are final, and what all requesters have there."""

    async def epoch_digest(self, number: int) -> bytes:
        """Returns the digest of an epoch that is neither void nor forgotten, else 32 zero bytes."""

    async def poster_of(self, address: str) -> Poster:
        """Returns a poster's bond and standing."""

    async def outflow(self) -> Outflow:
        """Returns what all accounts were paid so far, and the treasury."""

    async def demand_of(self, epoch_digest: bytes, kind: Demanded, index: int) -> Demand:
        """Returns a demand; one that was never made is nobody's."""

    async def verdict_term(self, key: str) -> Term:
        """Returns from when until when verdicts by a key count."""

    async def payment_terms(self) -> Terms:
        """Returns what the contracts were deployed with."""
