import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.proof.digest import blake3_hex, state_digest, tensor_leaf
from assay.schema.errors import Reject

GOLDEN = json.loads((Path(__file__).parent / "golden" / "digests.json").read_text())

shapes = st.lists(st.integers(0, 2**40), max_size=4).map(tuple)
tensors = st.tuples(
    st.text(max_size=12), st.sampled_from(["float32", "bfloat16", "int64"]), shapes, st.binary(max_size=64)
)
states = st.lists(tensors, max_size=8, unique_by=lambda tensor: tensor[0])


@given(states, st.randoms(use_true_random=False))
def test_the_digest_of_a_state_does_not_depend_on_the_order_of_its_tensors(
    state: list[tuple[str, str, tuple[int, ...], bytes]], chance: random.Random
) -> None:
    shuffled = list(state)
    chance.shuffle(shuffled)
    assert state_digest(shuffled) == state_digest(state)


@given(states, states)
def test_two_states_share_a_digest_only_if_they_are_equal(
    one: list[tuple[str, str, tuple[int, ...], bytes]], other: list[tuple[str, str, tuple[int, ...], bytes]]
) -> None:
    assert (state_digest(one) == state_digest(other)) == (sorted(one) == sorted(other))


@given(states.filter(any), st.data())
def test_a_flipped_bit_in_any_tensor_changes_the_digest(
    state: list[tuple[str, str, tuple[int, ...], bytes]], data: st.DataObject
) -> None:
    name, dtype, shape, raw = state[(place := data.draw(st.integers(0, len(state) - 1)))]
    bit = data.draw(st.integers(0, max(8 * len(raw) - 1, 0)))
    flipped = (int.from_bytes(raw, "big") ^ (1 << bit)).to_bytes(max(len(raw), 1), "big")
    changed = [*state[:place], (name, dtype, shape, flipped), *state[place + 1 :]]
    assert state_digest(changed) != state_digest(state)


def test_a_field_cannot_borrow_bytes_from_its_neighbour() -> None:
    leaves = {tensor_leaf("ab", "c", (), b""), tensor_leaf("a", "bc", (), b""), tensor_leaf("a", "b", (), b"c")}
    assert len(leaves) == 3


def test_a_view_of_any_item_size_has_the_digest_of_its_bytes() -> None:
    raw = bytes(range(16))
    view = memoryview(raw).cast("f", (2, 2))
    assert blake3_hex(view) == blake3_hex(raw) == blake3_hex(bytearray(raw))
    assert tensor_leaf("w", "float32", (2, 2), view) == tensor_leaf("w", "float32", (2, 2), raw)
    assert blake3_hex(memoryview(b"").cast("d")) == blake3_hex(b"")


def test_a_tensor_named_twice_is_refused() -> None:
    with pytest.raises(Reject, match="twice"):
        state_digest([("w", "float32", (1,), b"1234"), ("w", "float32", (1,), b"1234")])


def test_digests_are_what_they_were() -> None:
    made = [
        ("w", "float32", (2, 3), bytes(range(24))),
        ("b", "bfloat16", (2,), b"\x00\x80\xff\x7f"),
        ("é", "int64", (), b""),
    ]
    assert blake3_hex(b"assay") == GOLDEN["blob"]
    assert tensor_leaf(*made[0]).hex() == GOLDEN["leaf"]
    assert [state_digest(made[:count]) for count in range(4)] == GOLDEN["states"]
