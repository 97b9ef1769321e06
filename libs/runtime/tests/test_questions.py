"""Questions to a service: what is no question is refused by a typed error."""

import json
from typing import Any

import pytest

from assay.bus.refusal import HEADER
from assay.runtime.questions import answer


async def echo(_: Any, body: dict[str, Any]) -> dict[str, Any]:
    return body


@pytest.mark.parametrize("body", [b"[" * 100_000, b"{", b"[]", b"\xff", b"1"])
async def test_what_is_no_object_is_malformed(body: bytes) -> None:
    headers, _ = await answer(None, echo, body)
    assert headers == {HEADER: "event.malformed"}


async def test_a_question_without_a_body_has_an_empty_one() -> None:
    assert await answer(None, echo, b"") == ({}, json.dumps({}).encode())
