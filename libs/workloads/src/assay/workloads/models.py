"""A store of models by digest, the Merkle root over the names and contents of a model's files."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from blake3 import blake3

from assay.workloads.errors import ModelCorrupt, ModelMissing

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
"""Says which tensor lies in which file, where weights are in several."""


class ModelStore:
    """Models under one root folder, each in a folder named by its digest."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    def __contains__(self, digest: str) -> bool:
        return any((self.root / digest / name).is_file() for name in (WEIGHTS, INDEX))

    def path(self, digest: str) -> Path:
        """Return the folder of this model. Raises ModelMissing."""
        if digest not in self:
            raise ModelMissing(f"The model {digest} is not in the store of this machine.")
        return self.root / digest

    def verify(self, digest: str) -> None:
        """Read all files of this model. Raises ModelMissing, and ModelCorrupt unless they have this digest."""
        found = folder_digest(self.path(digest))
        if found != digest:
            raise ModelCorrupt(f"The model stored as {digest} is really {found}.")

    def add(self, folder: Path) -> str:
        """Return the digest of a copy of this folder's files, put into the store whole or not at all."""
        digest = folder_digest(folder)
        if digest not in self:
            self.root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self.root, prefix=".adding-") as scratch:
                shutil.copytree(folder, Path(scratch, digest))
                self._adopt(Path(scratch, digest))
        return digest

    def import_gguf(self, gguf: Path) -> str:
        """Return the digest of the model in this GGUF file, de-quantised to float32 and put into the store."""
        from assay.workloads.convert import convert_gguf

        self.root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.root, prefix=".adding-") as scratch:
            convert_gguf(gguf, Path(scratch, "model"))
            digest = folder_digest(Path(scratch, "model"))
            self._adopt(Path(scratch, "model").rename(Path(scratch, digest)))
        return digest

    def _adopt(self, folder: Path) -> None:
        """Move a complete folder to its place, unless another process was first with the same content."""
        try:
            folder.rename(self.root / folder.name)
        except OSError:
            if folder.name not in self:
                raise


def folder_digest(folder: Path) -> str:
    """Return the Merkle root over the names and contents of the files right in this folder."""
    from assay.proof import digest

    return digest.folder_digest(_files(folder))


def _files(folder: Path) -> Iterator[tuple[str, int, bytes]]:
    """Yield name, size and BLAKE3 digest of each file, by name."""
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        hasher = blake3()
        hasher.update_mmap(file)
        yield file.name, file.stat().st_size, hasher.digest()
