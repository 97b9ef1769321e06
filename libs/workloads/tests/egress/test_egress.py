"""Egress: a program in a box reaches the hosts that its job names through its gate, and nothing else in any way."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from libs.workloads.tests.command.test_command import LIMITS, code_of, files_of

from assay.workloads.egress.outside import READ_BYTES, Outside, Stream
from assay.workloads.runner import Runner
from assay.workloads.sandbox import Policy, SandboxUnavailable, box
from assay.workloads.task import Message, SegmentDone, Task

LISTED = ("public.example:80", "*.public.example:8443", "inside.example:80")
PUBLIC = "93.184.215.14"


@pytest.fixture(scope="module")
def boxes() -> None:
    """Processes here may have namespaces of their own."""
    if not box.can_be():
        pytest.skip("this machine lets nobody have a box: no landlock, or no user namespaces")


@dataclass
class World:
    """What stands for the internet: names with their addresses, and a real server behind one that is public."""

    port: int
    names: dict[str, list[str]] = field(default_factory=dict)
    connected: list[tuple[str, int]] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)

    async def resolve(self, host: str) -> list[str]:
        if host not in self.names:
            raise OSError("no such name")
        return self.names[host]

    async def connect(self, address: str, port: int) -> Stream:
        self.connected.append((address, port))
        return await asyncio.open_connection("127.0.0.1", self.port, limit=READ_BYTES)

    @property
    def outside(self) -> Outside:
        return Outside(self.resolve, self.connect)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        found.heard.append(head)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    found = World(server.sockets[0].getsockname()[1])
    found.names = {name: [PUBLIC] for name in ("public.example", "a.public.example")}
    yield found
    server.close()


async def ran(folder: Path, world: World, program: str, may_reach: bool = True, **params: Any) -> list[Message]:
    """What a child says of a job that runs this program."""
    room = Policy(scratch=folder / "out", inputs=folder / "in", models=folder / "m", threads=48, may_reach=may_reach)
    for part in ("out", "in", "m"):
        (folder / part).mkdir(exist_ok=True)
    job = LIMITS | {"command": ["python3", "-c", program], "egress": LISTED} | params
    task = Task(
        kind="command",
        params=job,
        inputs={},
        models=str(folder / "m"),
        folder=str(folder / "out"),
        first=0,
        last=job.get("segments", 1),
    )
    runner = Runner(folder / "log", room, world.outside)
    try:
        return [message async for message in runner.run(task)]
    finally:
        await runner.kill()


FRIENDLY = """
import http.client, urllib.request
print(urllib.request.urlopen("http://public.example/page?a=1").read())
tunnel = http.client.HTTPConnection("127.0.0.1", 3128)
tunnel.set_tunnel("a.public.example", 8443)
tunnel.request("GET", "/")
print(tunnel.getresponse().read())
"""


async def test_a_program_reaches_what_its_job_lists_and_what_it_moved_is_counted(
    boxes: None, tmp_path: Path, world: World
) -> None:
    said = await ran(tmp_path, world, FRIENDLY, segments=2)
    assert files_of(said)["1/stdout"] == b"b'hello'\nb'hello'\n"
    assert world.connected == [(PUBLIC, 80), (PUBLIC, 8443)] * 2
    assert world.heard[0].startswith(b"GET /page?a=1 HTTP/1.1\r\nHost: public.example\r\n")
    moved = [message.metrics["egress_bytes"] for message in said if isinstance(message, SegmentDone)]
    assert len(moved) == 2 and all(200 < size < 2_000 for size in moved)


HOSTILE = """
import ctypes, os, socket

def asked(head):
    with socket.create_connection(("127.0.0.1", 3128)) as way:
        way.sendall(head)
        return way.recv(200).split(b"\\r\\n\\r\\n")[-1].split(b":")[0].decode()

for host in ("evil.example:443", "public.example:22", "public.example:81", "public.example.evil.example:80"):
    print(host, asked(f"CONNECT {host} HTTP/1.1\\r\\n\\r\\n".encode()))
