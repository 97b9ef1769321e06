"""Members' acts: the sum is opened though one drops out, nobody answers twice, holders' terms and budgets are kept."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assay.workloads import read_params, workload
from assay.workloads.errors import BadData, BadParams
from assay.workloads.federated import examples, forms, numbers
from assay.workloads.federated.errors import AnsweredBefore, BudgetSpent, DataMissing, NotAllowed, TooFew
from assay.workloads.federated.form import judge, read, show
from assay.workloads.federated.states import read_state
from assay.workloads.federated.vault import Terms

from .conftest import MODEL, Federation

NOISY = {"privacy": {"noise": 2.0}, "weighting": "equal"}


def state_of(federation: Federation, digest: str) -> Any:
    """The weights and what was said of the turn."""
    data = federation.blobs[digest]
    head = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return read_state(data).weights, json.loads(head["__metadata__"]["assay"])


def test_a_turn_of_four_is_opened_without_the_one_who_dropped_out(federation: Federation) -> None:
    federation.hold(4)
    session = federation.session(threshold=3)
    joined = federation.opened(session, came=[0, 2, 3])
    weights, said = state_of(federation, federation.run("federated-step", joined))
    masked = [forms.read_update(federation.blobs[each])[1] for each in joined["updates"]]
    read = read_params("federated-step", joined)
    alone = [np.abs(numbers.to_floats(read, whole)[0]).max() for whole in masked]
    assert len(said["counted"]) == 3 and said["loss"] == pytest.approx(np.log(2), abs=1e-5)
    assert 0 < np.abs(weights).max() < 1 < min(alone)
    # The three who came are not enough once one of them does not help.
    with pytest.raises(TooFew, match="2 shares"):
        federation.run("federated-step", {**joined, "unmaskings": joined["unmaskings"][:2]})
    # A false unmasking among enough true ones changes nothing.
    whole = federation.run("federated-step", joined)
    opened = json.loads(federation.blobs[joined["unmaskings"][0]])
    assert set(opened["owns"]) == {"0", "2", "3"} and set(opened["pairs"]) == {"1"} and whole in federation.blobs


def test_a_member_answers_once_and_to_one_roster(federation: Federation) -> None:
    federation.hold(3)
    session = federation.session(threshold=2)
    joined = federation.opened(session, came=[0, 1])
    asked = {"act": "unmask", "dealers": [0, 1, 2], "survivors": [0, 2]}
    shares = [federation.act(holder, act="shares", **session) for holder in range(3)]
    with pytest.raises(AnsweredBefore):
        federation.act(0, **session, **asked, shares=shares)
    with pytest.raises(AnsweredBefore):
        federation.act(0, **session, dealers=[0, 1, 2], learning_rate=0.2)
    others = {**session, "masked": {**session["masked"], "keys": session["masked"]["keys"][:2]}}
    with pytest.raises(AnsweredBefore):
        federation.act(0, act="shares", **others)
    assert federation.act(0, **session, dealers=[0, 1, 2]) == joined["updates"][0]


def test_holders_decide_who_hides_them_and_how_much_is_learned(federation: Federation) -> None:
    federation.hold(1, Terms(epsilon_max=10))
    federation.hold(2, Terms(members_min=2))
    with pytest.raises(NotAllowed, match="noise for each record"):
        federation.act(0)
    member = {"privacy": {"unit": "member", "noise": 0.1}, "weighting": "equal", "quorum": 2}
    with pytest.raises(NotAllowed, match="noise for each record"):
        federation.act(0, dealers=[0, 1], **member, **federation.session(threshold=2))
    federation.act(0, **NOISY)
    spent = federation.metrics["epsilon"]
    federation.act(0, **NOISY)
    assert federation.metrics["epsilon"] == spent, "the same job done again spends nothing"
    federation.act(0, **NOISY, seed=1)
    assert spent < federation.metrics["epsilon"] < 10
    with pytest.raises(BudgetSpent):
        federation.act(0, **NOISY, steps=10_000)
    with pytest.raises(NotAllowed, match="never seen alone"):
        federation.act(1)
    with pytest.raises(NotAllowed, match="1 others"):
        federation.act(1, act="shares", **federation.session(threshold=2))
    strangers = federation.vaults[1].terms.model_copy(update={"members_min": 1, "peers": ("0" * 64,)})
    (federation.vaults[1].folder / "terms.json").write_text(strangers.model_dump_json())
    federation.vaults[1].__dict__.pop("terms")
    with pytest.raises(NotAllowed, match="0 others whom the holder knows"):
        federation.act(1, act="shares", **federation.session(threshold=3))
    with pytest.raises(DataMissing):
        federation.run("federated", MODEL | {"data": "0" * 64}, 0)


def test_noise_of_members_adds_up_in_the_sum_and_is_refused_where_it_hides_nobody(federation: Federation) -> None:
    federation.hold(3)
    private = {"privacy": {"unit": "member", "noise": 4.0}, "weighting": "equal", "quorum": 2, "clip": 1.0}
    with pytest.raises(BadParams, match="secure"):
        federation.act(0, **private)
    session = federation.session(threshold=2)
    with pytest.raises(BadParams, match="less noise"):
        federation.act(0, dealers=[0, 1], **session, **{**private, "quorum": 20})
    joined = {**federation.opened(session, came=[0, 1], **private), **private}
    weights, said = state_of(federation, federation.run("federated-step", joined))
    assert said["epsilon"] == federation.metrics["epsilon"] > 0 and "loss" not in said
    # Two of a quorum of two: noise of 4 on the sum, so 2 on the mean of each weight.
    assert 0.5 < weights.std() < 5


def test_what_cannot_be_seen_is_not_judged() -> None:
    secure = {"secure": True, "masked": {"session": "0" * 64, "keys": ["1" * 64] * 2}, "unmaskings": ["2" * 64]}
    with pytest.raises(BadParams, match="nobody sees any"):
        read_params("federated-step", {**MODEL, **secure, "updates": ["3" * 64], "rule": "krum"})
    with pytest.raises(BadParams, match="more than half"):
        read_params("federated", {**MODEL, "data": "0" * 64, "act": "shares", "secure": True,
                                  "masked": {"session": "0" * 64, "keys": ["1" * 64] * 4, "threshold": 2}})  # fmt: skip


def test_the_form_of_every_act_is_read_and_what_is_broken_shows(federation: Federation) -> None:
    federation.hold(2)
    session = federation.session(threshold=2)
    joined = federation.opened(session, came=[0, 1])
    shares = federation.act(0, act="shares", **session)
    asked = {"dealers": [0, 1], "survivors": [0, 1], "shares": [shares, shares]}
    open_update = {"data": federation.vaults[0].commitment, **MODEL}
    acts: list[tuple[str, dict[str, Any]]] = [
        (shares, {"act": "shares", **session}),
        (joined["updates"][0], {"dealers": [0, 1], **session}),
        (joined["unmaskings"][0], {"act": "unmask", **session, **asked}),
        (federation.act(0), {}),
    ]
    for digest, own in acts:
        params, state = read_params("federated", open_update | own), federation.blobs[digest]
        shown, spoiled = show(state, None), show(state, "ab" * 32)
        kept, broken = read(params, shown), read(params, spoiled)
        assert [f.agrees for f in judge(params, state, shown, [kept, broken])] == [True, False]
        assert [f.agrees for f in judge(params, state, spoiled, [kept, broken])] == [False, True]
        assert broken != kept and workload("federated").result(params, state) == state
    head, whole = forms.read_update(federation.blobs[federation.act(0)])
    long = forms.write_update(head, whole * np.uint32(4_000))
    assert b"longer than" in read(read_params("federated", open_update), long)


def test_a_table_is_held_as_numbers_and_what_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "good.csv").write_text("0.5,1,1\n-2,3e1,0\n")
    held = examples.read(examples.write(examples.read_csv(tmp_path / "good.csv")))
    assert held.values.tolist() == [[0.5, 1.0], [-2.0, 30.0]] and held.labels.tolist() == [1, 0]
    for bad in ("1,2\n3\n", "a,b,1\n", "1,nan,0\n", "1,2,0.5\n", ""):
        (tmp_path / "bad.csv").write_text(bad)
        with pytest.raises(BadData):
            examples.read_csv(tmp_path / "bad.csv")
    np.savez(tmp_path / "pickled.npz", x=np.array([object()]), y=np.array([1]))
    with pytest.raises(BadData):
        examples.read((tmp_path / "pickled.npz").read_bytes())
