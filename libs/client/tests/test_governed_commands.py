"""The commands on governed contracts, from deployment to a vote in force, on one node for all of them."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from libs.chain.tests.governing import DAY_S, FEED_CODE, FEEDS
from libs.client.tests.shell import Shell
from tests.servers import Evm
from typer.testing import CliRunner

from assay.bus.keyfile import load_key
from assay.chain import Deployment, wallet
from assay.chain.client import connect
from assay.chain.governed import rewards as door
from assay.chain.governed.acts import do
from assay.chain.governed.purses import Loss, purse_of
from assay.chain.governed.terms import NATIVE_UNIT
from assay.chain.words import normal
from assay.client.cli import app
from assay.client.profile import Profile
from assay.proof.eip712 import Domain
from assay.proof.rewards import Entry, Inputs, Terms, period_of, root_of
from assay.schema.values import Role, participant_id

pytestmark = pytest.mark.server

UNIT = NATIVE_UNIT


@pytest.fixture(scope="module")
def shell(evm: Evm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """Both groups of contracts, deployed by the command; a voter, a provider and the deployer with their profiles."""
    made = Shell(tmp_path_factory.mktemp("governed"), evm.url)
    before = made.ask("evm_snapshot")
    for party in ("deployer", "voter", "provider"):
        made.endow(party)
    for feed in FEEDS:
        made.ask("anvil_setCode", feed, FEED_CODE)
    deployer = made.address("deployer")
    where = ("--evm-url", evm.url, "--key-file", made.folder / "deployer/key", "--to", made.folder / "deployment.json")
    feeds = [word for feed in FEEDS for word in ("--feed", feed)]
    said = made.done("chain", "deploy", *where, "--settler", deployer, "--proposer", deployer, *feeds)
    assert said == made.at() and said["governed"]["treasury"]
    yield made
    assert made.ask("evm_revert", before)  # and with it the clock


@pytest.fixture
def tokens(shell: Shell) -> Callable[[str, int], None]:
    """Gives native tokens to a party, or to an address."""

    def give(party: str, amount: int) -> None:
        async def work() -> None:
            chain = await connect(shell.url, Deployment.load(shell.folder / "deployment.json"))
            to = party if party.startswith("0x") else shell.address(party)
            await wallet.mint_native(chain, load_key(shell.folder / "deployer/key"), to, amount)
            await chain.close()

        asyncio.run(work())

    return give


def test_what_stands_is_not_deployed_again(shell: Shell) -> None:
    before, deployer = shell.at(), shell.address("deployer")
    where = (
        "--evm-url",
        shell.url,
        "--key-file",
        shell.folder / "deployer/key",
        "--to",
        shell.folder / "deployment.json",
    )
    assert shell.done("chain", "govern", *where, "--proposer", deployer, "--poster", deployer) == before == shell.at()


def test_parameters_are_listed_with_their_hard_range(shell: Shell) -> None:
    found = shell.done("gov", "parameters")
    assert found["stake.base"]["now"] == 100 * UNIT and found["stake.base"]["most"] == 10**23
    assert found["slash.arbiter"]["now"] is None
    text = shell.text("gov", "parameters")
    assert "1 tokens to 100000 tokens" in text and "0.01 % to 5 %" in text and "2 d to 30 d" in text


def test_a_vote_is_held_from_proposal_to_force(shell: Shell, tokens: Callable[[str, int], None]) -> None:
    early = shell.refused("gov", "propose", "stake.base=50", "--why", "cheaper")
    assert early["error"] == "chain.declined" and "assay gov delegate" in early["advice"]
    tokens("voter", 10_000 * UNIT)
    shell.done("gov", "delegate")
    shell.pass_time(1)
    made = shell.done(
        "gov", "propose", "stake.base=50", "slash.rate.downtime=0.02%", "gov.wait=3d", "--why", "[b]cheaper"
    )
    assert made["state"] == "pending" and made["quorum"] is None
    sets = {name: change for act in made["acts"] for name, change in act["sets"].items()}
    assert sets["stake.base"] == {"to": 50 * UNIT, "now": 100 * UNIT}
    assert (sets["slash.rate.downtime"]["to"], sets["gov.wait"]["to"]) == (200, 3 * DAY_S)
    id_ = made["id"][:8]
    assert shell.refused("gov", "vote", id_, "for")["detail"].endswith("is pending.")
    shell.pass_time(DAY_S + 1)
    assert shell.refused("gov", "vote", id_, "maybe")["error"] == "vote.no_side"
    assert shell.done("gov", "vote", id_, "for", "--why", "yes")["votes"]["for"] == 10_000 * UNIT
    assert "cannot be changed" in shell.refused("gov", "vote", id_, "against")["advice"]
    assert "is active" in shell.refused("gov", "execute", id_)["detail"]
    shell.pass_time(3 * DAY_S)
    assert shell.done("gov", "execute", id_, as_="provider")["state"] == "queued"
    assert shell.refused("gov", "execute", id_)["error"] == "vote.unready"
    assert "stake.base: 100 tokens -> 50 tokens (range 1 tokens to 100000 tokens)" in shell.text("gov", "show", id_)
    assert "[b]cheaper" in shell.text("gov", "show", id_)
    shell.pass_time(2 * DAY_S)
    assert shell.done("gov", "execute", id_)["state"] == "executed"
    now = shell.done("gov", "parameters")
    assert (now["stake.base"]["now"], now["gov.wait"]["now"]) == (50 * UNIT, 3 * DAY_S)
    listed = shell.done("gov", "show")
    assert [row["state"] for row in listed["proposals"]] == ["executed"]
    assert listed["voter"] == {
        "address": shell.address("voter"),
        "votes": 10_000 * UNIT,
        "delegate": normal(shell.address("voter")),
    }


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("stake.base", "NAME=VALUE"),
        ("stake.colour=1", "no parameter"),
        ("stake.base=0.5", "from 1000000000000000000"),
        ("stake.base=much", "from 1 tokens to 100000 tokens"),
        ("slash.rate.downtime=0.00001%", "from 0.01 % to 5 %"),
        ("slash.arbiter=0x12", "any account"),
        ("gov.quorum=21", "from 2 to 20"),
    ],
)
def test_what_cannot_be_set_is_said_before_anything_is_sent(shell: Shell, setting: str, says: str) -> None:
    said = shell.refused("gov", "propose", setting, "--why", "x")
    assert (said["error"], says in said["detail"]) == ("vote.unsettable", True), said


def test_a_ruling_between_parameters_is_rehearsed(shell: Shell) -> None:
    said = shell.refused("gov", "propose", "treasury.halt_cover=100%", "--why", "x")
    assert said["error"] == "chain.declined" and "outside of 850000 to 950000" in said["detail"]
    assert shell.refused("gov", "show", "ffffffff")["error"] == "vote.unknown"


def test_backing_goes_in_answers_and_comes_back(shell: Shell, tokens: Callable[[str, int], None]) -> None:
    tokens("voter", 30 * UNIT)
    provider = participant_id(Role.PROVIDER, shell.address("provider"))
    assert shell.refused("stake", "undelegate", provider, 1)["error"] == "stake.no_backing"
    assert shell.done("stake", "delegate", provider, 30)["amount"] == 30 * UNIT
    held = shell.done("stake", "backing", provider)
    assert (held["active"], held["worth"], held["delay_s"]) == (30 * UNIT, 30 * UNIT, 21 * DAY_S)
    shell.done("stake", "undelegate", provider, 10)
    assert "NothingReady" in shell.refused("stake", "collect", provider)["detail"]
    shell.pass_time(21 * DAY_S)
    shell.done("stake", "collect", provider)
    assert shell.done("stake", "backing", provider)["worth"] == 20 * UNIT


def test_rewards_are_shown_and_claimed_by_the_published_inputs(
    shell: Shell, tokens: Callable[[str, int], None], tmp_path: Path
) -> None:
    shown = shell.done("rewards", "show", as_="provider")
    assert (shown["period"], shown["terms"]["target_ppm"], shown["terms"]["posted"]) == (None, 200_000, 0)
    assert "whole from 20 % of capacity on" in shell.text("rewards", "show")
    rewards = shell.at()["governed"]["rewards"]
    tokens(rewards, 1000 * UNIT)
    rows = [
        {
            "provider": shell.address(party),
            "place": f"{place:064x}",
            "available": 10**9,
            "verified": 10**9,
            "stake": 10**20,
        }
        for place, party in enumerate(("provider", "voter"))
    ]
    (tmp_path / "inputs.json").write_text(json.dumps(rows))
    total = post_period(shell, rewards, rows, shown["terms"])
    shell.pass_time(3 * DAY_S)
    claim = ("rewards", "claim", 1, "--inputs", tmp_path / "inputs.json")
    assert shell.done("rewards", "show")["period"]["total"] == total
    (open_,) = shell.done("claims", as_="provider")["rewards"]
    assert open_ == {"period": 1, "amount": None, "how": "assay rewards claim 1"}, "no network is there to read events"
    assert "out of reach" in shell.text("claims", as_="provider")
    paid = shell.done(*claim, "--provider", shell.address("provider"))
    left = shell.done("claims", as_="provider")
    assert left["rewards"] == [] and left["payments"] == {"amount": 0, "how": "assay wallet claim"}
    assert 0 < paid["amount"] <= total
    again = shell.refused(*claim, "--provider", shell.address("provider"))
    assert "AlreadyClaimed" in again["detail"]
    assert shell.done("rewards", "show", 1, as_="provider")["is_claimed"] is True
    (tmp_path / "inputs.json").write_text(json.dumps(rows[:1]))
    assert shell.refused(*claim)["error"] == "rewards.foreign_inputs"
    assert shell.refused("rewards", "verify", 9)["error"] == "reward.unknown"
    (tmp_path / "inputs.json").write_text('[{"provider": 1}]')
    assert shell.refused(*claim)["error"] == "input.bad"


def post_period(shell: Shell, rewards: str, rows: list[dict[str, Any]], terms: dict[str, Any]) -> int:
    """Post the first period of these inputs, as the poster does; what they earn together."""
    entries = [
        Entry(
            normal(row["provider"]),
            bytes.fromhex(row["place"]),
            Inputs(row["available"], row["verified"], row["stake"]),
        )
        for row in rows
    ]
    formula = Terms(terms["target_ppm"], terms["cap_ppm"], terms["stake_per_mega_unit"])
    period = period_of(1, entries, terms["emission"], formula)
    root = root_of(Domain(shell.at()["chain_id"], rewards), period)
    shell.pass_time(7 * DAY_S)

    async def work() -> None:
        chain = await connect(shell.url, Deployment.load(shell.folder / "deployment.json"))
        post = door.post(chain, 1, root, period.network, period.total, bytes(32))
        await do(chain, load_key(shell.folder / "deployer/key"), post)
        await chain.close()

    asyncio.run(work())
    return period.total


def test_the_treasury_says_why_minting_waits_and_how_old_each_feed_is(shell: Shell) -> None:
    shown = shell.done("treasury", "show")
    assert (shown["minting"], shown["redeeming"], shown["cover_ppm"]) == ("no_price", "open", None)
    now = int(shell.ask("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    for slot, value in ((0, 10**8), (1, now - 20)):
        shell.ask("anvil_setStorageAt", FEEDS[0], f"0x{slot:064x}", f"0x{value:064x}")
    shell.ask("anvil_setCode", FEEDS[2], "0x60006000fd")
    feeds = shell.done("treasury", "show")["feeds"]
    assert [feed["is_stale"] for feed in feeds] == [False, True, True] and feeds[2]["age_s"] is None
    text = shell.text("treasury", "show")
    assert "minting is halted: the oracle has no healthy price; redeeming is open, always" in text
    assert "gives no answer" in text and "it has to be of the last 30 s" in text


def test_a_refund_of_several_victims_is_shared_by_anybody_who_has_the_list(
    shell: Shell, tokens: Callable[[str, int], None]
) -> None:
    victims, accusation = [normal(f"0x{who:040x}") for who in (0x71C7, 0x71C8)], "07" * 32
    named = [participant_id(Role.REQUESTER, victims[1].lower()) + "=30", victims[0] + "=10"]
    assert "NothingHeld" in shell.refused("slash", "share", accusation, *named)["detail"]
    at, losses = shell.at(), [Loss(victims[0], 10), Loss(victims[1], 30)]
    tokens(purse_of(at["governed"]["purses"], at["native"], bytes.fromhex(accusation), losses), 20)
    assert shell.done("slash", "share", accusation, *named)["accusation"] == accusation

    async def held() -> list[int]:
        chain = await connect(shell.url, Deployment.load(shell.folder / "deployment.json"))
        try:
            return [await chain.token_balance(at["native"], who) for who in victims]
        finally:
            await chain.close()

    assert asyncio.run(held()) == [5, 15]
    argv = ["--profile", str(shell.folder / "voter"), "slash", "share", accusation, f"{victims[0]}=x"]
    assert "ADDRESS=UNITS" in CliRunner().invoke(app, argv).output


def test_a_deployment_without_them_says_how_to_get_them(shell: Shell, tmp_path: Path) -> None:
    found = shell.at()
    del found["governed"]
    (tmp_path / "deployment.json").write_text(json.dumps(found))
    voter = Profile.load(shell.folder / "voter").model_copy(update={"deployment_file": tmp_path / "deployment.json"})
    voter.save(tmp_path)
    ended = CliRunner().invoke(app, ["--json", "--profile", str(tmp_path), "gov", "show"])
    said = json.loads(ended.stdout)
    assert (ended.exit_code, said["error"]) == (2, "settings.bad") and "assay chain govern" in said["detail"]