print("inside", asked(b"GET http://inside.example/ HTTP/1.1\\r\\n\\r\\n"))
print("nowhere", asked(b"GET http://nowhere.public.example:8443/ HTTP/1.1\\r\\n\\r\\n"))
libc = ctypes.CDLL(None, use_errno=True)
tries = {
    "public": lambda: socket.create_connection(("93.184.215.14", 80), 2),
    "another port": lambda: socket.create_connection(("127.0.0.1", 22), 2),
    "udp": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
    "raw": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW),
    "sctp": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132),
    "ipv6": lambda: socket.socket(socket.AF_INET6),
    "unix": lambda: socket.socket(socket.AF_UNIX),
    "packet": lambda: socket.socket(17),
    "netlink": lambda: socket.socket(16, socket.SOCK_RAW),
    "vsock": lambda: socket.socket(40),
    "pair": lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM),
    "listen": lambda: socket.socket().bind(("127.0.0.1", 0)),
    "handed": lambda: [socket.socket(fileno=number) for number in range(3, 64)][0],
}
for name, act in tries.items():
    try:
        act()
        print(name, "came through")
    except OSError:
        pass
"""


async def test_a_hostile_program_reaches_nothing_that_is_not_listed(
    boxes: None, tmp_path: Path, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.names |= {"inside.example": ["10.0.0.7"], "evil.example": [PUBLIC]}
    lines = files_of(await ran(tmp_path, world, HOSTILE))["0/stdout"].decode().splitlines()
    assert lines == [
        *(f"{host} egress.unlisted" for host in ("evil.example:443", "public.example:22", "public.example:81")),
        "public.example.evil.example:80 egress.unlisted",
        "inside egress.address",
        "nowhere egress.unresolved",
    ]
    assert not world.connected
    assert "egress.unlisted: evil.example:443 is not in the job's egress." in caplog.text


BOTH = """
import socket
for host in ("public.example:80", "other.example:80"):
    with socket.create_connection(("127.0.0.1", 3128)) as way:
        way.sendall(f"CONNECT {host} HTTP/1.1\\r\\n\\r\\n".encode())
        print(way.recv(12).decode())
"""


async def test_two_boxes_at_once_have_each_a_gate_of_its_own(boxes: None, tmp_path: Path, world: World) -> None:
    world.names["other.example"] = [PUBLIC]
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        folder.mkdir()
    one, other = await asyncio.gather(
        ran(folders[0], world, BOTH, egress=("public.example:80",)),
        ran(folders[1], world, BOTH, egress=("other.example:80",)),
    )
    assert files_of(one)["0/stdout"].split(b"\n")[:2] == [b"HTTP/1.1 200", b"HTTP/1.1 403"]
    assert files_of(other)["0/stdout"].split(b"\n")[:2] == [b"HTTP/1.1 403", b"HTTP/1.1 200"]


TRUSTS = "import os, ssl; print(bool(ssl.create_default_context().get_ca_certs()), os.path.exists('/etc/ssl/private'))"


async def test_a_program_that_reaches_hosts_can_tell_whom_to_trust(boxes: None, tmp_path: Path, world: World) -> None:
    if not ssl.create_default_context().get_ca_certs():
        pytest.skip("this machine trusts nobody itself")
    assert files_of(await ran(tmp_path, world, TRUSTS))["0/stdout"] == b"True False\n"


async def test_who_does_not_let_programs_reach_hosts_is_no_fault_of_the_job(
    boxes: None, tmp_path: Path, world: World
) -> None:
    said = await ran(tmp_path, world, FRIENDLY, may_reach=False)
    assert code_of(said) == "command.no_egress" and said[-1].fault
    none = await ran(tmp_path, world, "import socket; socket.socket()", egress=())
    assert code_of(none) == "command.failed", "who lists nobody has no socket, whatever its machine lets others"


async def test_no_program_runs_beside_a_gate_that_was_not_opened(
    boxes: None, tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> tuple[bytes, list[int]]:
        return b"", []

    room = Policy(scratch=tmp_path / "out", inputs=tmp_path / "in", models=tmp_path / "m", threads=48, may_reach=True)
    for each in (room.scratch, room.inputs, room.models):
        assert each is not None
        each.mkdir()
    runner = Runner(policy=room.model_copy(update={"box_bytes": 1 << 20, "egress": LISTED}), outside=world.outside)
    with monkeypatch.context() as patched, pytest.raises(SandboxUnavailable):
        patched.setattr("socket.recv_fds", none)
        await runner.confined()
    assert runner.pid is None
    assert await runner.confined()
    await runner.kill()
