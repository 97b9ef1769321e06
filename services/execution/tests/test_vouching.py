"""A lease that serves goes as far as it is vouched for and a step further, whatever is said to it, whatever dies."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.played import DOMAIN

from assay.execution.serving import TAKING_MAX, Serving
from assay.execution.vouching import Unvouched, Vouchers
from assay.proof.keys import Key
from assay.proof.voucher import Stream, sign_voucher
from assay.schema.errors import Reject
from assay.schema.job import JobSpec
from assay.schema.lease import LeaseGranted
from assay.schema.served import UNVOUCHED, WORD, Beat, Piece, Request, Told, Vouched
from assay.schema.values import Role, participant_id
from assay.schema.voucher import VoucherPresented
from assay.store.journal import Journal
from assay.workloads.serve import ServeParams

KEY, PROVIDER, OTHER = (Key.from_hex(digit * 64) for digit in "123")
STEP, MOST, CALLER = 16, 10_000, "c" * 26
PARAMS = ServeParams(
    model="ab" * 32,
    caller=KEY.address,
    name="cd" * 32,
    segments=10,
    segment_requests=10,
    batch=4,
    max_tokens=100,
    step_tokens=STEP,
)
GRANTED = LeaseGranted(
    lease_id="l" + "a" * 26,
    job_id="j" + "a" * 26,
    provider=participant_id(Role.PROVIDER, PROVIDER.address),
    fence=1,
    requester=participant_id(Role.REQUESTER, KEY.address),
    offer_id="f" + "a" * 26,
    spec=JobSpec(kind="serve", params=PARAMS.model_dump(mode="json"), segments=10, segment_units=1_000),
    mega_unit_price=1,
    deadline_ms=2**50,
)
STREAM = Stream.of(GRANTED, GRANTED.requester)
REQUEST = Request(request_id="q" + "a" * 25, number=0, payload="{}", signature="0x" + "00" * 65)
WITHIN_S = 30.0


class Played:
    """The worker's parts around a lease that serves: its child, its outgoing statements, its talk."""

    def __init__(self, journal: Journal, patience_s: float = 60.0) -> None:
        self.allowed, self.said, self.heard = 0, list[VoucherPresented](), list[bytes]()
        self.vouchers = Vouchers(journal.vouchers, self, DOMAIN, patience_s)
        self.account = self.vouchers.account(GRANTED, PARAMS, 0)
        self.before = self.account.till.delivered
        self.serving = Serving(PARAMS.batch, PARAMS.waiting, self, self.account)

    is_open = True

    def ask(self, request: Any) -> None: ...

    def allow(self, tokens: int) -> None:
        self.allowed = tokens

    async def hear(self, on: Any) -> None: ...

    async def close(self) -> None: ...

    async def say(self, *said: Any) -> None:
        self.heard.append(said[0])

    async def asked(self, data: bytes) -> None:
        """Have it taken, and on the disk."""
        await self.serving.on_asked(CALLER, data)
        await asyncio.gather(*self.serving.taking)

    async def tell(self, tokens: int) -> None:
        pieces = (Piece(request_id="q" + "a" * 25, position=0, token=0, text=""),) * tokens
        await self.serving.tell(Told(pieces=pieces))


class Handed(Played):
    def say(self, event: Any) -> None:
        self.said.append(event)


def vouched(units: int, key: Key = KEY, stream: Stream = STREAM) -> bytes:
    voucher = sign_voucher(key, DOMAIN, stream, units)
    return Vouched(units=voucher.units, signature=voucher.signature).model_dump_json().encode()


FALSE: list[Callable[[int], bytes]] = [
    lambda units: vouched(units + 500, key=OTHER),
    lambda units: vouched(units + 500, stream=Stream("l" + "b" * 26, STREAM.requester, STREAM.provider)),
    lambda units: vouched(units + 500, stream=Stream(STREAM.lease_id, STREAM.requester, OTHER.address)),
    lambda units: vouched(units).replace(b'"units":', b'"units":9'),
    lambda units: b'{"said":"vouched","units":-5}',
]
MOVES = st.lists(
    st.tuples(st.sampled_from(["write", "vouch", "again", "false", "die", "present"]), st.integers(0, 20)), max_size=40
)


