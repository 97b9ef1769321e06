"""A command: run in a box, with declared outputs, again to the same bytes; and what no box holds is refused."""

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest
from libs.workloads.tests.command.images import docker_archive, endless, entry, oci_layout, tar

from assay.workloads import BadParams, HeldInputs, ModelStore, ignore_progress, read_params, workload
from assay.workloads.command.errors import BadImage, NoBox
from assay.workloads.command.image import unpack
from assay.workloads.command.params import JOB_BYTES_MAX
from assay.workloads.runner import Runner
from assay.workloads.sandbox import Policy, box
from assay.workloads.task import Failed, Finished, Message, SegmentDone, Task

MIB = 2**20
LIMITS = {"time_s": 20, "memory_bytes": 256 * MIB, "disk_bytes": 64 * MIB}


@pytest.fixture(scope="module")
def boxes() -> None:
    """Processes here may have namespaces of their own."""
    if not box.can_be():
        pytest.skip("this machine lets nobody have a box: no landlock, or no user namespaces")


async def ran(folder: Path, params: dict[str, Any], files: dict[str, bytes] | None = None) -> list[Message]:
    """What a child says of a whole job."""
    runner, task = job_of(folder, params, files)
    try:
        return [message async for message in runner.run(task)]
    finally:
        await runner.kill()


def job_of(folder: Path, params: dict[str, Any], files: dict[str, bytes] | None = None) -> tuple[Runner, Task]:
    """A child, and a whole job for it."""
    room = Policy(scratch=folder / "out", inputs=folder / "in", models=folder / "models", threads=48)
    for part in ("out", "in", "models"):
        (folder / part).mkdir(exist_ok=True)
    for name, content in (files or {}).items():
        (folder / "in" / name).write_bytes(content)
    inputs = {name: str(folder / "in" / name) for name in files or {}}
    last = params.get("segments", 1)
    names = {"kind": "command", "params": LIMITS | params, "inputs": inputs, "models": str(folder / "models")}
    return Runner(folder / "log", room), Task(**names, folder=str(folder / "out"), first=0, last=last)


def code_of(said: list[Message]) -> str:
    return said[-1].code if isinstance(said[-1], Failed) else ""


def files_of(said: list[Message]) -> dict[str, bytes]:
    assert isinstance(said[-1], Finished) and said[-1].result, said[-1]
    with tarfile.open(said[-1].result) as archive:
        return {name: archive.extractfile(name).read() for name in archive.getnames()}


PROGRAM = """
import os, pathlib, sys
part = os.environ["ASSAY_SEGMENT"]
before = pathlib.Path("before/sum")
total = int(before.read_text()) if before.exists() else 0
numbers = pathlib.Path("in/numbers").read_text().split()
pathlib.Path("out/sum").write_text(str(total + int(numbers[int(part)])))
print(part, sys.argv[1], sorted(os.listdir("/")))
"""


async def test_a_child_that_is_started_after_a_program_serves_a_job_of_another_kind(
    boxes: None, tmp_path: Path
) -> None:
    runner, task = job_of(tmp_path, {"command": ["sh", "-c", "true"]})
    try:
        assert isinstance([message async for message in runner.run(task)][-1], Finished)
        await runner.warm()
        warm = runner.pid
        other = task.model_copy(update={"kind": "noop", "params": {"segments": 1}})
        assert isinstance([message async for message in runner.run(other)][-1], Finished)
        assert runner.pid == warm
    finally:
        await runner.kill()


async def test_segments_carry_on_and_come_to_the_same_bytes_again(boxes: None, tmp_path: Path) -> None:
    digest = "1" * 64
    job = {"command": ["python3", "-c", PROGRAM, "word"], "inputs": {"numbers": digest}, "segments": 2}
    job |= {"outputs": ["sum", "stdout"]}
    said = await ran(tmp_path, job, {digest: b"20 22"})
    found = files_of(said)
    assert (found["0/sum"], found["1/sum"]) == (b"20", b"42")
    assert found["1/stdout"].startswith(b"1 word [") and b"proc" not in found["1/stdout"]
    states = [message.state_digest for message in said if isinstance(message, SegmentDone)]
    again = await ran(tmp_path, job, {digest: b"20 22"})
    assert [message.state_digest for message in again if isinstance(message, SegmentDone)] == states
    assert not any((tmp_path / "out" / "tmp" / "box").iterdir()), "a box is of memory, and gone"


