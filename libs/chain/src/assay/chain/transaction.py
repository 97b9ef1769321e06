"""Signing apart from sending, so that nonce and bytes can be stored before anything leaves the process.

A transaction is an EIP-1559 one (EIP-2718 type 2): the byte 2, then the fields in RLP with the signature at their end.
"""

from dataclasses import dataclass

from assay.chain.values import Fees, SignedTransaction
from assay.chain.words import address, normal
from assay.proof.keccak import keccak256
from assay.proof.keys import V_FIRST, Key, recover

TYPE = b"\x02"
FIELD_COUNT = 9


@dataclass(frozen=True, slots=True)
class Transaction:
    """What the bytes of a signed call say; `to` is empty for a new contract."""

    hash: bytes
    sender: str
    chain_id: int
    nonce: int
    fees: Fees
    gas: int
    to: str
    value: int
    data: bytes


def sign_transaction(
    key: Key, nonce: int, to: str | None, data: bytes, gas: int, fees: Fees, chain_id: int, value: int = 0
) -> SignedTransaction:
    """Returns the bytes to send; the same arguments give the same bytes and hash. `to` is None for a new contract."""
    import rlp  # type: ignore[import-untyped]  # a tenth of a second, which only who signs need pay

    receiver = address(to)[12:] if to else b""
    fields = [chain_id, nonce, fees.max_priority, fees.max_fee, gas, receiver, value, data, []]
    signature = bytes.fromhex(key.sign(keccak256(TYPE + rlp.encode(fields)))[2:])
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    raw = TYPE + rlp.encode([*fields, signature[64] - V_FIRST, r, s])
    return SignedTransaction(raw=raw, hash=keccak256(raw), nonce=nonce)


def read_transaction(raw: bytes) -> Transaction:
    """Returns what signed bytes say and who signed them. Raises ValueError for any other kind of transaction."""
    import rlp

    if raw[:1] != TYPE:
        raise ValueError("Not an EIP-1559 transaction.")
    fields = rlp.decode(raw[1:])
    body, (parity, r, s) = fields[:FIELD_COUNT], fields[FIELD_COUNT:]
    signature = r.rjust(32, b"\0") + s.rjust(32, b"\0") + bytes([_number(parity) + V_FIRST])
    chain_id, nonce, max_priority, max_fee, gas = (_number(field) for field in body[:5])
    return Transaction(
        hash=keccak256(raw),
        sender=normal(recover(keccak256(TYPE + rlp.encode(body)), "0x" + signature.hex())),
        chain_id=chain_id,
        nonce=nonce,
        fees=Fees(max_fee, max_priority),
        gas=gas,
        to=normal("0x" + body[5].hex()) if body[5] else "",
        value=_number(body[6]),
        data=bytes(body[7]),
    )


def bump(fees: Fees) -> Fees:
    """Returns fees an eighth higher, rounded up: the least with which every node takes a replacement."""
    return Fees(max_fee=_bumped(fees.max_fee), max_priority=_bumped(fees.max_priority))


def _bumped(fee: int) -> int:
    return fee + max(1, -(-fee // 8))


def _number(field: bytes) -> int:
    return int.from_bytes(field, "big")
