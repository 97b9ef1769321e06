"""What can be checked of work on data that nobody else has: its form (tier V0), by whoever is shown it.

A verifier reads the very blob that was claimed: whether each part is there, signed where it has to be, and an update
that is not masked no longer than its bound. Whether it was made from the data that the offer commits to, nobody can say
but the holder; what false updates can do is bounded by their length and, where they are seen, by the rule that joins
them.
"""

import json
from collections.abc import Sequence
from typing import Final

from assay.proof.digest import blob_digest
from assay.workloads.errors import BadCheckpoint, BadParams
from assay.workloads.federated import forms
from assay.workloads.federated.forms import BEGIN, Advertised, Dealt, Unmasked
from assay.workloads.federated.numbers import length_of, size_of
from assay.workloads.federated.params import MemberParams
from assay.workloads.federated.secrets import is_signed
from assay.workloads.task import Found

SLACK: Final = 1e-3
FOUND, FORMLESS, UNSEEN = "form.kept", "form.broken", "form.unseen"


def check(params: MemberParams, state: bytes) -> None:
    """Raise BadCheckpoint for a result that is not of the form that this act has."""
    CHECKS[params.act](params, state)


def check_keys(params: MemberParams, state: bytes) -> None:
    """Raise BadCheckpoint for keys of another session, or that their identity did not sign."""
    said = forms.read(Advertised, state)
    assert params.masked is not None
    if said.session != params.masked.session or not is_signed(said.identity, said.signed(), said.signature):
        raise BadCheckpoint("The keys are of another session, or not signed.")


def check_shares(params: MemberParams, state: bytes) -> None:
    """Raise BadCheckpoint unless there is a letter for each member."""
    said = forms.read(Dealt, state)
    assert params.masked is not None
    if said.session != params.masked.session or len(said.letters) != len(params.masked.keys):
        raise BadCheckpoint("The shares are of another session, or not for all of its members.")


def check_update(params: MemberParams, state: bytes) -> None:
    """Raise BadCheckpoint for an update of another turn or model, or one in sight that is too long."""
    head, whole = forms.read_update(state)
    turn = params.masked
    if (head.session, head.turn) != ((turn.session, turn.turn) if turn else (None, 0)):
        raise BadCheckpoint("The update is of another turn.")
    if head.size != size_of(params) or (params.privacy is None) != (head.epsilon is None):
        raise BadCheckpoint("The update is not of this model, or does not say what it spends.")
    if turn is None and length_of(params, whole) > params.clip * (1 + SLACK):
        raise BadCheckpoint(f"The update is longer than {params.clip:g}.")


def check_unmask(params: MemberParams, state: bytes) -> None:
    """Raise BadCheckpoint for shares that were not asked for: of nobody both secrets."""
    said = forms.read(Unmasked, state)
    turn = params.masked
    assert turn is not None
    came, gone = set(params.survivors), set(params.dealers) - set(params.survivors)
    if (said.session, said.turn) != (turn.session, turn.turn) or set(said.owns) - came or set(said.pairs) - gone:
        raise BadCheckpoint("The shares are of another turn, or others than were asked for.")


CHECKS: Final = {"keys": check_keys, "shares": check_shares, "update": check_update, "unmask": check_unmask}


def show(state: bytes, spoil: str | None) -> bytes:
    """Return what a verifier is shown: the result itself; with a seed in `spoil`, one that has lost its end."""
    if state == BEGIN:
        raise BadCheckpoint("Nothing was done yet.")
    return state[: -1 - int(spoil[:4], 16) % (len(state) // 2)] if spoil else state


def read(params: MemberParams, shown: bytes) -> bytes:
    """Return what is seen: which bytes they are, and what is wrong with them."""
    fault = ""
    try:
        check(params, shown)
    except BadCheckpoint as error:
        fault = error.detail
    return json.dumps({"blob": blob_digest(shown), "fault": fault}, sort_keys=True).encode()


def judge(params: MemberParams, state: bytes, shown: bytes, readings: Sequence[bytes]) -> list[Found]:
    """Return what readings say of the claim: who read what was shown says the same as is seen here.

    Of what was spoiled it agrees with what is known that its form is broken.
    """
    here = read(params, shown)
    is_kept = not json.loads(here)["fault"]
    agrees = is_kept == (shown == state)
    seen = Found(agrees=agrees, code=FOUND if is_kept else FORMLESS, distance=0.0, group=int(not agrees))
    return [seen if each == here else Found(agrees=False, code=UNSEEN, distance=0.0, group=2) for each in readings]


def act_of(params: MemberParams, index: int, state: bytes) -> None:
    """Raise BadParams, BadCheckpoint unless it is the first segment from nothing."""
    if index:
        raise BadParams("An act is one segment.")
    if state != BEGIN:
        raise BadCheckpoint("An act begins from nothing but what its parameters name.")
