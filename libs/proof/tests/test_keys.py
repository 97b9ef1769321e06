import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.peers import Account

from assay.proof.keys import ORDER, BadSignature, Key, recover

digests = st.binary(min_size=32, max_size=32)
keys = st.integers(1, ORDER - 1).map(lambda secret: Key.from_hex(f"{secret:064x}"))


@settings(max_examples=50, deadline=None)
@given(keys, digests)
def test_a_signature_gives_back_the_address_that_wallets_know(key: Key, digest: bytes) -> None:
    signature = key.sign(digest)
    theirs = Account.from_key(key.hex)
    assert key.address == theirs.address.lower()
    assert signature == "0x" + theirs.unsafe_sign_hash(digest).signature.hex().removeprefix("0x")
    assert recover(digest, signature) == key.address


@given(keys, digests, st.integers(0, 8 * 65 - 1))
def test_any_flipped_bit_of_a_signature_is_found(key: Key, digest: bytes, bit: int) -> None:
    flipped = int(key.sign(digest), 16) ^ (1 << bit)
    assert not speaks(digest, f"0x{flipped:0130x}", key)


@given(keys, digests, st.integers(0, 255))
def test_any_flipped_bit_of_what_was_signed_is_found(key: Key, digest: bytes, bit: int) -> None:
    flipped = (int.from_bytes(digest, "big") ^ (1 << bit)).to_bytes(32, "big")
    assert not speaks(flipped, key.sign(digest), key)


@given(keys, digests)
def test_the_twin_with_high_s_is_refused(key: Key, digest: bytes) -> None:
    raw = bytes.fromhex(key.sign(digest)[2:])
    high = ORDER - int.from_bytes(raw[32:64], "big")
    twin = "0x" + raw[:32].hex() + f"{high:064x}{27 + 28 - raw[64]:02x}"
    with pytest.raises(BadSignature, match="upper half"):
        recover(digest, twin)


@pytest.mark.parametrize(
    "signature",
    [
        "",
        "0x",
        "0x" + "0" * 130,
        "0x" + "f" * 130,
        "0x" + "A" * 130,
        "0x" + "1" * 128,
        "0x" + "00" * 64 + "1b",
        "1" * 132,
    ],
)
def test_what_is_no_signature_is_refused(signature: str) -> None:
    with pytest.raises(BadSignature) as caught:
        recover(b"\x01" * 32, signature)
    assert caught.value.code == "event.forged"


def test_the_secret_is_not_shown() -> None:
    key = Key.generate()
    assert key.hex not in repr(key) + str(key)
    assert Key.from_hex("0x" + key.hex).address == key.address
    assert Key.generate().address != key.address


def speaks(digest: bytes, signature: str, key: Key) -> bool:
    """Whether the signature passes for one by the key."""
    try:
        return recover(digest, signature) == key.address
    except BadSignature:
        return False
