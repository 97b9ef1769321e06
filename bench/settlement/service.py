"""Settlement as it is deployed, a process of its own beside real NATS, Postgres and an EVM node, seen from outside."""

import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]
import psutil

from assay.bus.accounts import write_secret
from assay.bus.connection import open_connection
from assay.bus.jetstream import JetStreamBus
from assay.bus.keyfile import make_key
from assay.bus.permissions import permissions_of
from assay.chain import wallet
from assay.chain.client import ChainClient
from assay.devnet.bank import Bank
from assay.devnet.devnet import BLOCK_S, START_S
from assay.devnet.environment import Places, service_environment
from assay.devnet.parties import STABLE, Party
from assay.devnet.probe import answers
from assay.devnet.process import Process
from assay.devnet.servers import Servers
from assay.proof.keys import Key
from assay.schema.values import Role
from assay.settlement.main import SERVICE
from assay.store import provision
from bench.processes import tree_cpu_s
from bench.settlement.jobs import Maker

NAME: Final = SERVICE.name
PROVIDERS: Final = 10
DEPOSIT: Final = 10_000_000 * STABLE
AGE_S: Final = 1.0
POSTED: Final = """
select coalesce(max(first_step + steps), 1) from payments where state in ('posted', 'final')
"""
STEPS: Final = "select position, job_id from steps where position >= $1 and position < $2 order by position"


@dataclass(frozen=True, slots=True)
class Running:
    """The service at work, one process for each replica: whence it is told, where it remembers, who has a deposit."""

    bus: JetStreamBus
    memory: Any
    maker: Maker
    pids: Sequence[int]
    servers: Servers

    @property
    def rss_mb(self) -> float:
        """What its processes hold in memory, in MB."""
        return float(sum(psutil.Process(pid).memory_info().rss for pid in self.pids)) / 1e6

    def cpu_s(self) -> dict[str, float]:
        """The processor time that the service, each of its servers and the load, this process, have used so far."""
        servers = {each.name: each.process.pid for each in self.servers.started if each.process}
        used = {name: tree_cpu_s(pid) for name, pid in servers.items() if pid is not None}
        return {NAME: sum(map(tree_cpu_s, self.pids)), **used, "load": time.process_time()}

    def cpu_ms_a_job(self, since_s: Mapping[str, float], jobs: int) -> dict[str, float]:
        """What each has used since then for a job, in milliseconds."""
        return {f"{name}_cpu_ms_a_job": (now - since_s[name]) * 1e3 / jobs for name, now in self.cpu_s().items()}

    async def posted(self, first: int) -> list[tuple[int, str]]:
        """The steps from this one on that stand in a posted epoch, with their jobs."""
        rows = await self.memory.fetch(STEPS, first, await self.memory.fetchval(POSTED))
        return [(row[0], row[1]) for row in rows]


@asynccontextmanager
async def settlement(folder: Path, replicas: int = 1) -> AsyncIterator[Running]:
    """The service, ready, with a requester that can pay for millions of jobs and ten providers."""
    servers = Servers(folder, block_s=BLOCK_S)
    places, bank = Places(folder, folder / "models"), Bank(folder, lambda: servers.evm_url)
    async with servers:
        chain = await bank.open()
        knobs = await equip(servers, places)
        # The second one finds the schema made and the desk held.
        processes = [await launch(servers, places, bank, knobs, number) for number in range(replicas)]
        nc = await open_connection(servers.nats_url, places.service(NAME) / "feeder.creds", "feeder")
        memory = await asyncpg.connect(servers.postgres.dsn_of("assay"))
        try:
            await memory.execute(f"set search_path to {NAME}")
            requester = await endow(chain, bank, places)
            maker = Maker(chain.deployment.domain, requester, providers())
            pids = [process.pid for process in processes if process.pid is not None]
            yield Running(JetStreamBus(nc), memory, maker, pids, servers)
        finally:
            await memory.close()
            await nc.close()
            for process in processes:
                await process.stop()
            await chain.close()


async def equip(servers: Servers, places: Places) -> Mapping[str, object]:
    """What the service is told besides: its own knobs."""
    folder, allowed = places.service(NAME), permissions_of(SERVICE.role, SERVICE.handlers, SERVICE.publishes)
    dsns = await provision(servers.postgres_dsn, [NAME])
    creds = servers.network.service_creds(NAME, allowed.publish, allowed.subscribe)
    write_secret(folder / "postgres.dsn", dsns[NAME].encode())
    write_secret(folder / "nats.creds", creds.encode())
    write_secret(folder / "feeder.creds", servers.network.service_creds("feeder", [">"], [">"]).encode())
    (blobs := folder / "blobs").mkdir()
    return {"blobs_url": blobs.as_uri(), "payment_age_s": AGE_S}


async def launch(servers: Servers, places: Places, bank: Bank, knobs: Mapping[str, object], number: int) -> Process:
    """The process of a replica, ready."""
    called = f"{NAME}-{number}"
    port = servers.folder.ports.take(f"{called}-http")

    async def is_ready(pid: int) -> bool:
        return await answers(port, "/readyz")

    process = Process(
        called,
        [sys.executable, "-c", "from assay.settlement.main import main; main()"],
        env=service_environment(NAME, places, servers, bank, port, {NAME: knobs}),
        log_file=servers.folder.log_of(called),
        record=servers.folder.record_of(called),
        ready=is_ready,
        start_within_s=START_S,
    )
    await process.start()
    return process


async def endow(chain: ChainClient, bank: Bank, places: Places) -> Key:
    """A requester with a deposit."""
    party, mint = Party.make(places.parties, "requester", Role.REQUESTER), make_key(bank.folder / "deployer.key")
    await bank.give_coin(party.key.address)
    await wallet.mint_stable(chain, mint, party.key.address, DEPOSIT)
    await wallet.deposit(chain, party.key, DEPOSIT)
    return party.key


def providers() -> tuple[Key, ...]:
    """Those who are paid."""
    return tuple(Key.from_hex(f"{number:064x}") for number in range(1000, 1000 + PROVIDERS))
