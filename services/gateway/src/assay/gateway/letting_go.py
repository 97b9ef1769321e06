"""A provider lets go of what it uploaded for audits, once nothing needs it: `ask.let_go`.

What leaves is the gateway's to say, by `snapshots`; whoever asks has its own copies deleted and nobody else's. A crash
in between leaves marks, by which the next question goes on.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from assay.bus.port import BlobStore
from assay.gateway.domain import Rates, Speaker
from assay.gateway.snapshots import Snapshots
from assay.runtime import Context
from assay.schema.errors import AssayError, Refused, Retry

LET_GO: Final = "let_go"
# A store that takes a tenth of a second for each answers before whoever asks has given up.
AT_ONCE: Final = 32
# Each question reads all that its provider has named, and each that deletes holds a connection to the tables meanwhile.
PER_S, BURST = 1.0, 64
ACCOUNTS_MAX: Final = 2
BUSY_S: Final = 1.0

log = logging.getLogger(__name__)


class Turns:
    """Who has work of the door's in hand at this moment: each account by one question, few accounts, none too often."""

    def __init__(self, per_s: float = PER_S) -> None:
        self._in_hand: set[str] = set()
        self._rates = Rates(per_s, BURST)

    @contextmanager
    def one(self, account: str, now_ms: int) -> Iterator[None]:
        """A turn of an account. Raises Retry while it has one; Refused: rate.exceeded."""
        if account in self._in_hand:
            raise Retry("The question before is not answered yet.", BUSY_S)
        if wait_s := self._rates.take(account, now_ms) or BUSY_S * (len(self._in_hand) >= ACCOUNTS_MAX):
            raise Refused("rate.exceeded", retry_after_s=wait_s)
        self._in_hand.add(account)
        try:
            yield
        finally:
            self._in_hand.remove(account)


async def let_go(ctx: Context, speaker: Speaker) -> dict[str, Any]:
    """How many blobs were let go now (`gone`): a few at most, so ask again until there is none."""
    account = speaker.account
    async with ctx.unit() as unit:
        await Snapshots(unit.tx).mark(account, speaker.participant, AT_ONCE, ctx.now())
    async with ctx.unit() as unit:
        snapshots = Snapshots(unit.tx)
        if not (digests := await snapshots.marked(account)):
            return {"gone": 0}
        gone = await delete(ctx.bus.blobs, account, digests, await snapshots.borrowers(account, digests))
        # A statement may have named it meanwhile, by a copy that stood second: that one is read from now on.
        for heir, digest in await snapshots.heirs(account, digests):
            await ctx.bus.blobs.holds(heir, digest)
        # What failed is tried again by the next question, unless it is named before.
        await snapshots.gone(account, digests[:gone])
        await snapshots.unmark(account)
    return {"gone": gone}


async def delete(blobs: BlobStore, account: str, digests: Sequence[str], lent: Mapping[str, list[str]]) -> int:
    """How many of the blobs were deleted before the store failed, if it did."""
    for at, digest in enumerate(digests):
        try:
            await blobs.let_go(account, digest, lent.get(digest, ()))
        except AssayError as error:
            log.warning("the store lets nothing go: %s", error, extra={"blob": digest})
            return at
    return len(digests)
