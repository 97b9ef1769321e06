"""The door of a participant, against a gateway that is written down here, in both forms of the bus."""

import asyncio
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from assay.bus import Bus, Door, Message, Record
from assay.bus.blob_door import give_part, take_part
from assay.bus.feed import FeedItem, replay_answer
from assay.bus.parts import PART_BYTES, offsets
from assay.proof.digest import blob_digest
from assay.schema import Envelope, decode
from assay.schema.errors import Refused, Unreachable
from assay.schema.offer import OfferWithdrawn

Access = tuple[Bus, Door, str]
WITHIN_S = 60.0
PROVIDER = "p" + "a" * 32
DATA = random.Random(3).randbytes(3 * PART_BYTES + 5)
EVENT = OfferWithdrawn(offer_id="f" + "b" * 26, provider=PROVIDER)
ENVELOPE = Envelope.wrap(EVENT, PROVIDER, 1_700_000_000_000)


async def serve_blobs(core: Bus, account: str) -> None:
    async def up(message: Message) -> bytes:
        return await take_part(core.blobs, account, message.subject.rsplit(".", 1)[1], message)

    async def down(message: Message):
        return await give_part(core.blobs, account, json.loads(message.data), True)

    await core.serve(f"ingest.{account}.blob.*", up)
    await core.serve(f"ask.{account}.blob", down)


async def test_what_is_told_reaches_the_gateway_under_the_accounts_token(core_and_door: Access) -> None:
    core, door, account = core_and_door
    taken: list[Message] = []

    async def ingest(message: Message) -> bytes:
        taken.append(message)
        return b""

    await core.serve("ingest.*.>", ingest)
    await door.tell(ENVELOPE)
    assert taken[0].subject == f"ingest.{account}.offer.withdrawn.{EVENT.offer_id}"
    assert decode(taken[0].headers, taken[0].data) == ENVELOPE


async def test_a_refusal_is_told_to_who_was_refused(core_and_door: Access) -> None:
    core, door, _ = core_and_door

    async def ingest(message: Message) -> bytes:
        raise Refused("speaker.revoked", "Since yesterday.")

    await core.serve("ingest.*.>", ingest)
    with pytest.raises(Refused, match=r"speaker\.revoked: Since yesterday"):
        await door.tell(ENVELOPE)


async def test_what_was_taken_before_is_told(core_and_door: Access) -> None:
    core, door, _ = core_and_door
    asked: list[str] = []

    async def ingest(message: Message) -> bytes:
        asked.append(message.headers["ce-id"])
        raise Refused("event.replayed")

    await core.serve("ingest.*.>", ingest)
    await door.tell(ENVELOPE)
    assert asked == [ENVELOPE.id]


async def test_without_a_gateway_nothing_counts_as_told(core_and_door: Access) -> None:
    _, door, _ = core_and_door
    with pytest.raises(Unreachable):
        await door.tell(ENVELOPE)


async def test_a_question_reaches_the_gateway(core_and_door: Access) -> None:
    core, door, account = core_and_door

    async def answer(message: Message) -> bytes:
        return json.dumps({"subject": message.subject, **json.loads(message.data)}).encode()

    await core.serve("ask.*.>", answer)
    assert await door.ask("job", {"job_id": "j1"}) == {"subject": f"ask.{account}.job", "job_id": "j1"}


async def test_a_beat_reaches_the_gateway(core_and_door: Access) -> None:
    core, door, account = core_and_door
    heard: asyncio.Queue[Message] = asyncio.Queue()
    await core.listen("ingest.*.beat", heard.put)
    await door.beat(b"{}")
    async with asyncio.timeout(WITHIN_S):
        assert (await heard.get()).subject == f"ingest.{account}.beat"


async def test_the_feed_is_pushed_and_replayed_alike(core_and_door: Access) -> None:
    core, door, account = core_and_door
    items = [FeedItem(n, {"ce-id": f"e{n}", "ce-type": "assay.lease.granted"}, f'{{"ü":{n}}}'.encode()) for n in (1, 2)]
    pushed: asyncio.Queue[FeedItem] = asyncio.Queue()

    async def replay(message: Message) -> bytes:
        asked = json.loads(message.data)
        return json.dumps(replay_answer([item for item in items if item.seq > asked["after"]])).encode()

    await core.serve(f"ask.{account}.replay", replay)
    await door.feed(pushed.put)
    for item in items:
        headers, data = item.push()
        await core.say(f"cmd.{account}.feed", data, headers)
    async with asyncio.timeout(WITHIN_S):
        assert [await pushed.get(), await pushed.get()] == items
    assert await door.replay(0) == items
    assert await door.replay(1) == items[1:]
    assert await door.replay(2) == []


async def test_public_events_are_heard_live(core_and_door: Access, records: Callable[..., list[Record]]) -> None:
    core, door, _ = core_and_door
    events = door.events("assay.job.submitted.*.*")
    first = asyncio.create_task(anext(events))
    async with asyncio.timeout(WITHIN_S):
        n = 0
        # The subscription begins with the iteration, at a moment that only the event itself shows.
        while not first.done():
            n += 1
            await core.publish(records(n, first=n))
            await asyncio.wait({first}, timeout=0.05)
    assert (await first).subject.startswith("assay.job.submitted.r1.")
    await events.aclose()