async def test_an_image_is_the_only_root_that_its_program_sees(boxes: None, tmp_path: Path) -> None:
    shell = Path("/bin/sh").resolve()
    libraries = {path: path.read_bytes() for path in linked(shell)}
    layer = tar(
        entry("bin/sh", shell.read_bytes(), mode=0o4755),
        entry("gone", b"x"),
        *(entry(str(path).lstrip("/"), content, mode=0o755) for path, content in libraries.items()),
    )
    upper = tar(entry(".wh.gone"), entry("made", b"by the image"), entry("at", kind=tarfile.SYMTYPE, target="/made"))
    digest = "2" * 64
    words = "read x < /at; echo $x $KIND; for f in /*; do echo $f; done; echo y 2>/dev/null >/bin/new || echo held"
    job = {"command": ["/bin/sh", "-c", words], "image": digest}
    for archive in (oci_layout(layer, upper, gz=True), docker_archive(layer, upper)):
        lines = files_of(await ran(tmp_path, job, {digest: archive}))["0/stdout"].decode().splitlines()
        assert lines[0] == "by the image toy" and lines[-1] == "held"
        assert {"/bin", "/made", "/job"} <= set(lines) and not {"/gone", "/usr/bin", "/proc", "/root"} & set(lines)


def linked(program: Path) -> list[Path]:
    """The loader and the libraries of a program, by the names that it asks for."""
    import subprocess

    said = subprocess.run(["ldd", program], capture_output=True, text=True).stdout.split()
    return [Path(word) for word in said if word.startswith("/")]


