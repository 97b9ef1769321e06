"""Great epochs: many leaves proven at once, and receipts that stay small however many leases were pooled."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st
from libs.proof.tests.test_epoch import follows
from libs.proof.tests.test_provenance import entry_of, epoch_over, neighbour, parts_at, places, pooled_verdict
from libs.proof.tests.test_report import compose_from, faults_of, reseal

from assay.proof import epoch, merkle_sum, seal, verify
from assay.proof.digest import blake3_hex
from assay.proof.dsse import open_envelope
from assay.proof.merkle_sum import Leaf, Node
from assay.proof.merkle_sum_many import SumTree, starts_of
from assay.proof.pool import Pool, SegmentPlace, jobs_of, plain, read_entries, read_nodes, write_entries, write_nodes
from assay.proof.report_pools import pooled_by_places
from assay.schema.epoch import EpochPooled
from assay.schema.errors import Reject
from assay.schema.values import NO_DIGEST, Role, derive_id, participant_id

PROVIDER = participant_id(Role.PROVIDER, "0x" + "01" * 20)
OTHERS, K = 300, 40


@st.composite
def trees(draw: st.DrawFn) -> tuple[list[Leaf], set[int]]:
    """Some leaves with their costs, and which of them are shown."""
    costs = draw(st.lists(st.integers(1, 10**6), min_size=1, max_size=70))
    leaves = [(blake3(bytes([at])).digest(), cost) for at, cost in enumerate(costs)]
    return leaves, draw(st.sets(st.integers(0, len(leaves) - 1), min_size=1, max_size=9))


@given(trees())
def test_leaves_proven_at_once_begin_where_each_proven_alone_does(tree: tuple[list[Leaf], set[int]]) -> None:
    leaves, shown = tree
    made = SumTree(leaves)
    assert made.root == merkle_sum.root(leaves)
    lacking = made.prove(shown)
    starts = starts_of(made.root, len(leaves), {at: leaves[at] for at in shown}, lacking)
    assert starts == {at: merkle_sum.prove(leaves, at).start for at in shown}
    assert len(lacking) <= sum(len(merkle_sum.prove(leaves, at).path) for at in shown)
    assert read_nodes(write_nodes(lacking)) == lacking


LIES: dict[str, Callable[[dict[int, Leaf], list[Node], int], None]] = {
    "leaf": lambda leaves, _, at: leaves.update({at: (bytes(32), leaves[at][1])}),
    "cost": lambda leaves, _, at: leaves.update({at: (leaves[at][0], leaves[at][1] + 1)}),
    "place": lambda leaves, _, at: leaves.update({at + 1: leaves.pop(at)}),
    "node": lambda _, nodes, at: nodes.__setitem__(at % len(nodes), Node(bytes(32), nodes[at % len(nodes)].cost)),
    "sum": lambda _, nodes, at: nodes.__setitem__(
        at % len(nodes), Node(nodes[at % len(nodes)].hash, nodes[at % len(nodes)].cost + 1)
    ),
    "too few": lambda _, nodes, at: nodes.pop() and None,
    "too many": lambda _, nodes, at: nodes.append(nodes[0]),
}


@pytest.mark.parametrize("lie", LIES)
@given(tree=trees())
def test_nothing_else_is_proven_under_the_root(lie: str, tree: tuple[list[Leaf], set[int]]) -> None:
    leaves, shown = tree
    made, at = SumTree(leaves), max(shown)
    claimed, lacking = {place: leaves[place] for place in shown}, list(made.prove(shown))
    if lacking:
        LIES[lie](claimed, lacking, at)
        assert starts_of(made.root, len(leaves), claimed, lacking) is None


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=4), min_size=2, max_size=40), st.integers(1, 30))
def test_a_draw_is_repeated_from_what_is_shown_alone_however_many_leases_there_are(
    costs: list[list[int]], k: int
) -> None:
    ranges = epoch.in_order([neighbour(str(at), tuple(each)) for at, each in enumerate(costs)])
    pool = Pool(tuple(entry_of(derive_id("j", "another"), each.entry) for each in ranges))
    assert pool.tree.root == epoch.epoch_root([each.entry for each in ranges])
    seed = epoch.seed(b"\1" * 32, pool.tree.root.root, PROVIDER, 7)
    drawn = epoch.draw(seed, ranges, k)
    by_lease = {each.entry.lease_id: each for each in ranges}
    shown = pool.show({lease for lease, _ in drawn})
    assert [plain(entry) for entry in shown.entries] == [by_lease[e.lease_id].entry for e in shown.entries]
    proven = starts_of(
        pool.tree.root,
        len(ranges),
        {place: (epoch.entry_leaf(plain(e)), e.units) for place, e in zip(shown.places, shown.entries, strict=True)},
        shown.nodes,
    )
    assert proven is not None
    line = {which: (start, cost) for which, start, cost in epoch.starts(ranges)}
    for lease, segment in drawn:
        place, entry = SegmentPlace.of(by_lease[lease], segment), by_lease[lease].entry
        inclusion = place.in_entry(entry)
        assert epoch.verify_segment(entry, segment, bytes.fromhex(place.leaf), place.cost, inclusion)
        assert (proven[pool.place_of[lease]] + inclusion.start, place.cost) == line[lease, segment]
    assert follows(seed, pool.tree.root.total, [line[each] for each in drawn])


def test_the_blob_of_an_epochs_entries_is_read_only_if_they_stand_under_its_root() -> None:
    entries = tuple(entry_of(derive_id("j", "another"), neighbour(str(at)).entry) for at in range(300))
    pool = Pool(tuple(sorted(entries, key=lambda entry: entry.lease_id)))
    blob, root = write_entries(pool.entries), pool.tree.root
    names = {"epoch_id": derive_id("x", 1), "provider": PROVIDER, "number": 1, "previous": NO_DIGEST}
    sums = {"root": root.root, "units": root.total, "segments": 900, "size": 300}
    closed = EpochPooled(**names, **sums, entries=blake3_hex(blob))
    assert read_entries(blob, closed).entries == pool.entries
    other = write_entries((*pool.entries[:-1], pool.entries[-1].model_copy(update={"fence": 8})))
    assert jobs_of(blob, closed) == {derive_id("j", "another")}
    with pytest.raises(Reject):
        jobs_of(blob[:-1], closed)
    for wrong in (blob[:-1], b"[]", write_entries(pool.entries[:-1]), other):
        with pytest.raises(Reject):
            read_entries(wrong, closed)


@pytest.fixture(scope="session")
def great(lineage: Any) -> str:
    """The receipt of a job whose leases stand in two epochs of many, most of one segment."""
    commits = [[s.event for s in said if hasattr(s.event, "commitment")] for _, said in lineage.leases]
    others = [neighbour(f"great {at}", (1_000,) * (1 + 2 * (at % 9 == 0))) for at in range(OTHERS)]
    epochs = [epoch_over(each, number, K, others) for number, each in enumerate(commits, start=1)]
    verdicts = [pooled_verdict(*parts) for parts in zip(lineage.verdicts, commits, epochs, strict=True)]
    return seal(compose_from(lineage, verdicts=verdicts, epochs=epochs), lineage.operator)


def test_a_receipt_of_work_among_many_leases_holds_and_shows_few_of_them(great: str, lineage: Any) -> None:
    report = verify(great, lineage.operator.address)
    assert report.passed, report.faults
    parts = json.loads(open_envelope(great).payload)["predicate"]["epochs"]
    for part in parts:
        assert part["pool"]["size"] == OTHERS + 1 and len(part["entries"]) <= K + 1
        assert part["pool"]["segments"], "none of a longer lease was drawn"


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_a_flipped_bit_of_a_great_epochs_receipt_is_named_by_the_part_it_lies_in(
    great: str, data: st.DataObject
) -> None:
    place = data.draw(st.integers(0, len(great) - 1))
    flipped = chr(ord(great[place]) ^ (1 << data.draw(st.integers(0, 6))))
    found = places(verify(great[:place] + flipped + great[place + 1 :]))
    assert found and found <= parts_at(great, place)


def changed(name: str, value: Any) -> Callable[[Any], Any]:
    return lambda pool: pool | {name: value(pool[name])}


@pytest.mark.parametrize(
    ("lie", "fault"),
    [
        (changed("size", lambda size: size + 1), "root"),
        (changed("places", lambda places_: [places_[1], places_[0], *places_[2:]]), "root"),
        (changed("places", lambda places_: places_[:-1]), "root"),
        (changed("nodes", lambda nodes: nodes[:79] + ("0" if nodes[79] != "0" else "1") + nodes[80:]), "root"),
        (changed("nodes", lambda nodes: nodes[80:]), "root"),
        (changed("segments", lambda segments: segments[1:]), "draw"),
        (changed("segments", lambda segments: [segments[0] | {"cost": 999}, *segments[1:]]), "draw"),
        (changed("segments", lambda segments: [segments[0] | {"leaf": "0" * 64}, *segments[1:]]), "draw"),
        (lambda _: None, "root"),
    ],
)
def test_an_operator_that_lies_about_a_great_epoch_is_found_out(
    great: str, lineage: Any, lie: Callable[[Any], Any], fault: str
) -> None:
    pool = json.loads(open_envelope(great).payload)["predicate"]["epochs"][0]["pool"]
    report = reseal(great, lineage.operator, "predicate", "epochs", 0, "pool", value=lie(pool))
    assert fault in {name.rpartition(": ")[2] for name in faults_of(report)}, report.faults


def test_two_leases_cannot_stand_for_one_place(great: str, lineage: Any) -> None:
    commits = [s.event for s in lineage.leases[0][1] if hasattr(s.event, "commitment")]
    part = epoch_over(commits, 1, 5, [neighbour(f"great {at}", (1_000,)) for at in range(OTHERS)])
    assert part.pool is not None and pooled_by_places(part, [])
    doubled = part.model_copy(update={"entries": (part.entries[0], *part.entries[:-1])})
    with pytest.raises(Reject):
        pooled_by_places(doubled, [])
