"""Axis `verification`: what proof costs, what it finds, what it leaves a cheat; each part in a file of its own.

Each part is a module with `run() -> Result`, as every axis is; this one runs them and puts them into one result. What
takes longer by itself gives a `sample` here and says so. A part that is not in this tree is named and left out; its
aims are then not claimed.
"""

from bench.result import Result
from bench.verification.parts import PARTS, merge, run_part


def run() -> Result:
    """The axis, measured now, part after part."""
    return merge("verification", [run_part(module) for module in PARTS])
