"""A provider's or verifier's way in at the command line: a key, stake behind it, and the way out again."""

from pathlib import Path

import pytest
from tests.e2e.command import Ran, assay
from tests.e2e.endowing import endow, pass_time, reached

from assay.bus.keyfile import load_key
from assay.chain import wallet
from assay.schema.values import Role, participant_id

pytestmark = pytest.mark.server

TOKEN = 10**18
LEAVING_S = 21 * 86_400


async def test_a_key_is_made_once_and_names_its_participant(tmp_path: Path) -> None:
    made = await assay("key", "new", "--to", tmp_path / "key", "--json")
    key = load_key(tmp_path / "key")
    assert (made.code, made.json["address"]) == (0, key.address)
    assert made.json["ids"]["provider"] == participant_id(Role.PROVIDER, key.address)
    again = await assay("key", "new", "--to", tmp_path / "key", "--json")
    assert (again.code, again.json["error"]) == (2, "input.bad")
    assert load_key(tmp_path / "key").hex == key.hex


async def test_stake_goes_in_unbonds_and_comes_out(chain_url: str, tmp_path: Path) -> None:
    key = await endow(chain_url, tmp_path)
    chain = await reached(chain_url, tmp_path)
    await wallet.mint_native(chain, load_key(tmp_path / "deployer.key"), key.address, 3 * TOKEN)
    await chain.close()

    async def stake(*words: object) -> Ran:
        return await assay("stake", *words, "--json", profile=tmp_path)

    assert (await stake("add", "2.5")).json["tx"].startswith("0x")
    assert (await stake("remove", 1)).code == 0
    early = await stake("withdraw")
    assert (early.code, early.json["error"]) == (1, "chain.reverted") and early.json["detail"]
    await pass_time(chain_url, LEAVING_S + 1)
    assert (await stake("withdraw")).code == 0
    shown = (await stake("show")).json
    held = {"stake": 3 * TOKEN // 2, "unbonding": 0, "native": 3 * TOKEN // 2, "backing": 0, "claim": 0, "needed": 0}
    assert {name: shown[name] for name in held} == held and not shown["is_covered"]
    over = await stake("claim", 1)
    assert (over.code, over.json["error"]) == (1, "chain.declined") and "StakeTooLow" in over.json["detail"]
    assert (await stake("claim", 0)).json["claim"] == 0
