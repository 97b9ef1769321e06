"""Starts verification."""

from typing import NoReturn

from assay.runtime import run
from assay.verification.service import service
from assay.verification.settings import Settings

SERVICE = service()


def main() -> NoReturn:
    """Runs until told to stop."""
    run(SERVICE, Settings.read())
