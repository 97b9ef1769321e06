"""Floats in integers agree bit for bit with the processor's, on every pair of edges and on random bits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.proof.court import integers as whole
from assay.proof.court import softfloat as real

EDGES = [
    0x00000000, 0x00000001, 0x00000002, 0x00000003, 0x007FFFFE, 0x007FFFFF, 0x00800000, 0x00800001, 0x00FFFFFF,
    0x01000000, 0x0B800000, 0x1F800000, 0x20000000, 0x33800000, 0x33FFFFFF, 0x34000000, 0x3EAAAAAB, 0x3EFFFFFF,
    0x3F000000, 0x3F000001, 0x3F7FFFFF, 0x3F800000, 0x3F800001, 0x3FC00000, 0x40000000, 0x40200000, 0x40490FDB,
    0x4AFFFFFF, 0x4B000000, 0x4B000001, 0x4B7FFFFF, 0x4B800000, 0x4F000000, 0x5F000000, 0x7E7FFFFF, 0x7F000000,
    0x7F7FFFFE, 0x7F7FFFFF, 0x7F800000, 0x7FC00000, 0x7F800001, 0x7FFFFFFF,
]  # fmt: skip
WORDS = [word | sign for word in EDGES for sign in (0, real.SIGN)]
PAIRS = {
    "add": (real.add, np.add),
    "subtract": (real.subtract, np.subtract),
    "multiply": (real.multiply, np.multiply),
    "divide": (real.divide, np.divide),
    "greater": (real.greater, lambda a, b: np.maximum(a, b) + np.float32(0)),
}
word = st.one_of(st.integers(0, 2**32 - 1), st.sampled_from(WORDS))
# What differs in few bits, in exponents that lie as far apart as there are bits, shows the rounding.
near = st.builds(
    lambda a, shift, low: (a + (shift << 23) + low) % 2**32, word, st.integers(-30, 30), st.integers(-3, 3)
)


def floats(words):
    return np.array(words, dtype=np.uint32).view(np.float32)


def bits(values):
    """The bits of floats, with one form for what is no number."""
    found = np.asarray(values, dtype=np.float32)
    return np.where(np.isnan(found), np.uint32(real.NAN), found.view(np.uint32)).tolist()


@pytest.mark.parametrize("name", PAIRS)
def test_every_pair_of_edges_gives_the_bits_of_the_processor(name):
    ours, theirs = PAIRS[name]
    lefts, rights = np.meshgrid(np.array(WORDS, dtype=np.uint32), np.array(WORDS, dtype=np.uint32))
    with np.errstate(all="ignore"):
        wanted = bits(theirs(lefts.ravel().view(np.float32), rights.ravel().view(np.float32)))
    got = [ours(a, b) for a, b in zip(lefts.ravel().tolist(), rights.ravel().tolist(), strict=True)]
    assert got == wanted


@settings(max_examples=250, deadline=None)
@given(a=word, b=st.one_of(word, near), name=st.sampled_from(sorted(PAIRS)))
def test_random_pairs_give_the_bits_of_the_processor(a, b, name):
    ours, theirs = PAIRS[name]
    with np.errstate(all="ignore"):
        assert [ours(a, b)] == bits(theirs(floats([a]), floats([b])))


def test_many_random_values_have_the_roots_and_integers_of_the_processor():
    draws = np.random.default_rng(7).integers(0, 2**32, 20_000, dtype=np.uint32)
    words = np.concatenate([np.array(WORDS, dtype=np.uint32), draws])
    values = words.view(np.float32)
    with np.errstate(all="ignore"):
        roots, integers = bits(np.sqrt(values)), bits(np.rint(values))
    assert [real.root(a) for a in words.tolist()] == roots
    assert [whole.round_int(a) for a in words.tolist()] == integers
    assert [real.negate(a) for a in words.tolist()] == bits(-values)


def test_order_is_that_of_the_processor():
    lefts, rights = np.meshgrid(floats(WORDS), floats(WORDS))
    pairs = list(zip(bits(lefts.ravel()), bits(rights.ravel()), strict=True))
    assert [real.is_less(a, b) for a, b in pairs] == (lefts < rights).ravel().tolist()
    assert [real.is_equal(a, b) for a, b in pairs] == (lefts == rights).ravel().tolist()


@settings(max_examples=150, deadline=None)
@given(number=st.integers(-(2**63), 2**63 - 1), shrink=st.integers(0, 62), places=st.integers(-200, 250))
def test_descaled_integers_are_rounded_once(number, shrink, places):
    number >>= shrink
    with np.errstate(all="ignore"):
        high = np.ldexp(np.longdouble(number), -places).astype(np.float32)
    assert [whole.descale(number % 2**64, places % 2**32)] == bits([high])


@settings(max_examples=150, deadline=None)
@given(a=word.filter(lambda a: not real.is_nan(a) and not real.is_infinite(a)), places=st.integers(-150, 150))
def test_quantised_values_are_rounded_half_to_even_and_held_within_21_bits(a, places):
    exact = np.rint(np.ldexp(np.float64(floats([a])[0]), places))
    held = int(max(-whole.QUANTUM_MAX, min(whole.QUANTUM_MAX, exact)))
    assert whole.signed(whole.quantise(a, places % 2**32)) == held


def test_what_is_no_number_has_one_form():
    for name, (ours, _) in PAIRS.items():
        assert {ours(0x7F800001, 0x3F800000), ours(0x3F800000, 0xFFFFFFFF)} == {real.NAN}, name
    assert real.root(0xBF800000) == real.root(0xFFC00000) == real.negate(0xFFC00001) == real.NAN
    assert whole.quantise(real.NAN, 0) == whole.QUANTUM_MAX
