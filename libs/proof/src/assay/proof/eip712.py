"""The digests that Assay's keys sign: EIP-712 structs, whose domain ties them to one chain and one contract.

A struct's fields are 32-byte words behind its type's hash; text and bytes stand by their Keccak-256.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from assay.proof.keccak import keccak256, keccak256_text
from assay.schema.values import job_word

NAME: Final = "Assay"
VERSION: Final = "1"

DOMAIN_TYPE: Final = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
ORDER_TYPE: Final = "JobOrder(bytes32 jobId,address requester,uint256 priceLimit,uint64 deadline,bytes32 specDigest)"
STATEMENT_TYPE: Final = "Statement(string eventType,string id,string source,uint64 timeMs,bytes32 dataDigest)"
ORDER_HASH: Final = keccak256(ORDER_TYPE.encode())
STATEMENT_HASH: Final = keccak256(STATEMENT_TYPE.encode())


@dataclass(frozen=True, slots=True)
class Domain:
    """Where a signature counts: the chain, and the address of Payment on it."""

    chain_id: int
    verifying_contract: str


@dataclass(frozen=True, slots=True)
class JobOrder:
    """What a requester authorises: at most `price_limit` for this very spec, until `deadline_s`."""

    job_id: str
    requester_address: str
    price_limit: int
    deadline_s: int
    spec_digest: str


def order_digest(domain: Domain, order: JobOrder) -> bytes:
    """The 32 bytes that a requester signs for what Payment may charge it."""
    return typed_digest(
        domain,
        ORDER_HASH
        + job_word(order.job_id)
        + address_word(order.requester_address)
        + uint_word(order.price_limit)
        + uint_word(order.deadline_s)
        + bytes.fromhex(order.spec_digest),
    )


def statement_digest(domain: Domain, event_type: str, id_: str, source: str, time_ms: int, data: bytes) -> bytes:
    """The 32 bytes that a participant signs to say an event; `data` is its wire form, byte for byte."""
    return typed_digest(
        domain,
        STATEMENT_HASH
        + keccak256_text(event_type)
        + keccak256(id_.encode())
        + keccak256_text(source)
        + uint_word(time_ms)
        + keccak256(data),
    )


def typed_digest(domain: Domain, struct: bytes) -> bytes:
    """The digest of an encoded struct within a domain."""
    return keccak256(b"\x19\x01" + domain_separator(domain) + keccak256(struct))


@lru_cache(maxsize=64)
def domain_separator(domain: Domain) -> bytes:
    """The 32 bytes that stand for the domain."""
    return keccak256(
        keccak256(DOMAIN_TYPE.encode())
        + keccak256(NAME.encode())
        + keccak256(VERSION.encode())
        + uint_word(domain.chain_id)
        + address_word(domain.verifying_contract)
    )


def uint_word(value: int) -> bytes:
    """An unsigned integer as a 32-byte word."""
    return value.to_bytes(32, "big")


def address_word(address: str) -> bytes:
    """An EVM address (0x and 40 hex digits) as a 32-byte word."""
    return bytes.fromhex(address.removeprefix("0x")).rjust(32, b"\0")
