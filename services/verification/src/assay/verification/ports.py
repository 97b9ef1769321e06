"""What verification's handlers may reach."""

from collections.abc import Callable
from dataclasses import dataclass

from assay.store import Transaction


@dataclass(frozen=True, slots=True)
class Ports:
    """The transaction that the runtime opened, and the auditor's bell, which is rung when audits have been opened."""

    tx: Transaction
    ring: Callable[[], object]
