"""Image archives as tests make them, honest and not."""

import gzip
import hashlib
import io
import json
import platform
import tarfile

CONFIG = json.dumps(
    {
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), ""),
        "os": "linux",
        "config": {"Env": ["KIND=toy"]},
    }
).encode()
Entry = tuple[tarfile.TarInfo, bytes]


def entry(name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, target: str = "", mode: int = 0o644) -> Entry:
    """One entry of an archive."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.size = kind, target, mode, len(data)
    return info, data


def tar(*entries: Entry) -> bytes:
    """An archive of entries, as they stand."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for info, data in entries:
            archive.addfile(info, io.BytesIO(data))
    return held.getvalue()


def endless() -> bytes:
    """An archive with an entry of less than nothing, after which it begins again."""
    header = bytearray(entry("a")[0].tobuf())
    header[124:136] = (-1024).to_bytes(12, "big", signed=True)
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header[:512])
    return bytes(header[:512]) + bytes(10240)


def docker_archive(*layers: bytes) -> bytes:
    """What `docker save` writes of an image."""
    names = [f"{number}/layer.tar" for number in range(len(layers))]
    manifest = json.dumps([{"Config": "config.json", "Layers": names}]).encode()
    files = {"manifest.json": manifest, "config.json": CONFIG, **dict(zip(names, layers, strict=True))}
    return tar(*(entry(name, data) for name, data in files.items()))


def oci_layout(*layers: bytes, gz: bool = False) -> bytes:
    """An image as an OCI layout."""
    blobs: dict[str, bytes] = {}

    def put(data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        blobs[f"blobs/sha256/{digest}"] = data
        return f"sha256:{digest}"

    written = [{"digest": put(gzip.compress(layer, 1) if gz else layer)} for layer in layers]
    manifest = put(json.dumps({"config": {"digest": put(CONFIG)}, "layers": written}).encode())
    files = {"index.json": json.dumps({"manifests": [{"digest": manifest}]}).encode(), **blobs}
    return tar(*(entry(name, data) for name, data in files.items()))
