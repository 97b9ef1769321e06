"""Runs the segments of a calibration under one setting, as the process that a calibration starts; prints its class.

calibrating.py '{"work", "folder", "reference"}'
"""

import json
import sys
from pathlib import Path

from assay.workloads.calibrate import Work, run_segments

if __name__ == "__main__":
    task = json.loads(sys.argv[1])
    found = run_segments(Work.model_validate(task["work"]), Path(task["folder"]), Path(task["reference"]))
    print(found.model_dump_json())
