"""An image from an archive: what `docker save` writes, or an OCI layout as tar, unpacked into a root with distrust.

After the OCI image specification (layout, manifest, layers with whiteouts). Nothing of an archive is believed: digests
are compared, every size is counted before it is written, and a name leads to nowhere but beneath the root, through no
link. What can be no part of a root for a stranger's program (device nodes, pipes, set-user-id) is refused or dropped.
"""

import errno
import gzip
import hashlib
import io
import json
import platform
import re
import tarfile
import zlib
from pathlib import Path
from typing import IO, Any, BinaryIO, Final, cast

from assay.workloads.command.errors import BadImage
from assay.workloads.command.layers import Room, apply

ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
JSON_BYTES_MAX: Final = 4 << 20
LAYERS_MAX: Final = 128
MEMBERS_MAX: Final = 1024
GZIP: Final = b"\x1f\x8b"
DIGEST: Final = re.compile(r"^sha256:([0-9a-f]{64})$")
BROKEN: Final = (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, ValueError, KeyError, TypeError, IndexError)
UNNAMEABLE: Final = (errno.ENAMETOOLONG, errno.EINVAL, errno.ELOOP)
DONE: Final[dict[Path, dict[str, str]]] = {}
"""The roots of this process that are unpacked, each with its image's variables: a process is of one task."""


def unpacked(archive: BinaryIO, root: Path, size_max: int) -> dict[str, str]:
    """Return the variables of an image, whose files are in `root` now. Raises BadImage."""
    if root not in DONE:
        try:
            DONE[root] = unpack(archive, root, size_max)
        except BROKEN as error:
            raise BadImage(f"The archive cannot be read: {error}.") from None
        except OSError as error:
            if error.errno not in UNNAMEABLE:
                raise
            raise BadImage(f"The archive has a name that no file can have: {error.strerror}.") from None
    return DONE[root]


def unpack(archive: BinaryIO, root: Path, size_max: int) -> dict[str, str]:
    """Unpack an image's layers, one over the other, and return its variables. Raises BadImage, and any of BROKEN."""
    with tarfile.open(fileobj=archive, mode="r:") as outer:
        members = {}
        for count, member in enumerate(outer, start=1):
            # One of less than nothing would lead back to itself, for ever.
            if count > MEMBERS_MAX or member.size < 0:
                raise BadImage(f"The archive has more than {MEMBERS_MAX} entries, or one of less than nothing.")
            members[member.name.removeprefix("./")] = member
        parts = Parts(outer, members)
        config, layers = parts.of_layout() if "index.json" in members else parts.of_docker()
        own = ARCHITECTURES.get(platform.machine(), "")
        if config.get("architecture", own) != own or config.get("os", "linux") != "linux":
            raise BadImage(f"It is for {config.get('os')} on {config.get('architecture')}, this machine is {own}.")
        if len(layers) > LAYERS_MAX:
            raise BadImage(f"It has {len(layers)} layers, of {LAYERS_MAX}.")
        room = Room(size_max)
        for name in layers:
            with parts.open(name) as layer:
                apply(plain(layer, size_max), root, room)
    words = (config.get("config") or {}).get("Env") or []
    return {name: value for name, _, value in (str(word).partition("=") for word in words[:64])}


def plain(layer: BinaryIO, size_max: int) -> IO[bytes]:
    """Return a layer's tar, decompressed as it is read. Raises BadImage."""
    begin = layer.read(4)
    layer.seek(0)
    if begin.startswith(b"\x28\xb5\x2f\xfd"):
        raise BadImage("A layer is compressed by zstd; only gzip and none are read.")
    return cast(IO[bytes], gzip.GzipFile(fileobj=layer)) if begin.startswith(GZIP) else layer


class Parts:
    """The entries of an archive by name."""

    def __init__(self, outer: tarfile.TarFile, members: dict[str, tarfile.TarInfo]) -> None:
        self._outer, self._members = outer, members

    def open(self, name: str) -> BinaryIO:
        """Return an entry that is a plain file. Raises BadImage."""
        member = self._members.get(name)
        file = self._outer.extractfile(member) if member and member.isreg() else None
        if file is None:
            raise BadImage(f"The archive has no plain file {name[:80]}.")
        return file  # type: ignore[return-value]

    def of_layout(self) -> tuple[dict[str, Any], list[str]]:
        """Return config and layers of an OCI layout with one image."""
        (listed,) = (m for m in self._json("index.json")["manifests"] if is_image(m))
        manifest = self._json(self._blob(listed["digest"]))
        config = self._json(self._blob(manifest["config"]["digest"]))
        return config, [self._blob(layer["digest"]) for layer in manifest["layers"]]

    def of_docker(self) -> tuple[dict[str, Any], list[str]]:
        """Return config and layers of what `docker save` wrote of one image."""
        (image,) = self._json("manifest.json")
        return self._json(image["Config"]), [str(layer) for layer in image["Layers"]]

    def _blob(self, digest: str) -> str:
        """Return the name of a blob that has the digest that it is named by."""
        found = DIGEST.match(digest)
        name = f"blobs/sha256/{found.group(1)}" if found else ""
        with self.open(name) as file:
            if hashlib.file_digest(cast(io.BufferedReader, file), "sha256").hexdigest() != name[-64:]:
                raise BadImage(f"{name} does not have its digest.")
        return name

    def _json(self, name: str) -> Any:
        with self.open(name) as file:
            text = file.read(JSON_BYTES_MAX + 1)
        if len(text) > JSON_BYTES_MAX:
            raise BadImage(f"{name} is larger than {JSON_BYTES_MAX} bytes.")
        return json.loads(text)


def is_image(listed: dict[str, Any]) -> bool:
    """Whether an entry of an index is an image, and no statement about one."""
    platform_of = listed.get("platform") or {}
    return platform_of.get("os") != "unknown"
