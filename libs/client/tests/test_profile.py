"""Where a profile is looked for, what its paths mean, and what is said when it is not right."""

from pathlib import Path

import pytest

from assay.client import profile as module
from assay.client.profile import FILE, VARIABLE, Profile
from assay.schema.errors import EXIT_SETTINGS, BadSettings

WHOLE = Profile(
    nats_url="nats://127.0.0.1:4222",
    creds_file=Path("nats.creds"),
    deployment_file=Path("deployment.json"),
    key_file=Path("key"),
)


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which nobody has a profile."""
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(module, "HOMES", (tmp_path / "devnet", tmp_path / "home"))
    return tmp_path


def test_a_saved_profile_is_found_again_with_paths_from_its_own_folder(tmp_path: Path) -> None:
    WHOLE.save(tmp_path / "me")
    loaded = Profile.load(tmp_path / "me")
    assert loaded.nats_url == WHOLE.nats_url
    assert loaded.creds_file == tmp_path / "me" / "nats.creds"
    assert loaded.key_file == tmp_path / "me" / "key"
    assert (loaded.evm_url, loaded.operator_dir, loaded.admin_creds_file) == (None, None, None)


def test_an_absolute_path_in_a_profile_stays_as_it_is(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere" / "key"
    WHOLE.model_copy(update={"key_file": elsewhere}).save(tmp_path / "me")
    assert Profile.load(tmp_path / "me").key_file == elsewhere


def test_the_folder_of_a_profile_is_its_owners_alone(tmp_path: Path) -> None:
    WHOLE.save(tmp_path / "me")
    assert (tmp_path / "me").stat().st_mode & 0o077 == 0


def test_a_missing_profile_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="assay up") as refused:
        Profile.load(tmp_path)
    assert refused.value.exit_code == EXIT_SETTINGS


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{}", "nats_url"),
        ('{"nats_url": 3, "creds_file": "c", "deployment_file": "d"}', "nats_url"),
        ('{"nats_url": "n", "creds_file": "c", "deployment_file": "d", "keyfile": "k"}', "keyfile"),
        ("no json", "JSON"),
    ],
)
def test_a_broken_profile_names_the_file_and_the_field(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(BadSettings, match=named) as refused:
        Profile.load(tmp_path)
    assert FILE in str(refused.value)


def test_the_named_folder_comes_before_the_variable_and_that_before_the_homes(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("devnet", "home", "variable", "named"):
        WHOLE.model_copy(update={"nats_url": f"nats://{name}"}).save(nowhere / name)
    assert Profile.find(None).nats_url == "nats://devnet"
    (nowhere / "devnet" / FILE).unlink()
    assert Profile.find(None).nats_url == "nats://home"
    monkeypatch.setenv(VARIABLE, str(nowhere / "variable"))
    assert Profile.find(None).nats_url == "nats://variable"
    assert Profile.find(nowhere / "named").nats_url == "nats://named"


def test_without_any_profile_the_two_ways_out_are_named(nowhere: Path) -> None:
    with pytest.raises(BadSettings, match=r"assay up.*--profile"):
        Profile.find(None)


def test_a_named_folder_without_a_profile_is_not_replaced_by_another(nowhere: Path) -> None:
    WHOLE.save(nowhere / "home")
    with pytest.raises(BadSettings):
        Profile.find(nowhere / "empty")
