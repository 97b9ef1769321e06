"""What is checked before the operator pays for anything, and what a contract's refusal means to who asked; pure."""

from collections.abc import Mapping
from typing import Final

from pydantic import ValidationError

from assay.chain.errors import Reverted
from assay.proof.digest import blake3_hex
from assay.proof.eip712 import Domain
from assay.proof.keys import BadSignature, recover
from assay.proof.relayed import exit_digest, stay_digest
from assay.schema.errors import Refused
from assay.schema.event import first_problem
from assay.schema.relay import Relay, RelayKind

RELAYS_PER_DAY: Final = 24
DAY_MS: Final = 24 * 3600 * 1000
WAITING_MAX: Final = 100
"""Each is a transaction of its own: so many blocks at most do roots and payments wait for those before them."""

# What a contract says, and the code under which a requester is told.
REVERTS: Final[Mapping[str, str]] = {
    "PermitFailed": "relay.replayed",
    "WrongSignature": "relay.replayed",
    "Expired": "relay.expired",
    "ERC20InsufficientBalance": "relay.unfunded",
    "ERC20InsufficientAllowance": "relay.replayed",
    "NotPoster": "wallet.open",
    "Overdrawn": "wallet.overdrawn",
    "AlreadyLeaving": "wallet.leaving",
    "NothingLeaving": "wallet.nothing_leaving",
    "TooSoon": "wallet.early",
    "NotFinal": "wallet.early",
    "WrongProof": "wallet.early",
}


def read(body: object) -> Relay:
    """What is asked for. Raises Refused: event.malformed."""
    try:
        return Relay.model_validate(body)
    except ValidationError as error:
        raise Refused("event.malformed", first_problem(error)) from None


def name_of(requester: str, relay: Relay) -> str:
    """What a request is known by: asked for twice, it is sent once."""
    return blake3_hex(f"{requester}/{relay.model_dump_json()}".encode())


def check(relay: Relay, requester: str, domain: Domain, now_s: int) -> None:
    """Nothing, if it may be sent. A permit is the token's to judge, which is asked before anything is sent.

    Raises Refused: relay.expired, relay.forged.
    """
    if relay.deadline_s <= now_s:
        raise Refused("relay.expired", f"It was good until {relay.deadline_s}, and it is {now_s}.")
    terms = (relay.nonce, relay.deadline_s)
    if relay.what in (RelayKind.EXIT, RelayKind.EXIT_AT_ONCE):
        check_signed(relay, requester, exit_digest(domain, requester, relay.amount, *terms))
    elif relay.what is RelayKind.STAY:
        check_signed(relay, requester, stay_digest(domain, requester, *terms))


def check_signed(relay: Relay, requester: str, digest: bytes) -> None:
    """Nothing, if the requester signed this digest. Raises Refused: relay.forged."""
    try:
        signer = recover(digest, relay.signature or "")
    except BadSignature as error:
        raise Refused("relay.forged", error.detail) from None
    if signer != requester:
        raise Refused("relay.forged", "Another key signed it, or it signed something else.")


def check_rate(asked: tuple[int, int], most: int, now_ms: int) -> None:
    """Nothing, if a requester asked less than `most` times within a day. Raises Refused: relay.exceeded."""
    count, first_ms = asked
    if count >= most:
        wait_s = max(1, (first_ms + DAY_MS - now_ms) // 1000)
        raise Refused("relay.exceeded", f"{count} of {most} a day; wait {wait_s} s.", retry_after_s=wait_s)


def refusal_of(error: Reverted) -> Refused:
    """What a contract's refusal means."""
    return Refused(REVERTS.get(error.detail.split("(")[0], "relay.failed"), error.detail)
