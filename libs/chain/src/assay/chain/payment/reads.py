"""The questions of `PaymentChain` put to a node: single calls of hand-packed words, answered in words."""

import asyncio
from typing import Protocol

from assay.chain.encode import encode_call
from assay.chain.errors import ChainUnreachable
from assay.chain.payment.values import (
    Account,
    Demand,
    Demanded,
    Head,
    Outflow,
    Poster,
    Signing,
    Term,
    Terms,
    Windows,
)
from assay.chain.rpc import Rpc
from assay.chain.values import Deployment
from assay.chain.words import WORD_BYTES, checksum


class Asked(Protocol):
    """What the questions need of a client."""

    rpc: Rpc
    deployment: Deployment
    when: object


class PaymentReads:
    """What `Payment` and `Challenges` answer."""

    async def account_of(self: Asked, address: str) -> Account:
        """Returns an account's place in the tree and its money."""
        return Account(*await words(self, self.deployment.payment, encode_call("accountOf(address)", address)))

    async def signing_of(self: Asked, address: str) -> Signing:
        """Returns what the next signatures of a requester hang on."""
        at, nonces = self.deployment, encode_call("nonces(address)", address)
        asked = ((at.stable, encode_call("DOMAIN_SEPARATOR()")), (at.stable, nonces), (at.payment, nonces))
        separator, permit_nonce, nonce = await asyncio.gather(*(words(self, *each) for each in asked))
        return Signing(separator[0].to_bytes(WORD_BYTES, "big"), permit_nonce[0], nonce[0])

    async def payment_head(self: Asked) -> Head:
        """Returns which epochs were posted and are final, and what all requesters have there."""
        return Head(*await words(self, self.deployment.payment, encode_call("head()")))

    async def epoch_digest(self: Asked, number: int) -> bytes:
        """Returns the digest of an epoch that is neither void nor forgotten, else 32 zero bytes."""
        (digest,) = await words(self, self.deployment.payment, encode_call("digestOf(uint64)", number))
        return digest.to_bytes(WORD_BYTES, "big")

    async def poster_of(self: Asked, address: str) -> Poster:
        """Returns a poster's bond and standing."""
        found = await words(self, self.deployment.payment, encode_call("posterOf(address)", address))
        bond, ready_at, number, is_appointed = found
        return Poster(bond, ready_at, number, bool(is_appointed))

    async def outflow(self: Asked) -> Outflow:
        """Returns what all accounts were paid so far, and the treasury."""
        return Outflow(*await words(self, self.deployment.payment, encode_call("outflow()")))

    async def demand_of(self: Asked, epoch_digest: bytes, kind: Demanded, index: int) -> Demand:
        """Returns a demand; one that was never made is nobody's."""
        call = encode_call("demandOf(bytes32,uint8,uint32)", epoch_digest, kind, index)
        challenger, deadline = await words(self, self.deployment.challenges, call)
        return Demand(checksum(challenger.to_bytes(20, "big")), deadline)

    async def verdict_term(self: Asked, key: str) -> Term:
        """Returns from when until when verdicts by a key count."""
        return Term(*await words(self, self.deployment.challenges, encode_call("verdictKeyOf(address)", key)))

    async def payment_terms(self: Asked) -> Terms:
        """Returns what the contracts were deployed with."""
        at = self.deployment
        places = [(at.payment, name) for name in ("BOND", "REFUND", "WINDOW", "INTERVAL", "NOTICE")]
        places += [(at.challenges, name) for name in ("DEMAND_BOND", "ANSWER")]
        found = await asyncio.gather(*(words(self, place, encode_call(f"{name}()")) for place, name in places))
        bond, refund, window, interval, notice, demand_bond, answer = (each[0] for each in found)
        return Terms(bond, demand_bond, refund, Windows(window, answer, interval, notice))


async def words(asked: Asked, to: str, data: bytes) -> list[int]:
    """Returns the words that a contract answers a call with, as numbers. Raises ChainUnreachable."""
    answer = await asked.rpc.ask("eth_call", {"to": to, "data": "0x" + data.hex()}, asked.when)
    raw = bytes.fromhex(answer[2:])
    if not raw or len(raw) % WORD_BYTES:
        # So answers a node that does not have the contract yet, or has lost what the block holds.
        raise ChainUnreachable(f"eth_call: {len(raw)} bytes are no answer of {to}.")
    return [int.from_bytes(raw[at : at + WORD_BYTES], "big") for at in range(0, len(raw), WORD_BYTES)]
