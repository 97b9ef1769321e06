"""Epochs and draws: the same for everybody, whatever the order; and who is asked about what was drawn."""

from collections import Counter
from dataclasses import replace
from operator import eq

import pytest
from hypothesis import given
from hypothesis import strategies as st
from services.verification.tests.samples import Work, announced, party

from assay.proof import epoch as proof
from assay.proof import policy
from assay.proof.digest import blake3_hex
from assay.proof.order import spec_digest
from assay.proof.pool import read_entries
from assay.schema.beacon import SHARES_MAX, BeaconShare
from assay.schema.epoch import DRAWN_MAX, ENTRIES_MAX, INLINE_MAX, EpochCommitted, EpochPooled
from assay.schema.event import EVENT_BYTES_MAX
from assay.schema.job import JobSpec
from assay.schema.values import BOND_PER_VERIFIER, NO_DIGEST, Policy, Requirements, derive_id
from assay.verification.domain import (
    Asked,
    Candidate,
    Closing,
    Part,
    Patience,
    Waiting,
    Want,
    choose,
    closing_of,
    count_of,
    draw_segments,
    is_doubled,
    is_twin_first,
    needed_of,
    nonce_of,
    part_of,
    pool,
    presses_ms,
)

WORKS = [Work(number, segments=3 + number) for number in range(3)]
PROVIDER = party("p", 1)
SECRET = b"s" * 32


@given(st.permutations([part_of(work.case()) for work in WORKS]))
def test_an_epoch_is_the_same_whatever_order_its_leases_come_in(parts: list[Part]) -> None:
    epoch, blob = pool(PROVIDER, 4, "ab" * 32, parts)
    assert (epoch, blob) == pool(PROVIDER, 4, "ab" * 32, parts[::-1]) and not blob
    assert (epoch.number, epoch.segments, epoch.units) == (4, 3 + 4 + 5, 120)
    assert epoch.root == proof.epoch_root([part.entry for part in parts]).root


def many(count: int) -> list[Part]:
    """The parts of so many leases."""
    root = part_of(WORKS[0].case()).entry.range_root
    ids = ((derive_id("l", n), derive_id("j", n)) for n in range(count))
    return [Part(proof.Entry(lease, 1, 0, 10_000, root, 2**40), job) for lease, job in ids]


def test_an_epoch_of_any_size_fits_an_event() -> None:
    shares = [BeaconShare(verifier=party("v", n), commit="ab" * 32) for n in range(SHARES_MAX)]
    full, _ = pool(PROVIDER, 2**50, NO_DIGEST, many(INLINE_MAX), shares)
    assert isinstance(full, EpochCommitted) and len(full.entries) == INLINE_MAX
    assert len(full.model_dump_json(exclude_defaults=True).encode()) <= EVENT_BYTES_MAX
    more, _ = pool(PROVIDER, 2**50, NO_DIGEST, many(INLINE_MAX + 1), shares)
    assert len(more.model_dump_json().encode()) <= 4_096


def test_the_entries_of_more_leases_than_an_event_holds_stand_in_a_blob_under_the_same_root() -> None:
    parts = many(INLINE_MAX + 1)
    closed, blob = pool(PROVIDER, 1, NO_DIGEST, parts)
    assert isinstance(closed, EpochPooled) and closed.entries == blake3_hex(blob)
    assert (closed.root, closed.units) == proof.epoch_root([part.entry for part in parts])
    read = read_entries(blob, closed).entries
    assert {(entry.lease_id, entry.job_id) for entry in read} == {(part.entry.lease_id, part.job_id) for part in parts}


@pytest.mark.parametrize(
    ("parts", "segments", "presses_ms", "closing"),
    [
        (1, 100, 90_000, Closing(51_000, "epoch.pooling")),
        (1, 9_999, 90_000, Closing(51_000, "epoch.pooling")),
        (1, 10_000, 90_000, Closing(11_000)),
        (1, 100, 30_000, Closing(30_000, "epoch.hastened")),
        (1, 100, 11_000, Closing(11_000)),
        (1, 100, 0, Closing(11_000)),
        (ENTRIES_MAX, 100, 90_000, Closing(1_000)),
    ],
    ids=["too few", "one too few", "enough", "pressed", "in haste", "late", "full"],
)
def test_an_epoch_stays_open_until_its_proof_is_cheap_or_a_job_presses_or_it_is_full(
    parts: int, segments: int, presses_ms: int, closing: Closing
) -> None:
    waiting = Waiting(PROVIDER, parts, 1_000, segments, 10_000, presses_ms)
    assert closing_of(waiting, Patience(10_000, 50_000)) == closing
    # Without more patience it closes as ever, whatever it holds.
    assert closing_of(waiting, Patience(10_000)) == Closing(1_000 if parts == ENTRIES_MAX else 11_000)


