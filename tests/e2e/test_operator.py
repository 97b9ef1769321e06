"""The operator at the command line."""

from pathlib import Path

import nats
import pytest
from nats.errors import Error as NatsError
from tests.e2e.command import assay
from tests.network import REGION, STEADY, Net

pytestmark = pytest.mark.server


async def test_events_that_are_laid_out_again_change_nothing(net: Net) -> None:
    job_id = await net.submit(2, REGION[STEADY])
    await net.ended(job_id)
    before = [said.id for said in net.chronicle.of(job_id)]
    words = ("outbox", "republish", "matching", "--since", "2026-01-01", "--json")
    ran = await assay(*words, profile=net.devnet.places.data / "operator")
    assert (ran.code, ran.json["service"]) == (0, "matching") and ran.json["events"] > 0
    other = await net.submit(2, REGION[STEADY])
    await net.ended(other)
    assert [said.id for said in net.chronicle.of(job_id)] == before


async def test_a_participant_cannot_have_events_laid_out_again(net: Net) -> None:
    words = ("outbox", "republish", "matching", "--since", "2026-01-01", "--json")
    ran = await assay(*words, profile=net.party("requester").folder)
    assert (ran.code, ran.json["error"]) == (2, "settings.bad")


async def test_an_observer_is_let_in_and_shut_out(net: Net, tmp_path: Path) -> None:
    operator, creds = net.devnet.places.data / "operator", tmp_path / "observer.creds"
    granted = await assay("access", "grant", "observer", "--to", creds, "--json", profile=operator)
    assert granted.code == 0 and creds.stat().st_mode & 0o077 == 0
    url = net.devnet.servers.nats_url
    await (await nats.connect(url, user_credentials=str(creds))).close()
    revoked = await assay("access", "revoke", granted.json["account"], "--json", profile=operator)
    assert revoked.code == 0
    with pytest.raises(NatsError):
        await nats.connect(url, user_credentials=str(creds), allow_reconnect=False)


async def test_the_dead_letters_of_a_service_are_listed(net: Net) -> None:
    operator = net.devnet.places.data / "operator"
    listed = await assay("dead", "list", "matching", "--json", profile=operator)
    assert (listed.code, listed.json) == (0, [])
    shown = await assay("dead", "show", "matching", "e" + "a" * 26, "--json", profile=operator)
    assert (shown.code, shown.json["error"]) == (1, "event.unknown")
