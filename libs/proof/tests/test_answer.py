"""Answers and seals: nothing of another audit, verifier, nonce or content fits."""

from hypothesis import given
from hypothesis import strategies as st

from assay.proof.answer import answer, answer_in_parts, seal

digests = st.binary(min_size=32, max_size=32).map(bytes.hex)


@given(digests, digests, st.binary(max_size=64), st.binary(max_size=64))
def test_an_answer_is_of_one_nonce_and_one_content(nonce: str, other: str, one: bytes, two: bytes) -> None:
    assert (answer(nonce, one) == answer(nonce, two)) == (one == two)
    assert (answer(nonce, one) == answer(other, one)) == (nonce == other)
    assert answer_in_parts(nonce, [one, b"", two]) == answer(nonce, one + two)


@given(st.lists(digests, min_size=4, max_size=4), st.integers(0, 3), digests)
def test_a_seal_binds_audit_speaker_and_all_that_is_revealed(parts: list[str], at: int, other: str) -> None:
    audit, verifier = "a" + "b" * 26, "v" + "b" * 32
    bound = seal(audit, verifier, *parts)
    changed = [*parts[:at], other, *parts[at + 1 :]]
    assert (seal(audit, verifier, *changed) == bound) == (changed == parts)
    assert bound not in (seal("a" + "c" * 26, verifier, *parts), seal(audit, "v" + "c" * 32, *parts))
