"""How records are cut into batches."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.bus.batches import BATCH_BYTES_MAX, BATCH_MESSAGES_MAX, batch_headers, cut, stream_name_of
from assay.bus.port import Record
from assay.schema.errors import Reject
from assay.schema.streams import STREAMS

ENTITIES = [entity for stream in STREAMS for entity in stream.entities]
RECORDS = st.lists(
    st.builds(
        lambda number, entity, size: Record(f"e{number}", f"assay.{entity}.said.a.{number}", {}, bytes(size)),
        st.integers(0, 40),
        st.sampled_from(ENTITIES),
        st.sampled_from([0, 10, BATCH_BYTES_MAX // 3]),
    ),
    max_size=30,
)


@given(RECORDS)
def test_every_record_is_in_one_batch_of_its_stream_in_order(records: list[Record]) -> None:
    batches = list(cut(records))
    for batch in batches:
        assert len({stream_name_of(record.subject) for record in batch}) == 1
        assert sum(len(record.data) for record in batch) <= BATCH_BYTES_MAX
    for stream in STREAMS:
        ours = [r for batch in batches for r in batch if stream_name_of(r.subject) == stream.name]
        theirs = {r.id: r for r in reversed(records) if stream_name_of(r.subject) == stream.name}
        assert {r.id for r in ours} == set(theirs)
        firsts = [next(at for at, r in enumerate(records) if r is one) for one in ours]
        assert firsts == sorted(firsts)


@given(st.integers(0, 3 * BATCH_MESSAGES_MAX))
def test_no_batch_is_longer_than_the_server_takes(count: int) -> None:
    records = [Record(f"e{n}", "assay.job.submitted.r1.j1", {}, b"") for n in range(count)]
    sizes = [len(batch) for batch in cut(records)]
    assert sum(sizes) == count
    assert all(0 < size <= BATCH_MESSAGES_MAX for size in sizes)


def test_the_last_of_a_batch_commits_it() -> None:
    record = Record("e1", "assay.job.submitted.r1.j1", {"ce-id": "e1"}, b"")
    first, last = batch_headers(record, "b", 1, 2), batch_headers(record, "b", 2, 2)
    assert first == {"ce-id": "e1", "Nats-Msg-Id": "e1", "Nats-Batch-Id": "b", "Nats-Batch-Sequence": "1"}
    assert last == {**first, "Nats-Batch-Sequence": "2", "Nats-Batch-Commit": "1"}


@pytest.mark.parametrize("subject", ["", "assay", "assay.beat.p1", "job.submitted"])
def test_a_subject_outside_of_the_streams_is_rejected(subject: str) -> None:
    with pytest.raises(Reject):
        stream_name_of(subject)
