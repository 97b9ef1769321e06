"""Settings come from the environment once, whole and right, or the process does not start."""

from pathlib import Path

import pytest

from assay.runtime.settings import ServiceSettings
from assay.schema.errors import EXIT_SETTINGS, BadSettings

DSN = "postgresql://role:secret-word@host/base"


class Settings(ServiceSettings, env_prefix="ASSAY_TOY_"):
    """A service's settings."""

    lapse_s: float = 10.0


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("ASSAY_TOY_POSTGRES_DSN", DSN)
    return monkeypatch


def test_a_variable_sets_its_field(told: pytest.MonkeyPatch) -> None:
    told.setenv("ASSAY_TOY_LAPSE_S", "2.5")
    settings = Settings.read()
    assert (settings.lapse_s, settings.dsn) == (2.5, DSN)


def test_a_secret_comes_from_a_file(told: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told.delenv("ASSAY_TOY_POSTGRES_DSN")
    told.setenv("ASSAY_TOY_POSTGRES_DSN_FILE", str(tmp_path / "dsn"))
    with pytest.raises(BadSettings, match="postgres_dsn_file"):
        _ = Settings.read().dsn
    (tmp_path / "dsn").write_text(f"{DSN}\n")
    assert Settings.read().dsn == DSN


@pytest.mark.parametrize(
    ("name", "text", "named"),
    [
        ("LAPSE_MS", "1", "ASSAY_TOY_LAPSE_MS"),
        ("LAPSE_S", "soon", "ASSAY_TOY_LAPSE_S"),
        ("HTTP_PORT", "70000", "ASSAY_TOY_HTTP_PORT"),
        ("POSTGRES_DSN_FILE", "/nowhere", "POSTGRES_DSN"),
    ],
)
def test_a_wrong_variable_ends_the_process_and_is_named(
    told: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, text: str, named: str
) -> None:
    told.setenv(f"ASSAY_TOY_{name}", text)
    with pytest.raises(SystemExit) as ended:
        Settings.read()
    assert ended.value.code == EXIT_SETTINGS
    assert named in capsys.readouterr().err


def test_other_prefixes_are_nobodys_business(told: pytest.MonkeyPatch) -> None:
    told.setenv("ASSAY_TOYS_X", "1")
    assert Settings.read().lapse_s == 10.0


def test_a_secret_is_not_shown(told: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert "secret-word" not in repr(Settings.read())
    told.setenv("ASSAY_TOY_LAPSE_S", "secret-word")
    with pytest.raises(SystemExit):
        Settings.read()
    assert "secret-word" not in capsys.readouterr().err
