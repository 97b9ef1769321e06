"""Starts a provider's worker."""

from typing import NoReturn

from assay.execution.launch import launch
from assay.execution.settings import Settings


def main() -> NoReturn:
    """Runs until told to stop."""
    launch(Settings.read())


if __name__ == "__main__":
    main()
