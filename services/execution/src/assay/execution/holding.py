"""What of a provider's own data sets its offer names: looked up again while the worker runs, hashed once a change."""

import logging
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from assay.schema.errors import BadSettings
from assay.schema.values import NO_DIGEST, HeldData
from assay.workloads.errors import BadData
from assay.workloads.federated.errors import DataMissing
from assay.workloads.federated.vault import DATA, Terms, Vault, make, vaults

HELD_MAX = 64

log = logging.getLogger(__name__)


def held_data(private_dir: Path | None) -> tuple[HeldData, ...]:
    """The data sets in the folder, as they are now; what is no data set is left out, and logged."""
    found = []
    for name, vault in vaults(private_dir).items():
        try:
            about = (vault.folder / DATA).stat()
            found.append(named(name, vault.folder, about.st_mtime_ns, about.st_size))
        except (OSError, ValueError, DataMissing) as error:
            log.warning("the data set %s is not offered: %s", name, error)
    return tuple(found[:HELD_MAX])


def take_in(private_dir: Path, name: str, file: Path, terms: dict[str, Any]) -> HeldData:
    """The data set that is in the folder now. Raises BadSettings."""
    from assay.workloads.federated import examples

    try:
        about = Terms.model_validate(terms)
        read = examples.read(file.read_bytes()) if file.suffix == ".npz" else examples.read_csv(file)
        HeldData(name=name, commitment=NO_DIGEST, identity=NO_DIGEST)
        vault = make(private_dir, name, examples.write(read), about)
    except FileExistsError:
        raise BadSettings(f"There is a data set {name} in {private_dir} already: choose another name.") from None
    except (OSError, ValidationError, BadData) as error:
        raise BadSettings(f"{file} cannot be held as {name}: {str(error)[:200]}") from None
    return named(name, vault.folder, 0, 0)


@lru_cache(maxsize=HELD_MAX)
def named(name: str, folder: Path, changed_ns: int, size_bytes: int) -> HeldData:
    """A data set as its offer names it."""
    vault = Vault(folder)
    return HeldData(name=name, commitment=vault.commitment, identity=vault.identity)
