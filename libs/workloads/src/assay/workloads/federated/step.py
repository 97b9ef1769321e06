"""The joining of a turn as a job: the sum is opened, if it is masked, and the state moves by the mean of it.

It reads what every member's job left, and comes to the same bits wherever it is run: whoever runs or checks it learns
the sum, and of a secure one nothing else.
"""

from collections.abc import Mapping
from typing import Any

from assay.workloads.errors import BadCheckpoint, BadData
from assay.workloads.federated import forms, sharing
from assay.workloads.federated.errors import Mismasked, TooFew
from assay.workloads.federated.forms import Unmasked, Updated
from assay.workloads.federated.masking import sum_of, unmasked
from assay.workloads.federated.member import read_keys
from assay.workloads.federated.numbers import Ints, length_of, size_of
from assay.workloads.federated.params import StepParams
from assay.workloads.federated.states import open_state, write_state
from assay.workloads.federated.strategies import mean_way, move, robust_way
from assay.workloads.workload import Inputs

SLACK = 1e-3
"""What rounding to whole steps may add to an update's length, in units of the bound."""
Said = dict[str, Any]


def take_step(params: StepParams, inputs: Inputs) -> tuple[bytes, dict[str, float]]:
    """Return the state after the turn, and what was measured. Raises BadData, Diverged, Mismasked, TooFew."""
    state = open_state(params, inputs)
    heads, updates, refused = read_updates(params, inputs)
    if len(updates) < params.quorum:
        raise TooFew(f"{len(updates)} updates can be read, a turn takes {params.quorum}: {refused}")
    total = opened(params, inputs, heads, updates) if params.masked else sum_of(updates.values(), size_of(params))
    is_sum = params.rule == "mean"
    way, tally = mean_way(params, total) if is_sum else robust_way(params, list(updates.values()), total)
    spent = [(head.epsilon, head.delta) for head in heads.values() if head.epsilon is not None]
    said: Said = {"counted": list(updates), "refused": refused, "secure": params.secure}
    said |= {"weight": round(tally.weight, 9)}
    if params.privacy is None:
        said |= {"loss": round(tally.loss, 6), "right": round(tally.right, 6)}
    if spent:
        said |= {"epsilon": max(spent)[0], "delta": max(spent)[1]}
    metrics = {name: float(said[name]) for name in ("loss", "right", "epsilon", "delta") if name in said}
    return write_state(move(params, state, way), said), metrics | {"counted": float(len(updates))}


def read_updates(params: StepParams, inputs: Inputs) -> tuple[dict[str, Updated], dict[str, Ints], dict[str, str]]:
    """Return the updates that can be read, by digest, and of each other one why not."""
    heads, updates, refused = dict[str, Updated](), dict[str, Ints](), dict[str, str]()
    for digest in params.updates:
        try:
            head, whole = forms.read_update(inputs.read(digest))
            check_update(params, head, whole)
        except BadCheckpoint as error:
            refused[digest] = error.detail[:160]
            continue
        heads[digest], updates[digest] = head, whole
    return heads, updates, refused


def check_update(params: StepParams, head: Updated, whole: Ints) -> None:
    """Raise BadCheckpoint for an update that no honest member sends; of a masked one only its form can be seen."""
    turn = params.masked
    if head.size != size_of(params):
        raise BadCheckpoint(f"It has {head.size} integers, an update of this model {size_of(params)}.")
    if turn is None:
        if head.session is not None:
            raise BadCheckpoint("It is masked.")
        if length_of(params, whole) > params.clip * (1 + SLACK):
            raise BadCheckpoint(f"It is longer than {params.clip:g}.")
    elif (head.session, head.turn) != (turn.session, turn.turn) or head.place not in params.dealers:
        raise BadCheckpoint("It is of another turn, or of no member of this one.")


def opened(params: StepParams, inputs: Inputs, heads: Mapping[str, Updated], updates: Mapping[str, Ints]) -> Ints:
    """Return the sum of masked updates. Raises BadData, Mismasked, TooFew."""
    turn = params.masked
    assert turn is not None
    keys = read_keys(turn, inputs)
    masked = {heads[digest].place: whole for digest, whole in updates.items()}
    if len(masked) < max(len(updates), turn.threshold):
        raise TooFew(f"{len(masked)} members' updates came in, {turn.threshold} can be unmasked.")
    said = read_unmaskings(params, inputs)
    context = (turn.session, turn.turn)
    owns, gone = dict[int, bytes](), dict[int, bytes]()
    for place in params.dealers:
        is_here = place in masked
        shares = {each.place: bytes.fromhex(found) for each in said if (found := share_of(each, place, is_here))}
        check = (
            sharing.opens_own(keys[place].owns[turn.turn])
            if is_here
            else sharing.opens_pair(keys[place].pairs[turn.turn])
        )
        (owns if is_here else gone)[place] = sharing.combine(shares, turn.threshold, check, place)
    publics = {place: bytes.fromhex(keys[place].pairs[turn.turn]) for place in params.dealers}
    try:
        return unmasked(masked, owns, gone, publics, context)
    except ValueError as error:
        raise Mismasked(f"A member's key is none: {error}") from None


def share_of(said: Unmasked, place: int, is_here: bool) -> str | None:
    """Return the share that a member sent of another one's secret."""
    return (said.owns if is_here else said.pairs).get(place)


def read_unmaskings(params: StepParams, inputs: Inputs) -> list[Unmasked]:
    """Return what members sent to open the sum, one for each. Raises BadData."""
    assert params.masked is not None
    found = dict[int, Unmasked]()
    for digest in params.unmaskings:
        try:
            said = forms.read(Unmasked, inputs.read(digest))
        except BadCheckpoint as error:
            raise BadData(f"An unmasking cannot be read: {error.detail}") from None
        if (said.session, said.turn) == (params.masked.session, params.masked.turn):
            found.setdefault(said.place, said)
    return list(found.values())
