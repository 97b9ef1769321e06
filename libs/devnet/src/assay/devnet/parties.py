"""The parties of a devnet: who they are, what they hold, and the files by which they come to the door."""

from dataclasses import dataclass
from pathlib import Path

from assay.bus.keyfile import make_key
from assay.proof.keys import Key
from assay.schema.values import Role, participant_id

VERIFIER = "assay.verification.verifier.main"
WEI = 10**18
STABLE = 10**6


@dataclass(frozen=True, slots=True)
class Terms:
    """What a devnet provider offers, or a verifier checks; `program` is the module that runs it."""

    region: str = "de"
    mega_unit_price: int = 20 * STABLE
    slots: int = 1
    processes: int = 1
    program: str = "assay.execution.main"
    beat_s: float = 1.0
    network: str = "home"
    spare: bool = False
    egress: bool = False

    @classmethod
    def of_verifier(cls, number: int) -> "Terms":
        """The terms of a verifier, each on a network of its own."""
        return cls(slots=4, program=VERIFIER, network=f"net-{number}")


@dataclass(frozen=True, slots=True)
class Party:
    """A requester, provider or verifier with a folder of its own: key, credentials, profile, data."""

    name: str
    role: Role
    folder: Path
    key: Key
    terms: Terms = Terms()

    @classmethod
    def make(cls, parties: Path, name: str, role: Role, terms: Terms | None = None) -> "Party":
        """The party of that name, with the key it has or a fresh one."""
        folder = parties / name
        return cls(name, role, folder, make_key(folder / "key"), terms or Terms())

    @property
    def id(self) -> str:
        """The participant's id."""
        return participant_id(self.role, self.key.address)

    @property
    def creds_file(self) -> Path:
        """The NATS credentials."""
        return self.folder / "nats.creds"
