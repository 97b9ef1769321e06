"""Processes under settings of their own, for which torch is loaded once: each is a fork of one that has loaded it.

    for setting in settings: nursery.ask(setting, PROGRAM, "a word")
    answers = [nursery.answer() for _ in settings]

What a setting decides, torch and its libraries read when they first compute; so a fork has its setting in the
environment before anything else, and the process that it comes from only loads and never computes.
"""

import json
import os
import runpy
import subprocess
import sys
import traceback
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).parents[4]
LOADED = ("assay.workloads.llama", "assay.workloads.trace.check", "assay.workloads.training")


class Nursery:
    """Where the processes come from; a question is a setting, a program and its arguments, the answer what it prints.

    Questions are answered one after the other, in order.
    """

    def __init__(self) -> None:
        known = {"HF_HUB_OFFLINE": "1", "OMP_WAIT_POLICY": "PASSIVE"}
        known["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        self._process = subprocess.Popen([sys.executable, __file__], env=os.environ | known, **pipes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, setting: Mapping[str, str], program: Path, *words: object) -> None:
        """Have a process of its own run this program under the setting."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps([dict(setting), str(program), *map(str, words)]) + "\n")
        self._process.stdin.flush()

    def answer(self) -> list[Any]:
        """The lines of JSON that the program printed that was asked for first of those not answered yet."""
        assert self._process.stdout
        said = json.loads(self._process.stdout.readline())
        assert said["code"] == 0, "the program has failed; what it said is on standard error"
        return [json.loads(line) for line in said["lines"]]


def serve() -> None:
    """Fork a process for each line of the standard input, and say how it ended."""
    for module in LOADED:
        import_module(module)
    for line in sys.stdin:
        reading, writing = os.pipe()
        if not (pid := os.fork()):
            os.dup2(writing, sys.stdout.fileno())
            setting, *argv = json.loads(line)
            os.environ.update(setting)
            os._exit(ended(argv))
        os.close(writing)
        with os.fdopen(reading) as said:
            lines = said.read().splitlines()
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        print(json.dumps({"code": code, "lines": lines}), flush=True)


def ended(argv: list[str]) -> int:
    """The exit code of a program that was run here."""
    sys.argv = argv
    try:
        runpy.run_path(argv[0], run_name="__main__")
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    serve()
