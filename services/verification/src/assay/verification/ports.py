"""What verification's handlers may reach."""

from dataclasses import dataclass

from assay.store import Transaction


@dataclass(frozen=True, slots=True)
class Ports:
    """The transaction that the runtime opened."""

    tx: Transaction
