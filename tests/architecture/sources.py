"""The source files of the project, and what can be measured in them."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def files() -> list[Path]:
    """Every Python file of libs and services that is no test."""
    found = [*ROOT.glob("libs/*/src/**/*.py"), *ROOT.glob("services/*/src/**/*.py"), *ROOT.glob("tools/*.py")]
    return sorted(found)


@cache
def nodes(file: Path) -> list[ast.AST]:
    """Every node of a file's syntax tree."""
    return list(ast.walk(ast.parse(file.read_text())))


def lines(file: Path) -> int:
    """How long a file is."""
    return len(file.read_text().splitlines())


def functions() -> Iterator[tuple[str, int]]:
    """Every function as `path:line name`, with its length in lines."""
    for file in files():
        for node in nodes(file):
            if isinstance(node, Function):
                assert node.end_lineno is not None
                place = f"{file.relative_to(ROOT)}:{node.lineno} {node.name}"
                yield place, node.end_lineno - node.lineno + 1