@pytest.mark.parametrize("size", [0, 100, PART_BYTES, len(DATA)])
async def test_a_blob_goes_up_and_comes_down(core_and_door: Access, size: int) -> None:
    core, door, account = core_and_door
    await serve_blobs(core, account)
    digest = await door.blobs.put(DATA[:size])
    assert await core.blobs.get(digest) == DATA[:size]
    assert await door.blobs.get(digest) == DATA[:size]
    assert await door.blobs.has(digest)
    assert await door.blobs.size(digest) == size
    assert await door.blobs.put(DATA[:size]) == digest


async def test_a_broken_upload_goes_on_where_it_ended(core_and_door: Access) -> None:
    core, door, account = core_and_door
    digest = blob_digest(DATA)
    first, second, third, last = offsets(len(DATA))
    for offset in (first, third):
        await core.blobs.write(digest, offset, len(DATA), DATA[offset : offset + PART_BYTES], account)
    sent: list[int] = []

    async def up(message: Message):
        sent.append(int(message.headers["blob-offset"]))
        return await take_part(core.blobs, account, digest, message)

    async def down(message: Message):
        return await give_part(core.blobs, account, json.loads(message.data), True)

    await core.serve(f"ingest.{account}.blob.*", up)
    await core.serve(f"ask.{account}.blob", down)
    assert await door.blobs.put(DATA) == digest
    assert sent == [second, last]


async def test_a_broken_download_goes_on_where_it_ended(core_and_door: Access, tmp_path: Path) -> None:
    core, door, account = core_and_door
    digest, asked, file = await core.blobs.put(DATA), list[int](), tmp_path / "file"

    async def down(message: Message):
        body = json.loads(message.data)
        asked.append(body["offset"])
        return await give_part(core.blobs, account, body, True)

    await core.serve(f"ask.{account}.blob", down)
    file.write_bytes(DATA[: 2 * PART_BYTES + 9])
    await door.blobs.save(digest, file)
    assert file.read_bytes() == DATA and asked == [PART_BYTES, 2 * PART_BYTES, 3 * PART_BYTES]
    # Of a beginning that is something else nothing is kept.
    file.write_bytes(bytes(3 * PART_BYTES))
    await door.blobs.save(digest, file)
    assert file.read_bytes() == DATA


async def test_of_a_checkpoint_only_the_parts_that_changed_travel(core_and_door: Access) -> None:
    core, door, account = core_and_door
    sent: list[int] = []

    async def up(message: Message):
        sent.append(int(message.headers["blob-offset"]))
        return await take_part(core.blobs, account, message.subject.rsplit(".", 1)[1], message)

    async def down(message: Message):
        return await give_part(core.blobs, account, json.loads(message.data), True)

    await core.serve(f"ingest.{account}.blob.*", up)
    await core.serve(f"ask.{account}.blob", down)
    first, second, _, last = offsets(len(DATA))
    base = await door.blobs.put(DATA)
    sent.clear()
    after = DATA[:second] + bytes(PART_BYTES) + DATA[2 * PART_BYTES :]
    assert await core.blobs.get(await door.blobs.put(after, base)) == after
    assert sent == [second, last]
    # What the store does not lend travels too: here the base is of another account, as after a lease that lapsed.
    foreign = blob_digest(other := DATA[::-1])
    for offset in offsets(len(other)):
        await core.blobs.write(foreign, offset, len(other), other[offset : offset + PART_BYTES], "another")
    await core.blobs.seal(foreign, len(other), "another")
    await door.blobs.put(other)
    sent.clear()
    more = other[: 3 * PART_BYTES] + b"more"
    assert await core.blobs.get(await door.blobs.put(more, foreign)) == more
    assert sent == [last, first, second, 2 * PART_BYTES, last]


async def test_a_missing_blob_is_refused_by_its_code(core_and_door: Access) -> None:
    core, door, account = core_and_door
    await serve_blobs(core, account)
    assert not await door.blobs.has("0" * 64)
    for ask in (door.blobs.get("0" * 64), door.blobs.size("0" * 64)):
        with pytest.raises(Refused, match=r"blob\.missing"):
            await ask


async def test_what_comes_down_is_checked(core_and_door: Access) -> None:
    core, door, account = core_and_door

    async def lie(message: Message):
        return {"blob-total": "4"}, b"lies"

    await core.serve(f"ask.{account}.blob", lie)
    with pytest.raises(Refused, match=r"blob\.mismatch"):
        await door.blobs.get(blob_digest(b"true"))


@pytest.mark.parametrize("digest", ["*", "0" * 63, "G" * 64, "core", ">"])
async def test_what_is_no_digest_becomes_no_subject(bus: Bus, digest: str) -> None:
    part = Message("ingest.A1.blob.x", {"blob-offset": "0", "blob-total": "1"}, b"x")
    with pytest.raises(Refused, match=r"event\.malformed"):
        await take_part(bus.blobs, "A1", digest, part)
    with pytest.raises(Refused, match=r"event\.malformed"):
        await give_part(bus.blobs, "A1", {"digest": digest, "offset": 0}, True)


async def test_a_part_without_its_place_is_refused(bus: Bus) -> None:
    for headers in ({}, {"blob-offset": "0"}, {"blob-offset": "x", "blob-total": "1"}):
        with pytest.raises(Refused, match=r"event\.malformed"):
            await take_part(bus.blobs, "A1", "0" * 64, Message("ingest.A1.blob.x", headers, b"x"))
