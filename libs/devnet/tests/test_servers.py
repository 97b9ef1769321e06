"""The three servers as real processes: started from nothing, killed, started again, and gone without a trace."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import asyncpg
import nats
import pytest
from nats.aio.client import Client
from tests.servers import rpc

from assay.devnet.errors import AlreadyRuns, NotReady
from assay.devnet.folder import Folder, Lock
from assay.devnet.postgres import Identity, Postgres
from assay.devnet.proc import PROC
from assay.devnet.record import Record
from assay.devnet.servers import Servers

from .conftest import WITHIN_S, running_in, until

pytestmark = pytest.mark.server
WORTH = "0xde0b6b3a7640000"
RICH = "0x" + "a5" * 20

# A starter of its own, for tests that kill it: it runs the servers and a service, and says so.
STARTER = """
import asyncio, json, sys
from pathlib import Path
from assay.devnet.process import Process
from assay.devnet.servers import Servers
from assay.devnet.supervisor import Supervisor, Task, until_stopped

async def main(folder):
    async with Servers(folder) as servers, Supervisor() as supervisor:
        service = Process("service", ["sleep", "600"], cwd=folder, record=servers.folder.record_of("service"))
        await supervisor.start({"service": Task(service)})
        asked = asyncio.create_task(until_stopped())
        await asyncio.sleep(0)
        print(json.dumps({"dsn": servers.postgres_dsn, "nats": servers.nats_url, "evm": servers.evm_url}), flush=True)
        await asked

