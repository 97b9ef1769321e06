"""A member's four acts, each a job on the machine that holds the data. What they give away is in the ledger first."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from assay.proof.digest import blob_digest
from assay.workloads.errors import BadCheckpoint, BadData
from assay.workloads.federated import examples, forms, masking, numbers, perceptron, sharing
from assay.workloads.federated.examples import Examples
from assay.workloads.federated.forms import Advertised, Dealt, Unmasked, Updated
from assay.workloads.federated.ledger import Ledger
from assay.workloads.federated.local import Tell, gaussian, spent_by, train
from assay.workloads.federated.numbers import Ints, Tally
from assay.workloads.federated.params import MemberParams, Turn
from assay.workloads.federated.secrets import derive, is_signed
from assay.workloads.federated.sharing import Sealed
from assay.workloads.federated.states import open_state
from assay.workloads.federated.vault import Vault, check_terms, vault_of
from assay.workloads.workload import Inputs

Metrics = dict[str, float]


@dataclass(frozen=True)
class Seat:
    """A member at its place in a session: its secrets, and everybody's keys."""

    sealed: Sealed
    place: int
    keys: tuple[Advertised, ...]
    turn: Turn

    @property
    def context(self) -> tuple[object, ...]:
        """What a turn's masks are for."""
        return (self.turn.session, self.turn.turn)

    def publics(self, places: tuple[int, ...]) -> dict[int, bytes]:
        """The turn's public keys of these members."""
        return {place: bytes.fromhex(self.keys[place].pairs[self.turn.turn]) for place in places}


def act(params: MemberParams, inputs: Inputs, tell: Tell) -> tuple[bytes, Metrics]:
    """Return what the act leaves behind, and what is measured. Raises WorkloadError."""
    vault = vault_of(inputs.private, params.data)
    return ACTS[params.act](params, inputs, vault, tell)


def advertise(params: MemberParams, inputs: Inputs, vault: Vault, tell: Tell) -> tuple[bytes, Metrics]:
    """Return the keys of a session, signed."""
    assert params.masked is not None
    check_terms(vault.terms, params)
    session = params.masked.session
    keys = sharing.advertise(Sealed(vault.seed, session))
    bare = Advertised(session=session, identity=vault.identity, **keys, signature="0" * 128)
    return forms.write(bare.model_copy(update={"signature": vault.sign(bare.signed())})), {}


def deal(params: MemberParams, inputs: Inputs, vault: Vault, tell: Tell) -> tuple[bytes, Metrics]:
    """Return a letter to each member of the session: from now on it has no other members."""
    seat = seat_of(params, inputs, vault)
    letters = [bytes.fromhex(each.letters) for each in seat.keys]
    dealt = sharing.deal(seat.sealed, seat.place, letters, seat.turn.threshold)
    said = Dealt(session=seat.turn.session, dealer=seat.place, letters=tuple(letter.hex() for letter in dealt))
    return forms.write(said), {}


def update(params: MemberParams, inputs: Inputs, vault: Vault, tell: Tell) -> tuple[bytes, Metrics]:
    """Return the update: bounded, in whole steps, with noise if it is asked for, and masked if it is."""
    seat = seat_of(params, inputs, vault) if params.masked else None
    if seat is None:
        check_terms(vault.terms, params)
    data = examples.read(vault.content())
    data.check(params)
    metrics = note_update(params, vault, seat, len(data.labels))
    whole = ints_of(params, inputs, vault, data, tell)
    head = Updated(size=len(whole), epsilon=metrics.get("epsilon"), delta=metrics.get("delta"))
    if seat is None:
        return forms.write_update(head, whole), metrics
    dealers = tuple(place for place in params.dealers if place != seat.place)
    masks = masking.paired(
        seat.sealed.pair(seat.turn.turn), seat.place, seat.publics(dealers), seat.context, len(whole)
    )
    masks = masks + masking.owned(seat.sealed.own(seat.turn.turn), seat.context, len(whole))
    head = head.model_copy(update={"session": seat.turn.session, "turn": seat.turn.turn, "place": seat.place})
    return forms.write_update(head, whole + masks), metrics


