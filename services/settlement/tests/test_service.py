"""The service as it is started: its settings, and its desk on a real chain."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from services.settlement.tests.market import OPERATOR, Market, until
from services.settlement.tests.stories import Part
from services.settlement.tests.test_work import publish, running

from assay.runtime.emission import Speech
from assay.schema.errors import BadSettings
from assay.settlement.main import main
from assay.settlement.service import service
from assay.settlement.settings import Settings


def variables(tmp_path: Path, **changes: str) -> Mapping[str, str]:
    (tmp_path / "key").write_text(OPERATOR.hex)
    given = {
        "POSTGRES_DSN": "postgresql:///nowhere",
        "DEPLOYMENT_FILE": str(tmp_path / "deployment.json"),
        "OPERATOR_KEY_FILE": str(tmp_path / "key"),
        "RPC_URL": "http://127.0.0.1:1",
    }
    return {f"ASSAY_SETTLEMENT_{name}": text for name, text in (given | changes).items()}


def read(monkeypatch: pytest.MonkeyPatch, given: Mapping[str, str]) -> Settings:
    for name, text in given.items():
        monkeypatch.setenv(name, text)
    return Settings.parse(given)


def test_a_key_file_that_holds_no_key_is_a_bad_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = read(monkeypatch, variables(tmp_path))
    assert settings.operator_key().address == OPERATOR.address
    (tmp_path / "key").write_text("secret")
    with pytest.raises(BadSettings) as fault:
        settings.operator_key()
    assert "secret" not in str(fault.value)


def test_a_deployment_file_that_is_missing_is_a_bad_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadSettings):
        read(monkeypatch, variables(tmp_path)).deployment()


def test_a_process_with_bad_settings_ends_with_code_2(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in variables(tmp_path, CONFIRMATIONS="0").items():
        monkeypatch.setenv(name, text)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2


@pytest.mark.server
async def test_the_service_as_it_is_started_settles_a_job(
    node_market: Market,
    chain_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    market, whole = node_market, service()
    settings = read(monkeypatch, variables(tmp_path, RPC_URL=chain_url, PAYMENT_AGE_S="0.01"))
    market.chain.deployment.save(settings.deployment_file)
    speech = Speech(whole, market.context.telemetry)
    context = replace(market.context, service=whole, settings=settings, speech=speech)
    story = market.story("whole", (Part("alpha", 2),))
    async with running(context):
        await publish(market, story, is_first=True)
        await until(lambda: market.said("job.funded"))
        await publish(market, story, is_first=False)
        await until(lambda: market.said("job.settled"))
    await market.check()
