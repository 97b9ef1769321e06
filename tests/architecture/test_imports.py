"""Who may import whom, as pyproject.toml says and import-linter holds."""

import ast
import subprocess
import sys
from pathlib import Path

from tests.architecture.sources import ROOT, files, nodes

# What would let bytes from outside become code.
BANNED_CALLS = {"eval", "exec", "compile"}
BANNED_MODULES = {"pickle", "dill", "joblib", "cloudpickle", "marshal", "shelve"}


def test_the_import_contracts_hold() -> None:
    found = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert found.returncode == 0, found.stdout[-4000:] + found.stderr[-1000:]


def test_nothing_unpickles_or_evaluates() -> None:
    found = []
    for file in files():
        for node in nodes(file):
            names = _imported(node)
            called = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in BANNED_CALLS
            if names & BANNED_MODULES or called or _loads(node):
                found.append(f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}")
    assert found == []


def test_only_the_runtime_catches_everything() -> None:
    found = []
    for file in files():
        for node in nodes(file):
            if isinstance(node, ast.ExceptHandler) and (node.type is None or ast.unparse(node.type) == "Exception"):
                found.append(str(file.relative_to(ROOT)))
    assert {name for name in found if not name.startswith("libs/runtime/")} == set()


def _loads(node: ast.AST) -> bool:
    """Whether a node calls `torch.load`."""
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(called, ast.Attribute) and called.attr == "load" and ast.unparse(called) == "torch.load"


def _imported(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name.partition(".")[0] for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.module:
        return {node.module.partition(".")[0]}
    return set()
