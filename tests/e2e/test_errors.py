"""What goes wrong at the command line is said with a stable code, a sentence that helps, and an exit code."""

from pathlib import Path

import pytest
from tests.e2e.command import assay
from tests.network import Net

pytestmark = pytest.mark.server

UNKNOWN = "j" + "a" * 26
NOOP = ("submit", "--kind", "noop", "-p", "segments=1")
CASES: dict[str, tuple[tuple[object, ...], int, str]] = {
    "an unknown job": (("job", UNKNOWN), 1, "job.unknown"),
    "an id that is none": (("why", "nonsense"), 2, "input.bad"),
    "an unknown kind": (("submit", "--kind", "alchemy", "--price-limit", 1), 1, "job.unknown_kind"),
    "bad parameters": ((*NOOP, "-p", "segments=0", "--price-limit", 1), 1, "job.bad_params"),
    "no price limit": (NOOP, 1, "job.bad_params"),
    "past its deadline": ((*NOOP, "--price-limit", 1, "--deadline-s", 1), 1, "job.past_deadline"),
    "not the operator": (("access", "grant", "observer", "--to", "x.creds"), 2, "profile.bad"),
    "no id of a job": (("cancel", "nosuch"), 2, "input.bad"),
    "no such receipt": (("receipt", "verify", "nowhere.json"), 2, "input.bad"),
}


@pytest.mark.parametrize("case", CASES)
async def test_is_said(net: Net, tmp_path: Path, case: str) -> None:
    words, code, error = CASES[case]
    ran = await assay(*words, "--json", profile=net.party("requester").folder, cwd=tmp_path)
    assert (ran.code, ran.json["error"]) == (code, error)
    assert ran.json["advice"].endswith(".") and "Traceback" not in ran.err


async def test_people_read_the_same_in_a_sentence(net: Net) -> None:
    ran = await assay("job", UNKNOWN, profile=net.party("requester").folder)
    assert (ran.code, ran.out) == (1, "")
    assert "job.unknown" in ran.err and "assay jobs" in ran.err


async def test_without_a_profile_it_says_how_to_get_one(tmp_path: Path) -> None:
    ran = await assay("jobs", "--json", profile=tmp_path, cwd=tmp_path)
    assert (ran.code, ran.json["error"]) == (2, "profile.bad") and "assay up" in ran.json["detail"]


@pytest.mark.slow
async def test_a_network_that_is_away_is_said_to_be(net: Net, tmp_path: Path) -> None:
    away = net.devnet.profile("requester").model_copy(update={"nats_url": "nats://127.0.0.1:9"})
    away.save(tmp_path)
    ran = await assay("jobs", "--json", profile=tmp_path)
    assert (ran.code, ran.json["error"]) == (3, "server.unreachable")
