"""What a participant says leaves it only after it is on disk."""

import asyncio
from pathlib import Path
from typing import Any

from assay.proof.eip712 import Domain
from assay.proof.keys import Key
from assay.runtime.outgoing import Outgoing
from assay.schema.event import Envelope
from assay.schema.offer import OfferWithdrawn
from assay.schema.values import Role, derive_id, participant_id
from assay.store.journal import Journal

KEY, DOMAIN = Key.generate(), Domain(31337, "0x" + "11" * 20)
PROVIDER = participant_id(Role.PROVIDER, KEY.address)


class Watched(Journal):
    """A journal that notes each sync."""

    seen: list[str]

    def sync(self) -> None:
        super().sync()
        self.seen.append("synced")


class Door:
    """A door that notes what it is told."""

    def __init__(self, seen: list[str]) -> None:
        self._seen = seen

    async def tell(self, envelope: Envelope[Any]) -> None:
        self._seen.append(envelope.event.about)


async def test_all_that_is_said_at_once_is_on_disk_by_one_sync_before_any_of_it_is_told(tmp_path: Path) -> None:
    journal, seen = Watched(tmp_path / "journal.db"), list[str]()
    journal.seen = seen
    outgoing = Outgoing(journal, Door(seen), KEY, DOMAIN, PROVIDER, lambda: 1_000)
    offers = [derive_id("f", number) for number in range(3)]
    for offer_id in offers:
        outgoing.say(OfferWithdrawn(offer_id=offer_id, provider=PROVIDER))
    carrying = asyncio.create_task(outgoing.run())
    await outgoing.flush()
    carrying.cancel()
    assert seen[0] == "synced" and sorted(seen[1:]) == sorted(offers)
    assert outgoing.is_clear


async def test_what_the_gateway_has_is_known_before_others_have_their_answers(tmp_path: Path) -> None:
    journal, held = Journal(tmp_path / "journal.db"), asyncio.Event()

    class Slow(Door):
        async def tell(self, envelope: Envelope[Any]) -> None:
            if envelope.event.about == derive_id("f", 1):
                await held.wait()

    outgoing = Outgoing(journal, Slow([]), KEY, DOMAIN, PROVIDER, lambda: 1_000)
    told: list[str] = []
    known = asyncio.Event()

    def on_told(event: Any) -> None:
        told.append(event.about)
        known.set()

    outgoing.on_told = on_told
    for number in (1, 2):
        outgoing.say(OfferWithdrawn(offer_id=derive_id("f", number), provider=PROVIDER))
    carrying = asyncio.create_task(outgoing.run())
    async with asyncio.timeout(60):
        await known.wait()
    assert told == [derive_id("f", 2)] and not outgoing.is_clear
    held.set()
    await outgoing.flush()
    carrying.cancel()
    assert told == [derive_id("f", 2), derive_id("f", 1)]
