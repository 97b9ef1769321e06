"""What is kept of a whole blob: a record in the form of an object of the Object Store. Pure."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from assay.bus.layout import Layout, read_layout, write_layout
from assay.bus.parts import PART_BYTES, check_total, offsets
from assay.bus.streams import BUCKET
from assay.schema.errors import Refused

CORE_OWNER: Final = "core"
BYTES: Final = "bytes"
REMEMBERED_MAX: Final = 4096


@dataclass(frozen=True, slots=True)
class BlobRecord:
    """What the store knows of a whole blob: its size, whose upload made it whole, and where its parts lie.

    Or that it has none: the record holds the bytes.
    """

    size: int
    owner: str
    layout: Layout
    has_bytes: bool = False


def write_record(name: str, record: BlobRecord, sha256: bytes | None, now_s: int, data: bytes | None = None) -> bytes:
    """A record as it is kept: what an Object Store says of an object, and its bytes if they lie here.

    Of what no other client of the Object Store can read it says no SHA-256, which would take longer than all else.
    """
    held = {} if data is None else {BYTES: base64.b64encode(data).decode()}
    digest = {} if sha256 is None else {"digest": f"SHA-256={base64.urlsafe_b64encode(sha256).decode()}"}
    said: dict[str, Any] = {
        "name": name,
        "bucket": BUCKET,
        "nuid": f"{record.owner}.{name.rpartition('.')[2]}.*",
        "size": record.size,
        "chunks": len(offsets(record.size)),
        **digest,
        "mtime": datetime.fromtimestamp(now_s, UTC).isoformat().replace("+00:00", "Z"),
        "options": {"max_chunk_size": PART_BYTES},
        "metadata": {"layout": write_layout(record.layout), **held},
    }
    return json.dumps(said).encode()


def read_record(name: str, raw: bytes) -> BlobRecord:
    """A record that was kept. Raises Refused, blob.mismatch, for one that is damaged."""
    try:
        said = json.loads(raw)
        size, owner, more = int(said["size"]), str(said["nuid"]).partition(".")[0], dict(said["metadata"])
        text, has_bytes = str(more["layout"]), BYTES in more
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Refused("blob.mismatch", f"The record of {name} is damaged.") from None
    check_total(size)
    return BlobRecord(size, owner, read_layout(text, size), has_bytes)


def renamed(raw: bytes, name: str) -> bytes:
    """A record that was kept, under another name."""
    return json.dumps(json.loads(raw) | {"name": name}).encode()


def read_bytes(name: str, raw: bytes) -> bytes:
    """The bytes that a record holds. Raises Refused, blob.mismatch, for one that is damaged."""
    try:
        return base64.b64decode(json.loads(raw)["metadata"][BYTES], validate=True)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Refused("blob.mismatch", f"The record of {name} is damaged.") from None


def remember(records: dict[str, BlobRecord], name: str, record: BlobRecord) -> None:
    """Lay a record in memory; the oldest is forgotten to make room."""
    if len(records) >= REMEMBERED_MAX:
        records.pop(next(iter(records)))
    records[name] = record
