"""Starts a verifier's worker."""

from typing import NoReturn

from assay.verification.verifier.launch import launch
from assay.verification.verifier.settings import Settings


def main() -> NoReturn:
    """Runs until told to stop."""
    launch(Settings.read())


if __name__ == "__main__":
    main()