@given(st.integers(1, ENTRIES_MAX), st.integers(1, 40_000), st.integers(0, 10**6), *[st.integers(0, 10**6)] * 2)
def test_an_epoch_never_closes_before_its_least_time_nor_after_its_most(
    parts: int, segments: int, presses_ms: int, least_ms: int, more_ms: int
) -> None:
    waiting = Waiting(PROVIDER, parts, 7, segments, 10_000, presses_ms)
    closing = closing_of(waiting, Patience(least_ms, least_ms + more_ms))
    least = 7 if parts == ENTRIES_MAX else 7 + least_ms
    assert least <= closing.at_ms <= 7 + least_ms + more_ms
    assert (closing.code is not None) == (closing.at_ms > least)
    fuller = replace(waiting, segments=segments + 1_000)
    assert closing_of(fuller, Patience(least_ms, least_ms + more_ms)).at_ms <= closing.at_ms


def test_proof_is_cheap_with_as_many_segments_as_its_way_of_checking_and_its_providers_record_ask_for() -> None:
    newcomer, proven = (needed_of(WORKS[0].spec, passed) for passed in (0, 8))
    assert 9_000 < proven < 10_000 < newcomer < ENTRIES_MAX
    read = JobSpec(kind="generate", segments=1, segment_units=1)
    assert needed_of(read, 8) < proven
    for needed, is_cheap in ((proven, True), (proven - 1, False)):
        plan = policy.choose(policy.Terms(needed, pay=1, stake=2), policy.Reputation(8))
        assert plan.is_within_budget == is_cheap


def test_a_job_presses_at_once_in_haste_or_as_long_before_its_deadline_as_its_proof_takes() -> None:
    granted = WORKS[0].granted.model_copy(update={"deadline_ms": 100_000})
    hasty = granted.spec.model_copy(update={"policy": Policy(haste=True)})
    assert presses_ms(granted, 5_000, proof_ms=60_000) == 40_000
    assert presses_ms(granted, 50_000, proof_ms=60_000) == 50_000
    assert presses_ms(granted.model_copy(update={"spec": hasty}), 5_000, proof_ms=60_000) == 5_000


@given(st.binary(min_size=32, max_size=32), st.integers(1, 6), st.integers(1, 6))
def test_a_draw_takes_k_of_the_whole_and_of_a_job_as_many_as_it_asks_for(block: bytes, k: int, wants: int) -> None:
    ranges = {work.job_id: [proof.range_of(work.commits, spec_digest(work.spec))] for work in WORKS}
    asked = {WORKS[0].job_id: 2, WORKS[1].job_id: 1, WORKS[2].job_id: wants}
    terms = ("cd" * 32, PROVIDER, 1, ranges, asked, k)
    one, again = (draw_segments(9, block, *terms) for _ in range(2))
    assert one == again
    whole = proof.draw(one.seed, [range_ for each in ranges.values() for range_ in each], k)
    drawn = {(each.lease_id, each.segment) for each in one.segments}
    assert set(whole) <= drawn and len(drawn) == len(one.segments)
    beyond = drawn - set(whole)
    assert {lease_id for lease_id, _ in beyond} <= {WORKS[2].lease_id}
    of_job = sum(lease_id == WORKS[2].lease_id for lease_id, _ in drawn)
    assert of_job >= (min(wants, len(WORKS[2].commits)) if wants > 2 else 0)


def test_what_a_job_asks_for_besides_takes_no_place_of_the_epochs_own_draw() -> None:
    entries = [proof.Entry(derive_id("l", name), 1, 0, 600, "ab" * 32, 600) for name in ("one", "two")]
    first, last = sorted(entries, key=lambda entry: entry.lease_id)
    ranges = {name: [proof.Range(each, (), (1,) * 600)] for name, each in (("own", first), ("true", last))}
    draw = draw_segments(9, b"beacon" * 4, "cd" * 32, PROVIDER, 1, ranges, {"own": 512, "true": 0}, 100)
    whole = proof.draw(draw.seed, [*ranges["own"], *ranges["true"]], 100)
    drawn = {(each.lease_id, each.segment) for each in draw.segments}
    assert set(whole) <= drawn and len(drawn) == DRAWN_MAX
    assert any(lease_id == last.lease_id for lease_id, _ in drawn)


def test_a_newcomers_epoch_is_drawn_more_from_than_that_of_a_provider_with_a_record() -> None:
    newcomer, known = (count_of(1_000, passed) for passed in (0, 20))
    assert 1 <= known < newcomer <= 512
    assert count_of(3, 0) <= 3
    # A check that misses more draws more.
    read = JobSpec(kind="generate", segments=1, segment_units=1)
    assert count_of(1_000, 20, [WORKS[0].spec]) == known < count_of(1_000, 20, [WORKS[0].spec, read])


