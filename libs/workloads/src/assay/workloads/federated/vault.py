"""A data set that stays: a folder of its holder's, with what it allows, and a ledger of what was given away of it.

Its offer names it by a commitment under a salt, so nobody learns by guessing what is in it, and by a key of its own,
with which the member signs the keys of a session.

`<private>/<name>/terms.json` is the holder's word, `data.npz` the arrays `x` (examples × values) and `y` (classes),
`seed` what all secrets follow from, `ledger/` the only place that a job may write to.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final

from blake3 import blake3
from pydantic import Field, ValidationError

from assay.schema.values import Digest
from assay.workloads.federated import secrets
from assay.workloads.federated.errors import DataMissing, NotAllowed
from assay.workloads.federated.params import MEMBERS_MAX, MemberParams
from assay.workloads.workload import FrozenParams

TERMS, DATA, SEED, LEDGER = "terms.json", "data.npz", "seed", "ledger"
COMMITMENT: Final = b"assay.federated.data.1"


class Terms(FrozenParams):
    """What a holder allows. `peers` are the identities that it takes for members of a session; none are any.

    `epsilon_max`, at `delta`, is what all jobs together may spend of a record's privacy; with it every job has to be
    private. `members_min` is how many others at least hide its update in a sum; 0 allows updates that are seen alone.
    """

    epsilon_max: Annotated[float, Field(gt=0, le=1_000)] | None = None
    delta: Annotated[float, Field(gt=0, lt=1e-2)] = 1e-5
    members_min: Annotated[int, Field(ge=0, lt=MEMBERS_MAX)] = 0
    peers: tuple[Digest, ...] = ()


@dataclass(frozen=True)
class Vault:
    """One data set in its folder."""

    folder: Path

    @property
    def ledger(self) -> Path:
        """The folder that jobs note in what they gave away."""
        return self.folder / LEDGER

    @cached_property
    def terms(self) -> Terms:
        """What is allowed. Raises DataMissing."""
        try:
            return Terms.model_validate_json((self.folder / TERMS).read_bytes())
        except (OSError, ValidationError) as error:
            raise DataMissing(f"{self.folder.name}: its {TERMS} cannot be read: {str(error)[:160]}") from None

    @cached_property
    def seed(self) -> bytes:
        """What its secrets follow from. Raises DataMissing."""
        path = self.folder / SEED
        if not path.is_file() or path.stat().st_size != secrets.SEED_BYTES:
            raise DataMissing(f"{self.folder.name}: there is no {SEED} of {secrets.SEED_BYTES} bytes.")
        return path.read_bytes()

    @cached_property
    def commitment(self) -> str:
        """What names these very data, and tells nothing of them."""
        salt = secrets.derive(self.seed, "salt")
        return blake3(COMMITMENT, key=salt).update_mmap(self.folder / DATA).hexdigest()

    @cached_property
    def identity(self) -> str:
        """The public key of its member."""
        return secrets.identity_of(secrets.derive(self.seed, "identity"))

    def content(self) -> bytes:
        """The data set's file. Raises DataMissing."""
        try:
            return (self.folder / DATA).read_bytes()
        except OSError as error:
            raise DataMissing(f"{self.folder.name}: {DATA} cannot be read: {error.strerror}.") from None

    def sign(self, said: bytes) -> str:
        """The member's signature."""
        return secrets.sign(secrets.derive(self.seed, "identity"), said)


def vaults(private: Path | None) -> dict[str, Vault]:
    """Return the data sets in a folder by name."""
    if private is None or not private.is_dir():
        return {}
    return {each.name: Vault(each) for each in sorted(private.iterdir()) if (each / TERMS).is_file()}


def vault_of(private: Path | None, commitment: str) -> Vault:
    """Return the data set with this commitment. Raises DataMissing."""
    for vault in vaults(private).values():
        if vault.commitment == commitment:
            return vault
    raise DataMissing(f"No data set {commitment} is here.")


def make(private: Path, name: str, content: bytes, terms: Terms) -> Vault:
    """Return the data set of this content (`examples.write`) that is put into the folder. Raises FileExistsError."""
    folder = private / name
    (folder / LEDGER).mkdir(parents=True, exist_ok=False, mode=0o700)
    for file, held in ((DATA, content), (SEED, os.urandom(secrets.SEED_BYTES))):
        handle = os.open(folder / file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(held)
    # The terms come last: without them it is no data set yet.
    (folder / TERMS).write_text(json.dumps(terms.model_dump(mode="json"), indent=2) + "\n")
    return Vault(folder)


def check_terms(terms: Terms, params: MemberParams, others: Sequence[str] = ()) -> None:
    """Raise NotAllowed for a job that its holder does not allow. `others` are the other members' identities.

    Strangers, whom the holder does not name, may all be the requester's own: what hides the update are the others of
    the fewest that unmask, and no two answers of honest members may unmask one member twice.
    """
    is_counted = params.privacy is not None and params.privacy.unit == "record"
    if terms.epsilon_max is not None and params.act == "update" and not is_counted:
        raise NotAllowed("Only jobs with noise for each record are allowed on this data set (privacy.unit=record).")
    if not terms.members_min:
        return
    if params.masked is None:
        raise NotAllowed("Updates of this data set are never seen alone: ask for a secure sum.")
    if params.act == "keys":
        return
    threshold, strangers = params.masked.threshold, len(set(others) - set(terms.peers)) if terms.peers else 0
    if threshold - 1 - strangers < terms.members_min or 2 * threshold <= len(others) + 1 + strangers:
        hidden = max(0, threshold - 1 - strangers)
        raise NotAllowed(f"{hidden} others whom the holder knows hide this update, {terms.members_min} have to.")
