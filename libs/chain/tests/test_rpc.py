"""What nodes say becomes a typed error."""

import asyncio
import json
from dataclasses import replace

import pytest

from assay.chain.client import connect
from assay.chain.deploy import deploy
from assay.chain.errors import BadToken, ChainError, ChainUnreachable, FeeTooLow, NonceTaken, Reverted, Unfunded
from assay.chain.port import Deployment
from assay.chain.rpc import Rpc, is_known, refusal_of
from assay.schema.errors import Mismatch, Retry

AT = "0x" + "11" * 20
NOWHERE = Deployment(31337, AT, AT, AT, AT, 0, AT, AT, AT)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("nonce too low: next nonce 3, tx nonce 1", NonceTaken),
        ("replacement transaction underpriced", FeeTooLow),
        ("transaction underpriced: tip needed 5", FeeTooLow),
        ("max fee per gas less than block base fee", FeeTooLow),
        ("Insufficient funds for gas * price + value", Unfunded),
        ("execution reverted", Reverted),
        ("method not found", ChainError),
    ],
)
def test_a_refusal_is_typed_by_its_words(message, kind):
    assert type(refusal_of("eth_sendRawTransaction", {"code": -32000, "message": message})) is kind


def test_a_revert_tells_the_contracts_reason():
    data = "0x1f1bdedc" + f"{400:064x}{401:064x}"
    error = refusal_of("eth_estimateGas", {"code": 3, "message": "execution reverted", "data": data})
    assert isinstance(error, Reverted)
    assert error.detail == "Overdrawn(400, 401)."


def test_a_known_transaction_is_no_refusal():
    assert is_known(refusal_of("eth_sendRawTransaction", {"message": "already known"}))
    assert is_known(refusal_of("eth_sendRawTransaction", {"message": "transaction already imported"}))
    assert not is_known(refusal_of("eth_sendRawTransaction", {"message": "nonce too low"}))


async def test_a_node_that_is_away_is_asked_again():
    rpc = Rpc("http://127.0.0.1:9")
    with pytest.raises(ChainUnreachable) as caught:
        await rpc.ask("eth_chainId")
    assert isinstance(caught.value, Retry)
    await rpc.close()


@pytest.mark.server
@pytest.mark.parametrize("chain_id", [31337, 1])
async def test_a_wrong_chain_or_a_missing_contract_is_a_mismatch(anvil, chain_id):
    wrong = replace(NOWHERE, chain_id=chain_id)
    with pytest.raises(Mismatch):
        await connect(anvil, wrong)


@pytest.mark.server
@pytest.mark.parametrize(("token", "other", "decimals"), [("stable", "native", 18), ("native", "stable", 6)])
async def test_a_token_of_other_decimals_is_a_mismatch(anvil, node_rig, token, other, decimals):
    deployment = node_rig.chain.deployment
    with pytest.raises(Mismatch, match=f"has {decimals} decimals"):
        await connect(anvil, replace(deployment, **{token: getattr(deployment, other)}))


@pytest.mark.server
async def test_contracts_are_deployed_with_a_token_that_exists(anvil, node_rig):
    stable, admin = node_rig.chain.deployment.stable, node_rig.keys.admin
    made = await deploy(anvil, admin, admin.address, stable=stable.lower())
    assert made.stable == stable and made.native != node_rig.chain.deployment.native
    await (await connect(anvil, made)).close()


@pytest.mark.server
@pytest.mark.parametrize(
    ("place", "says"), [("native", "has 18 decimals"), ("anchors", "has no decimals"), (None, "No contract stands")]
)
async def test_what_is_no_stable_token_is_not_deployed_with(anvil, node_rig, place, says):
    admin = node_rig.keys.admin
    before = await node_rig.chain.nonce_of(admin.address)
    with pytest.raises(BadToken, match=says):
        token = getattr(node_rig.chain.deployment, place) if place else admin.address
        await deploy(anvil, admin, admin.address, stable=token)
    assert await node_rig.chain.nonce_of(admin.address) == before, "nothing was sent"


@pytest.mark.server
async def test_the_node_says_which_blocks_are_safe_and_final(anvil, node_rig):
    await node_rig.chain.rpc.ask("anvil_mine", hex(100))
    head = (await node_rig.chain.block()).number
    safe, final = await node_rig.chain.marked("safe"), await node_rig.chain.marked("finalized")
    assert safe is not None and final is not None and 0 < final < safe < head


def test_a_deployment_is_loaded_as_it_was_saved(tmp_path):
    NOWHERE.save(tmp_path / "deployment.json")
    assert Deployment.load(tmp_path / "deployment.json") == NOWHERE


@pytest.mark.parametrize("change", [{"anchors": None}, {"another": "0x0"}])
def test_a_deployment_of_other_contracts_is_refused_by_their_names(tmp_path, change):
    path = tmp_path / "deployment.json"
    NOWHERE.save(path)
    fields = json.loads(path.read_text()) | change
    path.write_text(json.dumps({name: value for name, value in fields.items() if value is not None}))
    with pytest.raises(ValueError, match=r"pool, anchors, deployed_block"):
        Deployment.load(path)


@pytest.mark.server
async def test_what_is_asked_at_once_is_answered_each_with_its_own(anvil):
    rpc = Rpc(anvil)
    asked = [rpc.ask("eth_chainId"), rpc.ask("eth_nothing"), rpc.ask("eth_getBlockByNumber", "0x0", False)]
    chain_id, refused, block = await asyncio.gather(*asked, return_exceptions=True)
    assert (int(chain_id, 16), int(block["number"], 16)) == (31337, 0)
    assert isinstance(refused, ChainError)
    await rpc.close()
