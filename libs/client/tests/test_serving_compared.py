"""What a provider said beside what it commits to, and replicas that cannot be had."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st
from libs.client.tests.test_serving import KEY, NAME, WITHIN_S, payer_of

from assay.client.serving import keeping
from assay.client.serving.comparing import BREAKS_MAX, FalseAnswer
from assay.client.serving.fleet import Fleet
from assay.client.serving.keeping import Keeper, Terms
from assay.client.serving.payer import Payer
from assay.client.serving.replica import Replica
from assay.client.view import JobView
from assay.schema.errors import Refused
from assay.schema.served import Piece

LEASE = "l" + "a" * 26


def checkpoint_of(*segments: Sequence[dict[str, Any]]) -> bytes:
    """A checkpoint whose segments have these lines."""
    sized = [b"".join(json.dumps(line).encode() + b"\n" for line in segment) for segment in segments]
    parts = [len(lines).to_bytes(4, "little") + lines + blake3(b"").digest() for lines in sized]
    return b"assay.generated1" + bytes(32) + len(sized).to_bytes(4, "little") + b"".join(parts) + bytes(4)


def line_of(number: int, text: str, tokens: int, finish: str = "length") -> dict[str, Any]:
    return {"number": number, "completion": text, "tokens": tokens, "finish": finish}


def say(payer: Payer, request_id: str, text: str, first: int = 0, is_ended: bool = True) -> None:
    """Have the letters of a text be the tokens of an answer."""
    for position, letter in enumerate(text, first):
        finish: Any = "length" if is_ended and position + 1 == first + len(text) else ""
        payer.receive([Piece(request_id=request_id, position=position, token=1, text=letter, finish=finish)])


def asked(number: int = 0, before: str = "") -> tuple[Payer, str]:
    payer, request_id = payer_of(LEASE), "a" * 26
    payer.ask(request_id, number, list(before), 32)
    return payer, request_id


@given(st.text("abc", min_size=1, max_size=9), st.text("abc", max_size=9), st.text("abc", min_size=1, max_size=9))
def test_an_answer_is_found_in_what_was_committed_exactly_if_it_is_the_same(said: str, before: str, made: str) -> None:
    payer, request_id = asked(before=before)
    say(payer, request_id, said, len(before))
    checkpoint = checkpoint_of([line_of(0, made, len(made))])
    if made == before + said:
        payer.compare(checkpoint)
        assert payer.words.heard == {} and payer.vouch()
    else:
        with pytest.raises(FalseAnswer, match="request 0"):
            payer.compare(checkpoint)
        assert payer.vouch() is None and not payer.owes


def test_an_answer_whose_end_was_not_heard_yet_may_be_longer_but_no_shorter_and_the_rest_is_not_owed() -> None:
    for made, is_so in (("abcd", True), ("abc", True), ("ab", False), ("abx", False)):
        payer, request_id = asked()
        say(payer, request_id, "abc", is_ended=False)
        if is_so:
            payer.compare(checkpoint_of([line_of(0, made, len(made))]))
            say(payer, request_id, "junk", first=3)
            assert payer.purse.received == 3
        else:
            with pytest.raises(FalseAnswer):
                payer.compare(checkpoint_of([line_of(0, made, len(made))]))


def test_a_gap_hides_the_text_behind_it_but_not_how_many_tokens_were_said() -> None:
    payer, request_id = asked()
    say(payer, request_id, "ab", is_ended=False)
    say(payer, request_id, "zz", first=4)
    payer.compare(checkpoint_of([line_of(0, "abcdef", 6)]))
    payer, request_id = asked()
    say(payer, request_id, "ab", is_ended=False)
    say(payer, request_id, "zzzz", first=4)
    with pytest.raises(FalseAnswer):
        payer.compare(checkpoint_of([line_of(0, "abcde", 5)]))


def test_a_number_that_was_turned_away_counts_for_who_was_answered() -> None:
    payer, first = asked()
    payer.turn(first)
    payer.ask("b" * 26, 0, [], 32)
    payer.ask("c" * 26, 0, ["other"], 32)
    say(payer, "b" * 26, "yes")
    payer.compare(checkpoint_of([line_of(0, "yes", 3)]))
    assert payer.words.heard == {}


def test_each_segment_is_looked_through_once_and_later_ones_are_waited_for() -> None:
    payer, request_id = asked(number=2)
    say(payer, request_id, "yes")
    payer.compare(checkpoint_of([line_of(0, "x", 1), line_of(1, "y", 1)]))
    assert payer.words.heard
    payer.compare(checkpoint_of([line_of(0, "x", 1), line_of(1, "y", 1)], [line_of(2, "yes", 3)]))
    assert payer.words.heard == {} and payer.words.closed == 2


def test_a_provider_that_died_may_answer_anew_but_not_for_ever() -> None:
    payer = payer_of(LEASE)
    for number in range(BREAKS_MAX + 1):
        request_id = "abcdefghijklmnopqrstuvwxyz234567"[number] * 26
        payer.ask(request_id, number, [], 32)
        say(payer, request_id, "first")
        payer.words.loosen()
        committed = checkpoint_of(*([line_of(n, "then", 4)] for n in range(number + 1)))
        if number < BREAKS_MAX:
            payer.compare(committed)
    with pytest.raises(FalseAnswer):
        payer.compare(committed)


@pytest.mark.parametrize("junk", [b"", b"assay.generated1" + b"\xff" * 36, checkpoint_of([{}])])
def test_a_checkpoint_that_is_none_is_no_answer(junk: bytes) -> None:
    payer, request_id = asked()
    say(payer, request_id, "yes")
    with pytest.raises(FalseAnswer, match="no answer"):
        payer.compare(junk)


class Market:
    """A network in which every job ends before a word of it is heard; or that refuses every one."""

    key, domain = KEY, None

    def __init__(self, refusal: Refused | None) -> None:
        self.refusal, self.orders = refusal, 0

    async def submit(self, *order: Any, **how: Any) -> str:
        self.orders += 1
        if self.refusal:
            raise self.refusal
        return f"j{self.orders}"

    async def job(self, job_id: str) -> JobView:
        told = {"requester": "r", "kind": "serve", "price_limit": 1, "segments": 1, "submitted_ms": 0, "deadline_ms": 0}
        return JobView(job_id=job_id, state="refunded", reason="model.missing: it is nowhere.", **told)


@pytest.mark.parametrize("refusal", [None, Refused("blob.missing", "it is nowhere.")])
async def test_a_fleet_of_which_no_replica_can_be_had_says_why(
    refusal: Refused | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "LOOK_S", 0.0)
    monkeypatch.setattr(keeping, "AGAIN_S", 0.0)
    replica, market = Replica(NAME, KEY, "c" * 26), Market(refusal)
    fleet: Any = Fleet([replica])
    keeper = Keeper(market, "", Terms({"step_tokens": 8}, 1, 60), fleet, replica)
    monkeypatch.setattr(keeper, "_lease", lambda: asyncio.sleep(0))
    running = asyncio.create_task(keeper.run())
    async with asyncio.timeout(WITHIN_S):
        await fleet.failed.wait()
    running.cancel()
    assert "it is nowhere." in replica.failure and market.orders == keeping.TRIES_MAX + 1
