"""An offer beyond its claim of stake: its provider is told through its feed, and nobody else ever sees it listed."""

import asyncio
import time

import pytest
from tests.e2e.command import assay as command
from tests.network import WITHIN_S, Net

from assay.client.sdk import Assay
from assay.devnet.parties import STABLE, Party
from assay.proof.statement import sign_event
from assay.schema.event import decode
from assay.schema.offer import OfferAnnounced, OfferRefused
from assay.schema.values import Capacity, Role, derive_id

pytestmark = pytest.mark.server

SLOTS = 64


async def test_an_offer_beyond_its_claim_is_refused_through_the_feed(net: Net) -> None:
    party = Party.make(net.devnet.places.parties, "boaster", Role.PROVIDER)
    await net.devnet.admit(party)
    now_ms = time.time_ns() // 1_000_000
    offer = OfferAnnounced(
        offer_id=derive_id("f", party.id),
        provider=party.id,
        sequence=1,
        kinds=("noop",),
        capacity=Capacity(slots=SLOTS, memory_bytes=2**30, units_per_s=1_000),
        region="ch",
        mega_unit_price=STABLE,
        expires_ms=now_ms + 60_000,
    )
    async with Assay.connect(net.devnet.profile(party.name)) as boaster:
        await boaster.door.tell(sign_event(party.key, boaster.domain, offer, party.id, now_ms))
        told = await refusal_in_feed(boaster)
    assert (told.provider, told.code) == (party.id, "offer.unclaimed")
    status = await command("provider", "status", "--json", profile=party.folder)
    assert (status.json["state"], status.json["code"]) == ("unlisted", "offer.unclaimed") and status.json["reason"]
    provider = {said.event.provider for said in net.chronicle.said if said.event.type == "offer.listed"}  # type: ignore[attr-defined]
    assert party.id not in provider


async def refusal_in_feed(provider: Assay) -> OfferRefused:
    """The first refusal of an offer that the provider's own feed tells."""
    cursor = 0
    async with asyncio.timeout(WITHIN_S):
        while True:
            for item in await provider.door.replay(cursor):
                cursor, event = item.seq, decode(item.headers, item.data).event
                if isinstance(event, OfferRefused):
                    return event
            await asyncio.sleep(0.1)
