"""What keeps a job waiting, in words that a requester can act on."""

import pytest

from assay.gateway.why import waiting_for

GONE = "workload.model_missing: it has no such model."


@pytest.mark.parametrize(
    ("waiting", "interrupted", "words"),
    [
        ({}, None, ""),
        ({"offers.none": 0}, None, " No offer is left for it."),
        ({"offers.none": 0}, GONE, f" The last one stopped: {GONE} No offer is left for it."),
        ({"price.above_limit": 2, "offers.none": 0}, None, " Offers kept out: 2 by price.above_limit."),
    ],
)
def test_a_reason_that_keeps_no_offer_out_is_not_counted(
    waiting: dict[str, int], interrupted: str | None, words: str
) -> None:
    assert waiting_for({"waiting": waiting, "interrupted": interrupted}) == words
