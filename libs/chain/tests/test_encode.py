"""The hand-packed calls equal web3's."""

from dataclasses import astuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from tests.peers import Web3

from assay.chain.artefacts import artefact
from assay.chain.encode import encode_anchor, encode_call
from assay.chain.governed.accusations import Accusation, encode_propose
from assay.chain.port import Anchor, SlashReason
from assay.chain.words import normal

words = some.binary(min_size=32, max_size=32)
addresses = some.binary(min_size=20, max_size=20).map(lambda raw: normal("0x" + raw.hex()))
fences = some.integers(0, 2**64 - 1)
anchors = some.builds(Anchor, addresses, fences, words, words, fences)
accusations = some.builds(
    Accusation,
    *(addresses, some.sampled_from(SlashReason), words, fences),
    *(addresses, addresses, some.integers(0, 2**128 - 1), words),
)

CONTRACTS = {name: Web3().eth.contract(abi=artefact(name).abi) for name in ("Payment", "Slashing", "EpochAnchors")}


def web3_call(contract, function, *arguments):
    return bytes.fromhex(CONTRACTS[contract].encode_abi(function, list(arguments))[2:])


@settings(max_examples=30, deadline=None)
@given(accusations)
def test_an_accusation_is_packed_like_web3s(what):
    assert encode_propose(what) == web3_call("Slashing", "propose", astuple(what))
    assert what.id == Web3.solidity_keccak(["uint256", "bytes32"], [int(what.accused, 16), what.offence])


@settings(max_examples=20, deadline=None)
@given(some.lists(anchors, max_size=4))
def test_anchors_are_packed_like_web3s(roots):
    structs = [(one.provider, one.number, one.previous, one.root, one.units) for one in roots]
    assert encode_anchor(roots) == web3_call("EpochAnchors", "anchor", structs)


def test_a_simple_call_is_packed_like_web3s():
    party = normal("0x" + "ab" * 20)
    packed = encode_call("depositFor(address,uint256)", party, 7)
    assert packed == web3_call("Payment", "depositFor", party, 7)


@pytest.mark.parametrize(
    "root",
    [
        Anchor("0x" + "ab" * 20, 1, b"short", bytes(32), 1),
        Anchor("0x" + "ab" * 19, 1, bytes(32), bytes(32), 1),
        Anchor("0x" + "ab" * 20, -1, bytes(32), bytes(32), 1),
        Anchor("0x" + "ab" * 20, 1, bytes(32), bytes(32), 2**64),
    ],
)
def test_what_fits_no_word_is_never_packed(root):
    with pytest.raises((ValueError, OverflowError)):
        encode_anchor([root])
