"""What a participant is told: the items of its feed, numbered without gaps in time, pushed live and replayed on demand.

A push may be lost; the numbers show it, and a replay from the last number seen fills it. The same forms serve the
gateway, which writes them, and the participants, who read them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from assay.bus.port import Message
from assay.schema.errors import Reject

SEQ_HEADER: Final = "assay-feed-seq"
# One answer must fit a message of NATS, with room for JSON's escapes.
ANSWER_BYTES_MAX: Final = 400_000


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One event told to a participant: its place in the feed, and headers and data as `schema.decode` takes them."""

    seq: int
    headers: Mapping[str, str]
    data: bytes

    def push(self) -> tuple[Mapping[str, str], bytes]:
        """Headers and data of the message by which the item is pushed."""
        return {**self.headers, SEQ_HEADER: str(self.seq)}, self.data

    @classmethod
    def of_push(cls, message: Message) -> Self:
        """The item that was pushed. Raises Reject if the message is no push."""
        headers = dict(message.headers)
        seq = headers.pop(SEQ_HEADER, "")
        if not seq.isdecimal():
            raise Reject(f"A push without {SEQ_HEADER}.")
        return cls(int(seq), headers, message.data)


def replay_answer(items: Iterable[FeedItem]) -> dict[str, Any]:
    """The answer to `ask.replay`: as many of the items, from the first on, as fit a message, but at least one."""
    chosen: list[dict[str, Any]] = []
    room = ANSWER_BYTES_MAX
    for item in items:
        room -= len(item.data) + sum(len(key) + len(value) for key, value in item.headers.items())
        if chosen and room < 0:
            break
        chosen.append({"seq": item.seq, "headers": dict(item.headers), "data": item.data.decode()})
    return {"items": chosen}


def replayed(answer: Mapping[str, Any]) -> list[FeedItem]:
    """The items of such an answer."""
    return [FeedItem(item["seq"], item["headers"], item["data"].encode()) for item in answer["items"]]
