"""One segment of a command: its files laid into a fresh folder, the program run, its outputs taken with distrust.

The program is told its part by `ASSAY_SEGMENT` of `ASSAY_SEGMENTS`; it finds inputs in `in`, what the segment before
has put out in `before`, and leaves its outputs in `out`. What of the environment would differ by machine is fixed.
"""

import errno
import os
import shutil
import stat
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from assay.workloads import egress
from assay.workloads.command.errors import BadOutput, CommandFailed, NoBox, NoEgress
from assay.workloads.command.image import unpacked
from assay.workloads.command.params import STDOUT, CommandParams
from assay.workloads.command.program import WRITTEN, Program, execute
from assay.workloads.command.state import Checkpoint, read_place
from assay.workloads.sandbox import Policy
from assay.workloads.sandbox.box import entered, fix_root
from assay.workloads.workload import Inputs, Progress, SegmentResult

SYSTEM_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
FIXED: Final = {
    "HOME": "/tmp",
    "LANG": "C.UTF-8",
    "TZ": "UTC",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "SOURCE_DATE_EPOCH": "0",
}
TOLD_BYTES: Final = 160
"""Of what a program says of its failure, so much is told."""
CHUNK_BYTES: Final = 1 << 20
FULL_BYTES: Final = 64 << 10
"""With less room than this a box is full."""


def run_segment(
    params: CommandParams, inputs: Inputs, state: bytes, index: int, progress: Callable[[Progress], None]
) -> SegmentResult:
    """Return the segment run. Raises what `Command.run` names."""
    before = read_place(params, state, index)
    policy = entered()
    if policy is None:
        raise NoBox("A command is run in a box, and this process is in none.")
    if params.egress and params.egress != policy.egress:
        raise NoEgress("It names hosts to reach, and this machine lets nobody.")
    try:
        root, variables = root_of(params, inputs, policy)
        work, said = fresh(policy, root)
        lay(params, inputs, before, work)
        if policy.in_pod:
            fix_root(root, WRITTEN)
    except OSError as error:
        # A box that is full is the job's own doing.
        number = errno.EFBIG if error.errno == errno.ENOSPC else error.errno
        raise OSError(number, f"its files do not fit: {error.strerror}") from None
    environment = variables | FIXED | part_of(params, index) | params.environment
    code = execute(Program(params, root, environment, said, policy.in_pod))
    if code:
        raise_failed(policy, said, index, code)
    outputs = taken(params, work / "out", said)
    after = before.close(outputs)
    progress(Progress(1, 1, {"output_bytes": sum(map(len, outputs))}))
    return SegmentResult(after.encode(), after.digest, params.segment_units, {})


def root_of(params: CommandParams, inputs: Inputs, policy: Policy) -> tuple[Path, dict[str, str]]:
    """Return the root that the program sees, and the variables that come with it. Raises BadImage, InputMissing."""
    if params.image is None:
        return policy.host_root, {"PATH": f"{sys.base_prefix}/bin:{SYSTEM_PATH}"}
    with inputs.open(params.image) as archive:
        return policy.image_root, {"PATH": SYSTEM_PATH} | unpacked(archive, policy.image_root, params.disk_bytes)


def part_of(params: CommandParams, index: int) -> dict[str, str]:
    """Return what tells the program its part."""
    own = {"ASSAY_SEGMENT": str(index), "ASSAY_SEGMENTS": str(params.segments)}
    return own | {"OMP_NUM_THREADS": str(params.threads)} | (egress.variables() if params.egress else {})


def fresh(policy: Policy, root: Path) -> tuple[Path, Path]:
    """Return the empty folder that the program works in, and that of what it says."""
    spent, said = policy.box / "spent", policy.box / "said"
    for folder in (root / "job", root / "tmp", said):
        if folder.exists():
            # Whatever it has done to modes, what it leaves is out of the way.
            folder.rename(spent)
            with suppress(RecursionError):
                shutil.rmtree(spent, ignore_errors=True)
        if spent.exists():
            spent.rename(policy.box / f"spent-{len(list(policy.box.iterdir()))}")
        folder.mkdir()
    return root / "job", said


def lay(params: CommandParams, inputs: Inputs, before: Checkpoint, work: Path) -> None:
    """Write inputs and what was put out before. Raises InputMissing."""
    last = zip(params.outputs, before.closed[-1], strict=True) if before.closed else ()
    for folder in ("in", "before", "out"):
        (work / folder).mkdir()
    for name, digest in params.inputs.items():
        path = made_for(work / "in" / name)
        with inputs.open(digest) as source, path.open("wb") as target:
            # In memory it lies once, in the box: never whole beside it.
            shutil.copyfileobj(source, target, CHUNK_BYTES)
    for name, content in last:
        made_for(work / "before" / name).write_bytes(content)
    for name in params.outputs:
        (work / "out" / name).parent.mkdir(parents=True, exist_ok=True)


def made_for(path: Path) -> Path:
    """Return a path, the folders before it made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def raise_failed(policy: Policy, said: Path, index: int, code: int) -> None:
    """Raise what a program failed by: OSError where its box is full, else CommandFailed."""
    room = os.statvfs(policy.box)
    if room.f_bavail * room.f_frsize < FULL_BYTES or (room.f_files and not room.f_favail):
        raise OSError(errno.EFBIG, f"segment {index} filled its {policy.box_bytes} bytes")
    with (said / "stderr").open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - TOLD_BYTES))
        told = "".join(c if c.isprintable() else " " for c in file.read(TOLD_BYTES).decode(errors="replace")).strip()
    ended = f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
    raise CommandFailed(f"Segment {index} {ended}: {told or 'it said nothing'}")


def taken(params: CommandParams, out: Path, said: Path) -> tuple[bytes, ...]:
    """Return the declared outputs. Raises BadOutput."""
    found: list[bytes] = []
    left = params.output_bytes
    for name in params.outputs:
        is_said = name == STDOUT and not os.path.lexists(out / name)
        found.append(read_plain(said, STDOUT, left) if is_said else read_plain(out, name, left))
        left -= len(found[-1])
    return tuple(found)


def read_plain(folder: Path, name: str, size_max: int) -> bytes:
    """Return a plain file's content, reached through no link; nothing runs any more that could exchange it.

    Raises BadOutput.
    """
    path = folder
    try:
        for part in Path(name).parts:
            path = path / part
            if path.is_symlink():
                raise BadOutput(f"{name}: it is a link, or lies behind one.")
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            raise BadOutput(f"{name}: it is no plain file.")
        if found.st_size > size_max:
            raise BadOutput(f"{name}: {found.st_size} bytes, of {size_max} that are left for it.")
        path.chmod(0o600)
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        raise BadOutput(f"{name}: it was not written, or cannot be read.") from None
