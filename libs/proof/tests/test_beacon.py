from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from libs.proof.tests.conftest import DOMAIN, NOW_MS, key_of

from assay.proof.beacon import Pulse, Reveal, assemble, combine, commit, is_signed, said_of
from assay.proof.statement import sign_event
from assay.schema.beacon import RevealedShare
from assay.schema.errors import Reject
from assay.schema.values import Role, derive_id, participant_id

words = st.binary(min_size=32, max_size=32)
reveals = st.builds(Reveal, words, words)
parties = st.dictionaries(st.from_regex(r"\Av[a-z2-7]{6}\Z"), reveals, min_size=1, max_size=6)
epochs = st.integers(0, 2**40).map(lambda number: derive_id("x", number))
EPOCH, OTHER = derive_id("x", 1), derive_id("x", 2)


def bound(said: dict[str, Reveal], epoch_id: str = EPOCH) -> dict[str, str]:
    """What these verifiers committed to."""
    return {name: commit(*reveal, name, epoch_id) for name, reveal in said.items()}


@given(words, parties, epochs)
def test_all_that_reveal_are_in_the_beacon_whatever_their_order(
    block: bytes, said: dict[str, Reveal], epoch_id: str
) -> None:
    committed = bound(said, epoch_id)
    combined = assemble(epoch_id, block, committed, said)
    assert (combined.revealed, combined.missing) == (tuple(sorted(said)), ())
    assert combined == assemble(epoch_id, block, committed, dict(reversed(said.items())))
    assert combined.value == combine(block, [reveal.value for reveal in said.values()])


@given(words, parties, words, st.data())
def test_any_one_honest_reveal_changes_everything(
    block: bytes, said: dict[str, Reveal], chosen: bytes, data: st.DataObject
) -> None:
    """Whoever owns all the other verifiers and the block fixes nothing while one value is not theirs."""
    honest = data.draw(st.sampled_from(sorted(said)))
    others = said | {honest: Reveal(chosen, said[honest].salt)}
    one, two = (assemble(EPOCH, block, bound(each), each).value for each in (said, others))
    assert (one == two) == (chosen == said[honest].value)


@given(words, parties, st.data())
def test_who_withholds_or_changes_its_share_is_named_and_counts_for_nothing(
    block: bytes, said: dict[str, Reveal], data: st.DataObject
) -> None:
    liar = data.draw(st.sampled_from(sorted(said)))
    other = data.draw(st.one_of(st.none(), reveals.filter(lambda reveal: reveal != said[liar])))
    without = {name: reveal for name, reveal in said.items() if name != liar}
    combined = assemble(EPOCH, block, bound(said), without | ({liar: other} if other else {}))
    assert combined.missing == (liar,)
    assert combined.value == combine(block, [reveal.value for reveal in without.values()])


@given(words, parties, parties, st.data())
def test_a_foreign_reveal_never_counts(
    block: bytes, said: dict[str, Reveal], strangers: dict[str, Reveal], data: st.DataObject
) -> None:
    """Not one of somebody who was not bound, not one that was bound for another epoch, not a neighbour's."""
    committed = bound(said)
    thief, victim = (data.draw(st.sampled_from(sorted(said))) for _ in range(2))
    without = {name: reveal for name, reveal in said.items() if name != thief}
    plain = assemble(EPOCH, block, committed, without)
    foreign = {name: reveal for name, reveal in strangers.items() if name not in said}
    assert assemble(EPOCH, block, committed, without | foreign) == plain
    assert assemble(EPOCH, block, committed | {thief: commit(*said[thief], thief, OTHER)}, said) == plain
    if said[victim] != said[thief]:
        assert assemble(EPOCH, block, committed, without | {thief: said[victim]}) == plain


@given(words, words, reveals)
def test_every_share_and_the_block_move_the_beacon(block: bytes, other: bytes, share: Reveal) -> None:
    alone, with_share = combine(block, []), combine(block, [share.value])
    assert alone != with_share
    assert (combine(other, [share.value]) == with_share) == (block == other)


def test_a_share_is_bound_to_its_verifier_and_epoch() -> None:
    share = Reveal(b"\1" * 32, b"\2" * 32)
    assert len({commit(*share, "va", EPOCH), commit(*share, "vb", EPOCH), commit(*share, "va", OTHER)}) == 3
    stolen = assemble(EPOCH, b"\0" * 32, {"vb": commit(*share, "va", EPOCH)}, {"vb": share})
    assert stolen.missing == ("vb",)


@pytest.mark.parametrize("value", [b"", b"\1" * 31, b"\1" * 33])
def test_a_share_has_one_length(value: bytes) -> None:
    with pytest.raises(Reject):
        commit(value, b"\1" * 32, "va", EPOCH)
    with pytest.raises(Reject):
        combine(b"\1" * 32, [value])
    assert assemble(EPOCH, b"", {"va": "0" * 64}, {"va": Reveal(value, b"\1" * 32)}).missing == ("va",)


@settings(max_examples=30, deadline=None)
@given(words, words, st.integers(0, 2**40))
def test_a_reveal_is_signed_for_its_epoch_over_the_block_shown(value: bytes, block: bytes, round_: int) -> None:
    key, pulse = key_of("sharer"), Pulse(round_, block)
    verifier = participant_id(Role.VERIFIER, key.address)
    names = {"verifier": verifier, "value": value.hex(), "salt": "ab" * 32, "time_ms": NOW_MS}
    bare = RevealedShare(**names, commit="0" * 64, signature="0x" + "0" * 130)
    said = sign_event(key, DOMAIN, said_of(bare, EPOCH, pulse).event, verifier, NOW_MS)
    share = bare.model_copy(update={"signature": said.signature})
    assert is_signed(share, EPOCH, pulse, DOMAIN)
    assert not is_signed(bare, EPOCH, pulse, DOMAIN)
    assert not is_signed(share, OTHER, pulse, DOMAIN)
    assert not is_signed(share, EPOCH, pulse._replace(round=round_ + 1), DOMAIN)
    assert not is_signed(share, EPOCH, pulse._replace(value=bytes(32)), DOMAIN) or block == bytes(32)
    assert not is_signed(share, EPOCH, pulse, replace(DOMAIN, chain_id=1))
    for change in ({"value": "cd" * 32}, {"salt": "cd" * 32}, {"time_ms": NOW_MS + 1}):
        assert not is_signed(share.model_copy(update=change), EPOCH, pulse, DOMAIN)
