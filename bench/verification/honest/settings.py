"""The settings that honest machines differ in: instruction sets and threads, each a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

AVX512: Final = {"ATEN_CPU_CAPABILITY": "avx512"}
AVX2: Final = {"ATEN_CPU_CAPABILITY": "avx2", "MKL_CBWR": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
PLAIN: Final = {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE", "ONEDNN_MAX_CPU_ISA": "SSE41"}


@dataclass(frozen=True)
class Setting:
    """A kind of machine."""

    name: str
    threads: int
    environment: dict[str, str]


SETTINGS: Final = tuple(
    Setting(f"{name}, {threads} thread{'s' * (threads > 1)}", threads, environment)
    for name, environment in (("AVX-512", AVX512), ("AVX2", AVX2), ("no vectors", PLAIN))
    for threads in (1, 2)
)


class Child:
    """A running machine that does one task at a time."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, task: dict[str, Any]) -> dict[str, Any]:
        """What it answers. Raises RuntimeError if it ended instead."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(task) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"A machine ended with {self._process.wait()}.")
        said: dict[str, Any] = json.loads(line)
        return said


@contextmanager
def machines(model: str, folder: Path, models_dir: Path) -> Iterator[list[Child]]:
    """One child for each setting."""
    with ExitStack() as stack:
        yield [stack.enter_context(launch(each, model, folder, models_dir)) for each in SETTINGS]


@contextmanager
def launch(setting: Setting, model: str, folder: Path, models_dir: Path) -> Iterator[Child]:
    """A child under this setting, ended at the end."""
    given = {"threads": setting.threads, "model": model, "folder": str(folder), "models": str(models_dir)}
    environment = os.environ | setting.environment | {"OMP_NUM_THREADS": str(setting.threads), "HF_HUB_OFFLINE": "1"}
    environment |= {"OMP_WAIT_POLICY": "PASSIVE"}
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.verification.honest.child", json.dumps(given)],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield Child(process)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(timeout=60)
