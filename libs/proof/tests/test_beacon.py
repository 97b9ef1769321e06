import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.proof.beacon import Reveal, assemble, combine, commit
from assay.schema.errors import Reject

words = st.binary(min_size=32, max_size=32)
reveals = st.builds(Reveal, words, words)
parties = st.dictionaries(st.from_regex(r"\Av[a-z2-7]{6}\Z"), reveals, min_size=1, max_size=6)


@given(words, parties, st.integers(0, 2**40))
def test_all_that_reveal_are_in_the_pulse_whatever_their_order(
    block: bytes, said: dict[str, Reveal], round_: int
) -> None:
    committed = {name: commit(*reveal, name, round_) for name, reveal in said.items()}
    pulse = assemble(round_, block, committed, said)
    assert (pulse.revealed, pulse.missing) == (tuple(sorted(said)), ())
    assert pulse == assemble(round_, block, committed, dict(reversed(said.items())))
    assert pulse.value == combine(block, [reveal.value for reveal in said.values()])


@given(words, parties, st.data())
def test_who_withholds_or_changes_its_share_is_named_and_counts_for_nothing(
    block: bytes, said: dict[str, Reveal], data: st.DataObject
) -> None:
    committed = {name: commit(*reveal, name, 3) for name, reveal in said.items()}
    liar = data.draw(st.sampled_from(sorted(said)))
    other = data.draw(st.one_of(st.none(), reveals.filter(lambda reveal: reveal != said[liar])))
    without = {name: reveal for name, reveal in said.items() if name != liar}
    pulse = assemble(3, block, committed, without | ({liar: other} if other else {}))
    assert pulse.missing == (liar,)
    assert pulse.value == combine(block, [reveal.value for reveal in without.values()])


@given(words, words, reveals)
def test_every_share_and_the_block_move_the_pulse(block: bytes, other: bytes, share: Reveal) -> None:
    alone, with_share = combine(block, []), combine(block, [share.value])
    assert alone != with_share
    assert (combine(other, [share.value]) == with_share) == (block == other)


def test_a_share_is_bound_to_its_verifier_and_round() -> None:
    share = Reveal(b"\1" * 32, b"\2" * 32)
    assert len({commit(*share, "va", 1), commit(*share, "vb", 1), commit(*share, "va", 2)}) == 3
    stolen = assemble(1, b"\0" * 32, {"vb": commit(*share, "va", 1)}, {"vb": share})
    assert stolen.missing == ("vb",)


def test_who_was_not_committed_does_not_count() -> None:
    share = Reveal(b"\1" * 32, b"\2" * 32)
    assert assemble(1, b"\0" * 32, {}, {"va": share}).value == combine(b"\0" * 32, [])


@pytest.mark.parametrize("value", [b"", b"\1" * 31, b"\1" * 33])
def test_a_share_has_one_length(value: bytes) -> None:
    with pytest.raises(Reject):
        commit(value, b"\1" * 32, "va", 1)
    with pytest.raises(Reject):
        combine(b"\1" * 32, [value])
    assert assemble(1, b"", {"va": "0" * 64}, {"va": Reveal(value, b"\1" * 32)}).missing == ("va",)
