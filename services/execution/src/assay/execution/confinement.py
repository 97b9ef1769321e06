"""What holds the children of the worker that ran here last, as `assay provider status` reads it."""

import json
from pathlib import Path
from typing import Any, Final

RECORD: Final = "sandbox.json"


def noted(data_dir: Path) -> dict[str, Any]:
    """What held the children when the worker started last; nothing where none did."""
    path = data_dir / RECORD
    return dict(json.loads(path.read_text())) if path.is_file() else {}