def test_the_order_decides_by_which_method_its_work_is_counted_whatever_others_of_its_kind_ask() -> None:
    plain = JobSpec(kind="finetune", segments=1, segment_units=1)
    traced = plain.model_copy(update={"policy": Policy(method="trace")})
    alone, with_trace = (count_of(20_000, 20, [spec]) for spec in (plain, traced))
    assert alone < with_trace
    assert count_of(20_000, 20, [plain, traced]) == count_of(20_000, 20, [traced, plain]) == with_trace


def want(number: int = 1, *asked: Asked, secret: bytes = SECRET) -> Want:
    parties = (PROVIDER, party("r", 100))
    return Want(derive_id("q", number), "ef" * 32, secret, WORKS[0].spec, parties, asked)


def candidate(number: int, network: str = "", **changes: int) -> Candidate:
    fields = {"bond": BOND_PER_VERIFIER} | changes
    return Candidate(announced(number, network=network), **fields)


def test_nobody_who_is_a_party_unbonded_busy_or_gone_is_asked_and_the_reasons_are_told() -> None:
    own, poor, busy = candidate(1), candidate(2, bond=BOND_PER_VERIFIER - 1), candidate(3, in_hand=1)
    gone = Candidate(announced(4, expires_ms=10), BOND_PER_VERIFIER)
    tired, asked = candidate(5, rests_until_ms=99), candidate(6)
    takes = announced(7).model_copy(update={"input_bytes": 2**30})
    here = [own, poor, busy, gone, tired, asked, Candidate(takes, BOND_PER_VERIFIER)]
    wanted = want(1, Asked(asked.verifier, "x"))
    large = wanted.spec.model_copy(update={"requirements": Requirements(input_bytes=2**30 + 1)})
    assert choose(replace(wanted, spec=large), here, 50) == {
        "verifier.large_inputs": 1,
        "verifier.party": 1,
        "verifier.unbonded": 1,
        "verifier.busy": 1,
        "verifier.expired": 1,
        "verifier.resting": 1,
        "verifier.asked": 1,
    }
    assert choose(want(), [], 50) == {"verifier.none": 1}


def test_the_seed_alone_draws_the_verifier_and_over_many_questions_each_has_its_turn() -> None:
    here = [candidate(number) for number in range(10, 15)]
    chosen = [choose(want(number), here, 0) for number in range(400)]
    assert chosen == [choose(want(number, secret=b"t" * 32), here[::-1], 0) for number in range(400)]
    counts = Counter(each.verifier for each in chosen if isinstance(each, Candidate))
    assert len(counts) == 5 and min(counts.values()) > 40


def test_who_is_asked_after_the_first_cannot_be_told_without_the_secret() -> None:
    here, first = [candidate(number) for number in range(10, 15)], Asked(party("v", 9), "x")
    ours, guessed = (
        [choose(want(number, first, secret=secret), here, 0) for number in range(100)] for secret in (SECRET, b"t" * 32)
    )
    assert sum(map(eq, ours, guessed)) < 40


def test_a_network_that_was_not_asked_yet_comes_first_between_the_two_best_alone() -> None:
    def share(others: int) -> int:
        here = [candidate(10 + number, network="one") for number in range(others)] + [candidate(30, network="two")]
        chosen = [choose(want(number, Asked(party("v", 9), "one")), here, 0) for number in range(200)]
        return [each.announced.network for each in chosen if isinstance(each, Candidate)].count("two")

    assert (share(1), share(9) < 80) == (200, True)


def test_who_was_asked_beside_or_in_vain_is_asked_where_nobody_else_is_free() -> None:
    fresh, beside, vain = (candidate(number) for number in (10, 11, 12))
    for number in range(20):
        plain = want(number, Asked(vain.verifier, "x", in_vain=True))
        asking = replace(plain, neighbours=frozenset({beside.verifier}))
        here = [vain, beside, fresh]
        assert [choose(asking, here[: size + 1], 0) for size in range(3)] == here
    assert choose(want(1, Asked(vain.verifier, "x")), [vain], 0) == {"verifier.asked": 1}


def test_nonces_are_apart_and_the_planted_are_the_share_that_was_set() -> None:
    ids = [derive_id("q", number) for number in range(4_000)]
    assert len({nonce_of(SECRET, audit_id) for audit_id in ids}) == len(ids)
    twins = [question_id for question_id in ids if is_doubled(SECRET, "ab" * 32, question_id, 200_000)]
    assert 0.18 < len(twins) / (len(twins) + len(ids)) < 0.22
    # Of all that goes to the first, as of all that goes to a second, the same share is planted.
    first = sum(is_twin_first(SECRET, "ab" * 32, question_id, 200_000) for question_id in twins)
    assert 0.18 < first / len(ids) < 0.22 and 0.17 < 1 - first / len(twins) < 0.23
    assert not any(is_doubled(SECRET, "ab" * 32, question_id, 0) for question_id in ids[:100])
