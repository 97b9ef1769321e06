"""The calibration that the network's operator takes: between this machine's class and one that nobody has."""

import json
import time
from pathlib import Path
from typing import Final

from assay.proof.calibration import Calibration, seal_calibration
from assay.proof.keys import Key
from assay.schema.values import NO_DIGEST
from assay.workloads.machine import own_class_id

CALIBRATED: Final = "f1" * 32
KIND: Final = "finetune"
WORST: Final = 5e-7
"""What was measured between settings of one machine (docs/adr/0014-classes.md)."""
STANDS_MS: Final = 86_400_000


def calibrated(folder: Path) -> dict[str, object]:
    """The knobs by which verification takes the calibration, whose file is written."""
    own, now_ms, key = own_class_id() or NO_DIGEST, time.time_ns() // 1_000_000, Key.generate()
    record = Calibration(
        classes=(min(own, CALIBRATED), max(own, CALIBRATED)),
        dtype="float32",
        workload=KIND,
        runs=3,
        worst=WORST,
        not_before_ms=now_ms - STANDS_MS,
        not_after_ms=now_ms + STANDS_MS,
    )
    file = folder / "calibrations"
    file.write_text(f"{seal_calibration(record, key)}\n")
    return {"calibrations_file": file, "calibrators": json.dumps([key.address])}
