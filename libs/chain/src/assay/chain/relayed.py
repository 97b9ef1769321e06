"""What a requester signs so that somebody else may send it: made from what the chain says, and packed as calls.

Whoever sends it pays the gas and can change nothing: amount, nonce, time and place are signed.
"""

import time
from typing import Final

from assay.chain.payment.encode import (
    encode_deposit_with_permit,
    encode_exit_at_once,
    encode_exit_by_sig,
    encode_stay_by_sig,
)
from assay.chain.port import Chain
from assay.proof.keys import Key
from assay.proof.relayed import exit_digest, permit_digest, stay_digest
from assay.schema.relay import Relay, RelayKind

GOOD_FOR_S: Final = 600


async def sign_deposit(chain: Chain, key: Key, amount: int, good_for_s: int = GOOD_FOR_S) -> Relay:
    """Returns the permit that moves an amount of the key's stable tokens into its own deposit."""
    signing, until_s = await chain.signing_of(key.address), await deadline(chain, good_for_s)
    places = (signing.separator, key.address, chain.deployment.payment)
    digest = permit_digest(*places, amount, signing.permit_nonce, until_s)
    said = {"amount": amount, "nonce": signing.permit_nonce, "deadline_s": until_s}
    return Relay(what=RelayKind.DEPOSIT, **said, signature=key.sign(digest))


async def sign_exit(chain: Chain, key: Key, amount: int) -> Relay:
    """Returns the announcement that the key takes an amount of its deposit out."""
    nonce, until_s = (await chain.signing_of(key.address)).nonce, await deadline(chain)
    signature = key.sign(exit_digest(chain.deployment.domain, key.address, amount, nonce, until_s))
    return Relay(what=RelayKind.EXIT, amount=amount, nonce=nonce, deadline_s=until_s, signature=signature)


async def sign_stay(chain: Chain, key: Key) -> Relay:
    """Returns what takes the key's announcement back."""
    nonce, until_s = (await chain.signing_of(key.address)).nonce, await deadline(chain)
    signature = key.sign(stay_digest(chain.deployment.domain, key.address, nonce, until_s))
    return Relay(what=RelayKind.STAY, nonce=nonce, deadline_s=until_s, signature=signature)


async def ask_withdrawal(chain: Chain) -> Relay:
    """Returns the request to have sent what has left; anybody may send it, so nothing is signed."""
    return Relay(what=RelayKind.WITHDRAW, deadline_s=await deadline(chain))


async def deadline(chain: Chain, good_for_s: int = GOOD_FOR_S) -> int:
    """Returns until when (s) what is signed now counts: by the later of both clocks, as an idle chain's stands."""
    return max(int(time.time()), (await chain.block()).timestamp) + good_for_s


def encode_relay(requester: str, relay: Relay) -> bytes:
    """Returns the call of Payment that does what a requester signed. Raises KeyError where nothing is signed."""
    signature = relay.signature or ""
    calls = {
        RelayKind.DEPOSIT: lambda: encode_deposit_with_permit(requester, relay.amount, relay.deadline_s, signature),
        RelayKind.EXIT: lambda: encode_exit_by_sig(requester, relay.amount, relay.deadline_s, signature),
        RelayKind.EXIT_AT_ONCE: lambda: encode_exit_at_once(requester, relay.amount, relay.deadline_s, signature),
        RelayKind.STAY: lambda: encode_stay_by_sig(requester, relay.deadline_s, signature),
    }
    return calls[relay.what]()
