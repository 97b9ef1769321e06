"""Who one is towards a network, and where that network is: a folder with a profile.json."""

import os
from pathlib import Path
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from assay.client.errors import BadProfile
from assay.schema.event import first_problem

FILE: Final = "profile.json"
VARIABLE: Final = "ASSAY_PROFILE"
HOMES: Final = (Path("var/devnet/parties/requester"), Path.home() / ".assay")


class Profile(BaseModel):
    """Paths are taken from the profile's own folder. Without a key only public things can be read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    nats_url: str
    creds_file: Path
    deployment_file: Path
    evm_url: str | None = None
    key_file: Path | None = None
    operator_dir: Path | None = None
    admin_creds_file: Path | None = None

    @classmethod
    def load(cls, folder: Path) -> Self:
        """The profile in a folder. Raises BadSettings."""
        try:
            profile = cls.model_validate_json((folder / FILE).read_bytes())
        except FileNotFoundError:
            raise BadProfile(f"There is no {FILE} in {folder}: start a network with `assay up`.") from None
        except ValidationError as error:
            raise BadProfile(f"{folder / FILE}: {first_problem(error)}") from None
        paths = {name: folder / value for name, value in profile if isinstance(value, Path)}
        return profile.model_copy(update=paths)

    @classmethod
    def find(cls, folder: Path | None) -> Self:
        """The profile in `folder`, in $ASSAY_PROFILE, of a devnet started here, or of the user. Raises BadSettings."""
        named = folder or (Path(os.environ[VARIABLE]) if VARIABLE in os.environ else None)
        if named:
            return cls.load(named)
        home = next((home for home in HOMES if (home / FILE).exists()), None)
        if home is None:
            raise BadProfile("No profile was found: `assay up` starts a network and writes some.")
        return cls.load(home)

    def save(self, folder: Path) -> None:
        """Write the profile into a folder."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        text = self.model_dump_json(indent=2, exclude_none=True) + "\n"
        (folder / FILE).write_text(text, encoding="utf-8")
