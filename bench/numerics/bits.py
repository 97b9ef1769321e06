"""The bits that training comes to under unlike settings of threads and instruction sets: a process for each set."""

import json
import os
import subprocess
import sys
from typing import Final

THREADS: Final = ("1", "2")
SETTINGS: Final[dict[str, dict[str, str]]] = {
    "own": {},
    "none": {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE", "ONEDNN_MAX_CPU_ISA": "SSE41"},
    "avx2": {"ATEN_CPU_CAPABILITY": "avx2", "MKL_CBWR": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "avx512": {"ATEN_CPU_CAPABILITY": "avx512", "ONEDNN_MAX_CPU_ISA": "AVX512_CORE"},
}


def over_settings() -> dict[str, float | str | None]:
    """In how many settings of threads and instruction sets the weights were made, and how many are distinct."""
    found = [line for setting in SETTINGS.values() for line in ask(setting)]
    distinct = {way: len({line[way] for line in found}) for way in ("exact", "native")}
    print(f"  {len(found)} settings: {distinct['exact']} exact, {distinct['native']} native", flush=True)
    return {"settings": len(found), **{f"distinct_weights_{way}": number for way, number in distinct.items()}}


def ask(setting: dict[str, str]) -> list[dict[str, str]]:
    """What a process of one setting comes to, on each number of threads."""
    command = [sys.executable, "-m", "bench.numerics.weights", *THREADS]
    said = subprocess.run(command, env=os.environ | setting, stdout=subprocess.PIPE, check=True).stdout
    return [json.loads(line) for line in said.splitlines()]