asyncio.run(main(Path(sys.argv[1])))
"""


@pytest.fixture(scope="session")
async def made(tmp_path_factory) -> Path:
    """A folder with a database that is stopped: making one takes seconds, copying it does not."""
    folder = tmp_path_factory.mktemp("made")
    async with Servers(folder, only={"postgres"}):
        return folder


@pytest.fixture
def used(made: Path, folder: Path) -> Path:
    """A folder in which a database has run before."""
    for part in ("postgres", "keys"):
        shutil.copytree(made / part, folder / part)
    return folder


async def start_starter(folder: Path) -> tuple[subprocess.Popen[bytes], dict[str, str]]:
    """A process that runs a network in the folder, and the addresses of its servers."""
    starter = subprocess.Popen([sys.executable, "-c", STARTER, str(folder)], stdout=subprocess.PIPE)
    assert starter.stdout
    return starter, json.loads(await asyncio.to_thread(starter.stdout.readline))


async def write(dsn: str, number: int) -> None:
    client = await asyncpg.connect(dsn)
    await client.execute("create table if not exists kept (number int)")
    await client.execute("insert into kept values ($1)", number)
    await client.close()


async def read(dsn: str) -> list[int]:
    client = await asyncpg.connect(dsn)
    rows = await client.fetch("select number from kept order by number")
    await client.close()
    return [row["number"] for row in rows]


async def connect(servers: Servers) -> Client:
    creds = servers.nats.creds_file("all", servers.network.service_creds("all", [">"], [">"]))
    return await nats.connect(servers.nats_url, user_credentials=str(creds), allow_reconnect=False)


async def test_three_servers_start_from_an_empty_folder_and_leave_nothing(folder):
    async with Servers(folder) as servers:
        assert len(running_in(folder)) >= 3
        client = await connect(servers)
        stream = client.jetstream()
        await stream.add_stream(name="JOBS", subjects=["assay.job.>"], allow_atomic=True)
        assert (await stream.publish("assay.job.submitted.r1.j1", b"x")).seq == 1
        await client.close()
        await write(servers.postgres_dsn, 7)
        await rpc(servers.evm_url, "anvil_setBalance", RICH, WORTH)
        assert set(servers.start_ms) == {"nats", "postgres", "evm"}
        addresses = servers.nats_url, servers.postgres_dsn, servers.evm_url
    assert running_in(folder) == []
    async with Servers(folder) as servers:
        assert (servers.nats_url, servers.postgres_dsn, servers.evm_url) == addresses
        client = await connect(servers)
        assert (await client.jetstream().stream_info("JOBS")).state.messages == 1
        await client.close()
        assert await read(servers.postgres_dsn) == [7]
        assert await rpc(servers.evm_url, "eth_getBalance", RICH, "latest") == WORTH


async def test_the_servers_run_on_the_settings_that_lose_nothing(servers):
    client = await asyncpg.connect(servers.postgres_dsn)
    for name in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums"):
        assert await client.fetchval(f"show {name}") == "on"
    await client.close()
    with await asyncio.to_thread(
        __import__("urllib.request").request.urlopen, servers.nats_monitor_url + "/jsz"
    ) as said:
        config = json.load(said)["config"]
    assert (config["sync_always"], config["strict"]) == (True, True)
    assert int(await rpc(servers.evm_url, "eth_chainId"), 16) == 31337
    block = await rpc(servers.evm_url, "eth_getBlockByNumber", "latest", False)
    assert int(block["gasLimit"], 16) == 300_000_000


async def test_nothing_but_loopback_is_listened_on(servers):
    processes = (servers.nats.process, servers.postgres.process, servers.evm.process)
    pids = [process.pid for process in processes]
    rows = [
        line.split() for name in ("tcp", "tcp6") for line in (PROC / f"self/net/{name}").read_text().splitlines()[1:]
    ]
    sockets = {row[9]: row[1] for row in rows if row[3] == "0A"}
    held = {str(entry.readlink()) for pid in pids for entry in (PROC / str(pid) / "fd").iterdir()}
    addresses = {address.partition(":")[0] for inode, address in sockets.items() if f"socket:[{inode}]" in held}
    assert addresses == {"0100007F"}


async def test_each_server_starts_alone(folder):
    async with Servers(folder, only={"nats"}) as servers:
        assert set(servers.start_ms) == {"nats"}
        assert not (folder / "postgres").exists()
        assert not (folder / "evm").exists()


async def test_a_killed_starter_leaves_no_orphan_and_the_next_start_finds_its_data(used):
    starter, at = await start_starter(used)
    try:
        await write(at["dsn"], 1)
        await write(at["dsn"], 2)
        assert len(running_in(used)) >= 5
    finally:
        starter.kill()
        starter.wait()
    await until(lambda: running_in(used) == [])
    async with Servers(used) as servers:
        assert await read(servers.postgres_dsn) == [1, 2]
        assert (servers.nats_url, servers.evm_url) == (at["nats"], at["evm"])


async def test_a_start_right_after_the_kill_takes_over(used):
    starter, at = await start_starter(used)
    await write(at["dsn"], 1)
    starter.kill()
    starter.wait()
    async with Servers(used) as servers:
        assert await read(servers.postgres_dsn) == [1]


async def test_sigterm_stops_everything_in_order(used):
    starter, _ = await start_starter(used)
    starter.terminate()
    assert await asyncio.to_thread(starter.wait, WITHIN_S) == 0
    assert running_in(used) == []
    assert "database system is shut down" in (used / "log/postgres.log").read_text()
    assert list((used / "run").glob("*.json")) == [used / "run/ports.json"]


@pytest.mark.parametrize("name", ["nats", "postgres", "evm"])
async def test_a_killed_server_comes_back_at_the_same_address(used, name):
    async with Servers(used, only={name}) as servers:
        (server,) = servers.started
        port = server.port
        await server.kill()
        await server.start()
        assert server.port == port


async def test_postgres_starts_though_its_stale_pid_now_belongs_to_somebody_else(used):
    async with Servers(used, only={"postgres"}) as servers:
        await write(servers.postgres_dsn, 1)
        await servers.postgres.kill()
        await until(lambda: running_in(used / "postgres") == [])
        file = used / "postgres/postmaster.pid"
        foreign = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        try:
            file.write_text("\n".join([str(foreign.pid), *file.read_text().splitlines()[1:]]))
            Record(foreign.pid, 1, "another boot").write(used / "run/postgres.json")
            await servers.postgres.start()
            assert await read(servers.postgres_dsn) == [1]
            assert foreign.poll() is None
        finally:
            foreign.kill()
            foreign.wait()


async def test_half_of_a_new_database_is_not_taken_for_a_whole(folder):
    (folder / "postgres.new").mkdir(mode=0o700)
    (folder / "postgres.new/PG_VERSION").write_text("18\n")
    async with Servers(folder, only={"postgres"}) as servers:
        await write(servers.postgres_dsn, 1)


async def test_one_folder_is_not_started_twice(folder):
    Folder(folder)
    with Lock(folder / "run/lock"), pytest.raises(AlreadyRuns):
        await Servers(folder, only={"nats"}).start()


async def test_a_server_that_cannot_start_takes_the_others_down(folder):
    servers = Servers(folder, only={"nats", "evm"})
    (folder / "evm").mkdir()
    (folder / "evm/state.json").write_text("not json")
    with pytest.raises(NotReady, match="evm ended"):
        await servers.start()
    assert running_in(folder) == []


async def test_a_long_path_moves_the_socket_elsewhere_and_removes_it_again(made, folder):
    deep = folder / ("d" * 60) / ("e" * 60)
    shutil.copytree(made, deep)
    async with Servers(deep, only={"postgres"}) as servers:
        await write(servers.postgres_dsn, 1)
        socket = servers.postgres.socket_folder
        assert not socket.is_relative_to(folder)
        assert socket.stat().st_mode & 0o777 == 0o700
    assert not socket.exists()
    async with Servers(deep, only={"postgres"}) as servers:
        assert await read(servers.postgres_dsn) == [1]


async def test_the_password_is_needed_over_tcp_too(used):
    async with Servers(used, only={"postgres"}, postgres_tcp=True) as servers:
        await write(servers.postgres.tcp_dsn_of("postgres"), 1)
        for dsn in (servers.postgres.tcp_dsn_of("postgres"), servers.postgres_dsn):
            with pytest.raises(asyncpg.InvalidPasswordError):
                await asyncpg.connect(dsn.replace(servers.postgres.password(), "guess"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
async def test_root_without_namespaces_runs_postgres_as_nobody():
    open_to_all = Path(tempfile.mkdtemp(prefix="assay-nobody-"))
    open_to_all.chmod(0o755)
    try:
        server = Postgres(Folder(open_to_all), identity=Identity(user=(65534, 65534)))
        await server.start()
        assert (PROC / str(server.process.pid)).stat().st_uid == 65534
        await write(server.dsn, 1)
        await server.stop()
    finally:
        shutil.rmtree(open_to_all)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
async def test_a_normal_user_needs_nothing_special():
    home = Path(tempfile.mkdtemp(prefix="assay-user-"))
    os.chown(home, 65534, 65534)
    ran = await asyncio.create_subprocess_exec(
        *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", sys.executable, "-c", STARTER, home / "net"),
        env={"PATH": os.environ["PATH"], "HOME": str(home)},
        cwd="/",
        stdout=subprocess.PIPE,
    )
    try:
        at = json.loads(await ran.stdout.readline())
        await write(at["dsn"], 1)
        assert await read(at["dsn"]) == [1]
        assert {(PROC / str(pid)).stat().st_uid for pid in running_in(home)} == {65534}
        ran.send_signal(signal.SIGKILL)
        await ran.wait()
        await until(lambda: running_in(home) == [])
    finally:
        shutil.rmtree(home)
