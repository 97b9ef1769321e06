"""The forms in which a participant's feed travels."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.bus.feed import ANSWER_BYTES_MAX, FeedItem, replay_answer, replayed
from assay.bus.port import Message
from assay.schema.errors import Reject

HEADERS = st.dictionaries(st.sampled_from(["ce-id", "ce-type", "ce-signature"]), st.text())
ITEMS = st.builds(FeedItem, st.integers(1, 2**53), HEADERS, st.text().map(str.encode))


@given(st.lists(ITEMS, max_size=5))
def test_a_replay_gives_the_very_bytes_that_were_signed(items: list[FeedItem]) -> None:
    assert replayed(json.loads(json.dumps(replay_answer(items)))) == items


@given(ITEMS)
def test_a_push_gives_the_item(item: FeedItem) -> None:
    headers, data = item.push()
    assert FeedItem.of_push(Message("cmd.feed", headers, data)) == item


def test_a_replay_stops_before_it_outgrows_a_message() -> None:
    items = [FeedItem(n, {}, b"x" * (ANSWER_BYTES_MAX // 3)) for n in range(1, 6)]
    assert [item.seq for item in replayed(replay_answer(items))] == [1, 2, 3]
    large = FeedItem(1, {}, b"x" * (ANSWER_BYTES_MAX + 1))
    assert replayed(replay_answer([large, large])) == [large]


@pytest.mark.parametrize("headers", [{}, {"assay-feed-seq": "-1"}, {"assay-feed-seq": "one"}])
def test_a_message_without_a_number_is_no_push(headers: dict[str, str]) -> None:
    with pytest.raises(Reject):
        FeedItem.of_push(Message("cmd.feed", headers, b""))