HOSTILE: dict[str, tuple[dict[str, Any], str]] = {
    "it fails": ({"command": ["sh", "-c", "echo why >&2; exit 3"]}, "command.failed"),
    "it never ends": ({"command": ["sh", "-c", "sleep 100 & sleep 100"], "time_s": 1}, "command.time"),
    "it leaves no output": ({"command": ["sh", "-c", ":"], "outputs": ["a"]}, "command.bad_output"),
    "its output is a link": (
        {"command": ["sh", "-c", "ln -s /usr/bin/env out/a"], "outputs": ["a"]},
        "command.bad_output",
    ),
    "its output lies behind a link": (
        {"command": ["sh", "-c", "rmdir out/d; ln -s /usr/bin out/d"], "outputs": ["d/env"]},
        "command.bad_output",
    ),
    "its output is a pipe": ({"command": ["sh", "-c", "mkfifo out/a"], "outputs": ["a"]}, "command.bad_output"),
    "its output is too large": (
        {"command": ["sh", "-c", "head -c 3000000 /dev/zero > out/a"], "outputs": ["a"]},
        "command.bad_output",
    ),
    "its output lies in a folder that it has shut": (
        {"command": ["sh", "-c", "mkdir out/d; echo 1 > out/d/x; chmod 000 out/d"], "outputs": ["d/x"]},
        "command.bad_output",
    ),
    "it fills its files": ({"command": ["sh", "-c", "head -c 200000000 /dev/zero > a"]}, "sandbox.disk"),
    "it makes a million files": (
        {"command": ["python3", "-c", "n = 0\nwhile True: open(str(n), 'w').close(); n += 1"], "disk_bytes": MIB},
        "sandbox.disk",
    ),
    "it takes all memory": (
        {"command": ["python3", "-c", "a = []\nwhile True: a.append(bytes(2**24))"]},
        "command.failed",
    ),
    "it multiplies": ({"command": ["sh", "-c", "f() { f | f & }; f; sleep 100"], "time_s": 10}, "sandbox.threads"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_command_ends_typed(boxes: None, tmp_path: Path, name: str) -> None:
    job, code = HOSTILE[name]
    assert code_of(await ran(tmp_path, job)) == code


REACH = """
import ctypes, os, socket
libc = ctypes.CDLL(None, use_errno=True)
tries = {
    "tcp": lambda: socket.create_connection(("127.0.0.1", 1)),
    "socket": lambda: socket.socket(socket.AF_UNIX),
    "key": lambda: open(os.environ["KEY"]).read(),
    "etc": lambda: open("/etc/passwd").read(),
    "usr": lambda: open("/usr/x", "w"),
    "parent": lambda: os.kill(1, 9) or os.stat("/nothing"),
    "chroot": lambda: os.chroot("."),
    "node": lambda: os.mknod("/tmp/n", 0o20666, os.makedev(1, 1)),
    "namespaces": lambda: libc.unshare(0x10000000) and os.stat("/nothing"),
    "mount": lambda: libc.mount(b"a", b"/tmp", b"tmpfs", 0, None) and os.stat("/nothing"),
}
for name, act in tries.items():
    try:
        act()
        print(name, "came through")
    except OSError:
        pass
print(os.path.exists("/proc"), end="")
"""


async def test_a_program_reaches_nothing_but_its_box(boxes: None, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("the provider's key")
    job = {"command": ["python3", "-c", REACH], "environment": {"KEY": str(tmp_path / "key")}}
    assert files_of(await ran(tmp_path, job))["0/stdout"] == b"False"


def bad_images() -> dict[str, bytes]:
    """Archives that no honest builder writes."""
    bomb = tar(entry("a", bytes(80 * MIB)))
    layers = {
        "up": tar(entry("../a", b"x")),
        "absolute": tar(entry("/a", b"x")),
        "through a link": tar(entry("d", kind=tarfile.SYMTYPE, target="/"), entry("d/a", b"x")),
        "a device": tar(entry("null", kind=tarfile.CHRTYPE)),
        "a pipe": tar(entry("pipe", kind=tarfile.FIFOTYPE)),
        "a second name of a link": tar(
            entry("l", kind=tarfile.SYMTYPE, target="/etc/passwd"), entry("m", kind=tarfile.LNKTYPE, target="l")
        ),
        "hidden up": tar(entry(".wh...")),
        "cut": tar(entry("a", b"x" * 4096))[:1024],
    }
    images = {name: docker_archive(layer) for name, layer in layers.items()}
    lying = oci_layout(tar(entry("a", b"x")))
    return images | {
        "a bomb": oci_layout(bomb, gz=True),
        "another digest": lying.replace(b'"Env"', b'"env"'),
        "no archive": b"nothing",
        "an empty one": tar(),
        "an endless one": endless(),
        "a name that no file can have": docker_archive(tar(entry("a" * 300, b"x"))),
    }


@pytest.mark.parametrize("name", bad_images())
def test_a_hostile_image_is_refused_and_nothing_lies_beside_its_root(name: str, tmp_path: Path) -> None:
    from assay.workloads.command import image

    root = tmp_path / "deep" / "root"
    root.mkdir(parents=True)
    with pytest.raises(BadImage):
        image.unpacked(io.BytesIO(bad_images()[name]), root, 64 * MIB)
    assert sorted(path.name for path in tmp_path.rglob("*") if root not in path.parents) == ["deep", "root"]


def test_layers_are_laid_over_each_other_and_opaque_ones_hide_all_below(tmp_path: Path) -> None:
    below = tar(entry("d/a", b"1"), entry("d/b", b"2"), entry("dev/null", b"no"))
    above = tar(entry("d/.wh..wh..opq"), entry("d/c", b"3"), entry("e", kind=tarfile.LNKTYPE, target="d/c"))
    assert unpack(io.BytesIO(oci_layout(below, above)), tmp_path, MIB) == {"KIND": "toy"}
    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")} == {"d", "d/c", "e"}


def test_what_no_box_holds_is_refused_in_a_plain_sentence(tmp_path: Path) -> None:
    work, good = workload("command"), {"command": ["sh", "-c", ":"]}
    params = read_params("command", good | {"threads": 2, "time_s": 3})
    assert work.plan(params) == [6_000]
    bad = {
        "egress": {"egress": ["127.0.0.1:443"]},
        "begins with one of": {"command": ["bash"]},
        "at most": {"segments": 10_000, "output_bytes": JOB_BYTES_MAX},
        "inputs": {"inputs": {"../key": "0" * 64}},
        "outputs": {"outputs": ["/etc/passwd"]},
    }
    for words, change in bad.items():
        with pytest.raises(BadParams, match=words):
            read_params("command", good | change)
    with pytest.raises(NoBox):
        state = work.start(params, HeldInputs(ModelStore(tmp_path)))
        work.run(params, HeldInputs(ModelStore(tmp_path)), state, 0, ignore_progress)
