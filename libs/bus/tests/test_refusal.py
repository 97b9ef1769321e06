"""Typed errors on their way across the bus."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.bus.refusal import HEADER, raise_refusal, refuse
from assay.schema.errors import REFUSALS, Refused, Reject, Retry


@given(st.sampled_from(sorted(REFUSALS)), st.text(), st.none() | st.floats(0, 1e6))
def test_a_refusal_arrives_as_it_was_raised(code: str, detail: str, after_s: float | None) -> None:
    with pytest.raises(Refused) as arrived:
        raise_refusal(*refuse(Refused(code, detail, retry_after_s=after_s)))
    assert (arrived.value.code, arrived.value.detail) == (code, detail)
    assert arrived.value.fields["retry_after_s"] == after_s


def test_a_retry_arrives_with_its_delay() -> None:
    with pytest.raises(Retry) as arrived:
        raise_refusal(*refuse(Retry("Wait.", 7.5)))
    assert (arrived.value.detail, arrived.value.delay_s) == ("Wait.", 7.5)


def test_an_unknown_code_is_still_an_error() -> None:
    class Newer(Reject):
        code = "job.from_the_future"
        advice = "Update."

    with pytest.raises(Reject, match=r"job\.from_the_future: Why\. Update\."):
        raise_refusal(*refuse(Newer("Why.")))


def test_an_answer_that_only_claims_to_be_a_refusal_is_an_error() -> None:
    with pytest.raises(Reject, match=r"job\.over"):
        raise_refusal({HEADER: "job.over"}, b"{}")


def test_an_answer_is_no_refusal() -> None:
    raise_refusal({"ce-id": "e1"}, b'{"code": "job.over"}')