def unmask(params: MemberParams, inputs: Inputs, vault: Vault, tell: Tell) -> tuple[bytes, Metrics]:
    """Return the shares that open the sum of those who came: of each member one of its two secrets, never both."""
    seat = seat_of(params, inputs, vault)
    turn = seat.turn
    Ledger(vault.ledger).answer(("unmask", turn.session, turn.turn), answer_of(sorted(params.survivors)))
    owns, pairs = dict[int, str](), dict[int, str]()
    for dealer, digest in zip(params.dealers, params.shares, strict=True):
        try:
            dealt = forms.read(Dealt, inputs.read(digest))
            letter = bytes.fromhex(dealt.letters[seat.place])
            public = bytes.fromhex(seat.keys[dealer].letters)
            pair, own = sharing.opened(seat.sealed, seat.place, dealer, public, letter, turn.turn)
        except (BadCheckpoint, IndexError, ValueError):
            # A dealer whose letter does not open is one share poorer; the others may do.
            continue
        (owns if dealer in params.survivors else pairs)[dealer] = (own if dealer in params.survivors else pair).hex()
    said = Unmasked(session=turn.session, turn=turn.turn, place=seat.place, owns=owns, pairs=pairs)
    return forms.write(said), {}


def seat_of(params: MemberParams, inputs: Inputs, vault: Vault) -> Seat:
    """Return the member's place in a session, which from now on has no other members.

    Raises AnsweredBefore, BadData, NotAllowed.
    """
    turn = params.masked
    assert turn is not None
    keys = read_keys(turn, inputs)
    identities = [each.identity for each in keys]
    if vault.identity not in identities or len(set(identities)) != len(identities):
        raise BadData("The keys of a session are those of different members, and this one's among them.")
    place = identities.index(vault.identity)
    if params.act == "update" and place not in params.dealers:
        raise BadData("This member has dealt no shares: nobody could unmask what it sends.")
    check_terms(vault.terms, params, [each for each in identities if each != vault.identity])
    Ledger(vault.ledger).answer(("members", turn.session), answer_of([*turn.keys, turn.threshold]))
    return Seat(Sealed(vault.seed, turn.session), place, keys, turn)


def read_keys(turn: Turn, inputs: Inputs) -> tuple[Advertised, ...]:
    """Return what the members of a session have advertised. Raises BadData."""
    try:
        keys = tuple(forms.read(Advertised, inputs.read(digest)) for digest in turn.keys)
    except BadCheckpoint as error:
        raise BadData(f"A member's keys cannot be read: {error.detail}") from None
    for each in keys:
        if each.session != turn.session or not is_signed(each.identity, each.signed(), each.signature):
            raise BadData(f"The keys of {each.identity[:12]} are of another session, or not signed by it.")
    return keys


def note_update(params: MemberParams, vault: Vault, seat: Seat | None, count: int) -> Metrics:
    """Return what of privacy is spent with this update, once it is in the ledger. Raises AnsweredBefore, BudgetSpent.

    Where the holder has set an amount aside, it is counted at the holder's δ.
    """
    answer = answer_of(params.model_dump(mode="json"))
    question = ("update", *map(str, seat.context)) if seat else ("update", answer)
    ledger, spent = Ledger(vault.ledger), spent_by(params, count)
    if spent is None or params.privacy is None:
        ledger.answer(question, answer)
        return {}
    most = vault.terms.epsilon_max if params.privacy.unit == "record" else None
    delta = vault.terms.delta if most else params.privacy.delta
    epsilon = ledger.spend(question, answer, spent, (params.privacy.unit, delta, most))
    return {"epsilon": epsilon, "delta": delta}


def ints_of(params: MemberParams, inputs: Inputs, vault: Vault, data: Examples, tell: Tell) -> Ints:
    """Return the update in whole steps. Raises BadData, Diverged."""
    start = open_state(params, inputs).weights
    secret = derive(vault.seed, "draws", answer_of(params.model_dump(mode="json")))
    way = train(params, start, data, secret, tell)
    # What no noise covers is not told where noise was asked for.
    loss, right = (0.0, 0.0) if params.privacy else perceptron.measure(params.layers, start, data.values, data.labels)
    deviation = numbers.noise_of(params)
    noise = gaussian(derive(secret, "sum"), len(way)) * deviation if deviation else None
    if noise is not None and deviation * numbers.scale_of(params) < numbers.NOISE_LEAST:
        raise BadData("The noise is too small beside the steps in which updates are written.")
    tally = Tally(numbers.weight_of(params, len(data.labels)), loss, right)
    return numbers.to_ints(params, np.asarray(way), tally, noise)


def answer_of(said: object) -> str:
    """Return the digest of an answer."""
    return blob_digest(json.dumps(said, sort_keys=True).encode())


ACTS: Final[Mapping[str, Callable[[MemberParams, Inputs, Vault, Tell], tuple[bytes, Metrics]]]] = {
    "keys": advertise,
    "shares": deal,
    "update": update,
    "unmask": unmask,
}
