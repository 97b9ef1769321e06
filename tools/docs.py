"""Writes every generated file: `python -m tools.docs`; with `--check` it only says which are stale."""

import sys
from pathlib import Path

from tools import pages

ROOT = Path(__file__).resolve().parent.parent


def files() -> dict[str, str]:
    """The text of each generated file, by its path from the root."""
    return {
        "docs/events.md": pages.events_page(),
        "docs/job-life.md": pages.life_page(),
        "docs/errors.md": pages.errors_page(),
        "docs/settings.md": pages.settings_page(),
        "docs/asyncapi.json": pages.asyncapi_file(),
        "deploy/permissions.json": pages.permissions_file(),
        **pages.schema_files(),
        **pages.golden_files(),
    }


def stale() -> list[str]:
    """The generated files that differ from what the code says now."""
    return [name for name, text in files().items() if not (ROOT / name).exists() or (ROOT / name).read_text() != text]


def main() -> None:
    """Write or check."""
    names = stale()
    if "--check" in sys.argv:
        sys.exit(f"stale, run `make docs`: {', '.join(names)}" if names else 0)
    for name, text in files().items():
        (ROOT / name).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / name).write_text(text)


if __name__ == "__main__":
    main()
