"""The calibrations that the operator takes: read once at the start, each with its signature checked."""

from collections.abc import Collection
from pathlib import Path

from assay.proof.calibration import BadCalibration, Calibration, open_calibrations
from assay.schema.errors import BadSettings


def load_calibrations(file: Path | None, calibrators: Collection[str]) -> tuple[Calibration, ...]:
    """The records of a file, one a line, none without a file. Raises BadSettings for one that cannot be taken."""
    if file is None:
        return ()
    try:
        return open_calibrations(file.read_text(encoding="utf-8"), frozenset(calibrators))
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(f"The calibrations cannot be read: {error}.") from None
    except BadCalibration as fault:
        raise BadSettings(f"{file}, {fault.detail}") from None
