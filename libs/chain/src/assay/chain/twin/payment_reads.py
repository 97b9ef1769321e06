"""The questions of `PaymentChain` put to the twins."""

from typing import Protocol

from assay.chain.payment.shapes import NOBODY
from assay.chain.payment.values import Account, Demand, Demanded, Head, Outflow, Poster, Signing, Term, Terms
from assay.chain.twin import payment_epochs, payment_funds, steps, token
from assay.chain.twin.call import Call
from assay.chain.twin.payment import outflow_of
from assay.chain.words import normal


class Asked(Protocol):
    """What the questions need of a chain in memory."""

    def _call(self) -> Call: ...


class PaymentTwin:
    """What `Payment` and `Challenges` answer."""

    async def account_of(self: Asked, address: str) -> Account:
        """Returns an account's place in the tree and its money."""
        return payment_funds.account_of(self._call(), normal(address))

    async def signing_of(self: Asked, address: str) -> Signing:
        """Returns what the next signatures of a requester hang on."""
        call, owner = self._call(), normal(address)
        stable = call.by("", call.deployment.stable)
        return Signing(token.separator(stable), call.number(stable.to, "nonce", owner), call.number("said", owner))

    async def payment_head(self: Asked) -> Head:
        """Returns which epochs were posted and are final, and what all requesters have there."""
        return payment_funds.head_of(self._call())

    async def epoch_digest(self: Asked, number: int) -> bytes:
        """Returns the digest of an epoch that is neither void nor forgotten, else 32 zero bytes."""
        return payment_epochs.known_digest(self._call(), number)

    async def poster_of(self: Asked, address: str) -> Poster:
        """Returns a poster's bond and standing."""
        return payment_epochs.poster_of(self._call(), normal(address))

    async def outflow(self: Asked) -> Outflow:
        """Returns what all accounts were paid so far, and the treasury."""
        return outflow_of(self._call())

    async def demand_of(self: Asked, epoch_digest: bytes, kind: Demanded, index: int) -> Demand:
        """Returns a demand; one that was never made is nobody's."""
        found: Demand = self._call().storage.get(("demand", epoch_digest, kind, index), Demand(NOBODY, 0))
        return found

    async def verdict_term(self: Asked, key: str) -> Term:
        """Returns from when until when verdicts by a key count."""
        return steps.term_of(self._call(), normal(key))

    async def payment_terms(self: Asked) -> Terms:
        """Returns what the contracts were deployed with."""
        return self._call().terms