@settings(max_examples=25, deadline=None)
@given(moves=MOVES)
async def test_no_more_than_a_step_is_written_beyond_the_voucher_on_disk_and_the_highest_is_handed_in(
    tmp_path_factory: pytest.TempPathFactory, moves: list[tuple[str, int]]
) -> None:
    journal = Journal(tmp_path_factory.mktemp("journal") / "journal.sqlite")
    played, best, given_ = Handed(journal), 0, [vouched(1)]
    for move, size in moves:
        till = played.account.till
        if move == "write" and till.delivered - played.before + size <= played.allowed and size:
            await played.tell(size)
        elif move == "vouch" and till.delivered > best:
            best = till.delivered - size % 3 if till.delivered - size % 3 > best else till.delivered
            given_.append(vouched(best))
            await played.asked(given_[-1])
        elif move == "again":
            await played.asked(given_[size % len(given_)])
            best = max(best, 1) if size % len(given_) == 0 else best
        elif move == "false":
            await played.asked(FALSE[size % len(FALSE)](best + 1))
        elif move == "die":
            played = Handed(journal)
            assert played.account.till.delivered == best
        elif move == "present":
            played.vouchers.present(GRANTED)
            played.vouchers.present(GRANTED)
        kept = journal.vouchers.best(GRANTED.lease_id)
        assert (kept[0] if kept else 0) == best == played.account.till.vouched
        assert played.account.till.exposure <= STEP and played.before + played.allowed <= best + STEP
        assert len({each.units for each in played.said}) == len(played.said)
    played.vouchers.present(GRANTED)
    assert journal.vouchers.presented(GRANTED.lease_id) == best
    journal.close()


async def test_no_request_waits_for_a_vouchers_way_to_the_disk_and_no_token_is_let_before_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    played, written = Played(Journal(tmp_path / "journal.sqlite")), threading.Event()
    monkeypatch.setattr(played.vouchers.notes, "sync", lambda: written.wait(WITHIN_S))
    asked: list[Any] = []
    played.ask = asked.append
    async with asyncio.timeout(WITHIN_S):
        for units in range(1, 2 * TAKING_MAX):
            await played.serving.on_asked(CALLER, vouched(units))
        await played.serving.on_asked(CALLER, REQUEST.model_dump_json().encode())
        assert (asked, played.allowed) == ([REQUEST], STEP)
        # Of what comes meanwhile no more is kept than this: the beats tell the requester what is missing.
        assert len(played.serving.taking) == TAKING_MAX
        written.set()
        await asyncio.gather(*played.serving.taking)
    assert played.allowed == STEP + TAKING_MAX


async def test_a_child_that_says_more_than_it_was_let_is_not_passed_on(tmp_path: Path) -> None:
    played = Played(Journal(tmp_path / "journal.sqlite"))
    with pytest.raises(Reject):
        await played.tell(STEP + 1)
    assert played.heard == []


async def test_a_requester_that_stops_vouching_is_told_why_it_gets_no_more_and_then_loses_the_lease(
    tmp_path: Path,
) -> None:
    played = Played(Journal(tmp_path / "journal.sqlite"), patience_s=0.05)

    async def open_one() -> Any:
        return played

    await played.asked(REQUEST.model_dump_json().encode())
    await played.tell(STEP)
    with pytest.raises(Unvouched):
        await played.serving.run(open_one)
    beats = [word for data in played.heard if isinstance(word := WORD.validate_json(data), Beat)]
    assert {beat.code for beat in beats} == {UNVOUCHED}


async def test_what_is_not_closed_is_written_for_two_segments_at_most_however_much_is_vouched_for(
    tmp_path: Path,
) -> None:
    played = Played(Journal(tmp_path / "journal.sqlite"))
    await played.asked(vouched(MOST))
    assert played.allowed == 2_000
    played.serving.close()
    assert played.allowed == 3_000
