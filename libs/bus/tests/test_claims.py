"""What the claims say, without a server."""

import pytest

from assay.bus.accounts import (
    AccountLimits,
    Network,
    account_jwt,
    core_exports,
    creds_text,
    new_seed,
    participant_imports,
    public_key,
    user_jwt,
)
from assay.bus.claims import read_claims


@pytest.mark.parametrize(("kind", "letter"), [("operator", "O"), ("account", "A"), ("user", "U")])
def test_a_key_says_its_kind(kind, letter):
    seed = new_seed(kind)
    assert seed.startswith(b"S" + letter.encode())
    assert public_key(seed).startswith(letter)
    assert len(public_key(seed)) == 56
    assert new_seed(kind) != seed


def test_a_user_without_subjects_may_do_nothing():
    jwt = user_jwt(new_seed("account"), public_key(new_seed("user")), "mute", [], [])
    said = read_claims(jwt)["nats"]
    assert said["pub"] == {"deny": [">"]}
    assert said["sub"] == {"deny": [">"]}


def test_a_user_may_do_what_is_listed_until_it_expires():
    account = new_seed("account")
    jwt = user_jwt(account, public_key(new_seed("user")), "u", ["a.>"], ["b.>"], expires_at=1234)
    said = read_claims(jwt)
    assert said["nats"]["pub"] == {"allow": ["a.>"]}
    assert said["nats"]["sub"] == {"allow": ["b.>"]}
    assert said["exp"] == 1234
    assert said["iss"] == public_key(account)


def test_an_account_has_no_jetstream_unless_it_is_given():
    jwt = account_jwt(new_seed("operator"), public_key(new_seed("account")), "a", limits=AccountLimits(connections=3))
    limits = read_claims(jwt)["nats"]["limits"]
    assert limits["conn"] == 3
    assert {limits[name] for name in ("mem_storage", "disk_storage", "streams", "consumer", "exports", "imports")} == {
        0
    }


def test_every_import_of_a_participant_stands_under_its_own_token():
    imports = participant_imports("provider", "ACCOUNT", "CORE", ["assay.job.>"])
    assert [(i.subject, i.local, i.kind) for i in imports] == [
        ("ingest.ACCOUNT.>", "ingest.>", "service"),
        ("ask.ACCOUNT.>", "ask.>", "service"),
        ("cmd.ACCOUNT.>", "cmd.>", "stream"),
        ("assay.job.>", "assay.job.>", "stream"),
    ]


def test_every_private_export_is_bound_to_the_importer():
    assert {e.subject: e.token_position for e in core_exports(["assay.job.>"])} == {
        "ingest.*.>": 2,
        "ask.*.>": 2,
        "cmd.*.>": 2,
        "assay.job.>": None,
    }


def test_an_observer_has_no_way_in_and_no_commands():
    locals_ = {i.local for i in participant_imports("observer", "ACCOUNT", "CORE", ["assay.job.>"])}
    assert locals_ == {"ask.>", "assay.job.>"}


def test_a_network_is_the_same_after_it_was_saved(tmp_path):
    network = Network.open(tmp_path, ["assay.job.>"])
    assert Network.open(tmp_path, ["assay.job.>"]) == network
    assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}


def test_a_network_works_on_without_the_operators_own_key(tmp_path):
    Network.open(tmp_path, ["assay.job.>"])
    (tmp_path / "operator_seed").unlink()
    network = Network.open(tmp_path, ["assay.lease.>"])
    assert network.operator_seed is None
    assert network.public == ("assay.lease.>",)
    assert network.grant("observer", "o1").account_public.startswith("A")


def test_only_the_core_follows_a_changed_list_of_public_subjects(tmp_path):
    before, after = Network.open(tmp_path, ["assay.job.>"]), Network.open(tmp_path, ["assay.job.>", "assay.lease.>"])
    assert after.public == ("assay.job.>", "assay.lease.>")
    assert (after.core_public, after.operator_jwt) == (before.core_public, before.operator_jwt)


def test_credentials_hold_the_claim_and_the_key():
    seed = new_seed("user")
    text = creds_text("THE.JWT", seed)
    assert "-----BEGIN NATS USER JWT-----\nTHE.JWT\n------END NATS USER JWT------" in text
    assert f"-----BEGIN USER NKEY SEED-----\n{seed.decode()}\n------END USER NKEY SEED------" in text
