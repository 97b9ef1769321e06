"""Starts settlement."""

from typing import NoReturn

from assay.runtime import run
from assay.settlement.service import service
from assay.settlement.settings import Settings

SERVICE = service()


def main() -> NoReturn:
    """Runs until told to stop."""
    run(SERVICE, Settings.read())


if __name__ == "__main__":
    main()
