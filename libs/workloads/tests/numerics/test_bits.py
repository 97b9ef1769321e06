"""One digest of forward, backward and update, whatever the threads, instruction sets and kernels."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# Each with one thread and with two: eight settings in four processes.
SETTINGS = (
    {},
    {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE", "ONEDNN_MAX_CPU_ISA": "SSE41"},
    {"ATEN_CPU_CAPABILITY": "avx2", "MKL_CBWR": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    {"ATEN_CPU_CAPABILITY": "avx512", "MKL_CBWR": "SSE4_2,STRICT", "ONEDNN_MAX_CPU_ISA": "AVX512_CORE"},
)


def launch(settings: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, str(Path(__file__).with_name("bits.py")), "1", "2"]
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "OMP_WAIT_POLICY": "PASSIVE"} | settings
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_eight_settings_of_threads_and_instruction_sets_give_the_same_bits() -> None:
    lines = list[str]()
    for pair in (SETTINGS[:2], SETTINGS[2:]):
        children = [launch(settings) for settings in pair]
        try:
            lines += [line for child in children for line in child.communicate(timeout=280)[0].splitlines()]
        finally:
            for child in children:
                child.kill()
                child.wait()
    assert len(lines) == 8
    assert len({json.dumps(json.loads(line), sort_keys=True) for line in lines}) == 1, lines
