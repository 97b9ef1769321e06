"""A whole network on one machine: servers, contracts, services, providers, each a process of its own.

async with Devnet(Path("var/devnet"), models) as devnet:
    await devnet.join(Party.make(devnet.places.parties, "requester", Role.REQUESTER))
"""

import os
import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Self

from assay.bus.accounts import write_secret
from assay.bus.keyfile import make_key
from assay.bus.permissions import permissions_of
from assay.bus.registrar import Registrar
from assay.chain.client import ChainClient
from assay.client.profile import Profile
from assay.devnet.bank import Bank
from assay.devnet.environment import (
    HELD_BY,
    HOLDER_KEY,
    SERVICES,
    TALK_SEED,
    Knobs,
    Places,
    holding,
    provider_environment,
    service_environment,
    verifier_environment,
)
from assay.devnet.errors import NotReady
from assay.devnet.parties import Party
from assay.devnet.probe import answers
from assay.devnet.process import Process
from assay.devnet.servers import Servers
from assay.devnet.supervisor import Status, Supervisor, Task
from assay.schema.values import Role
from assay.store import provision
from assay.workloads.sandbox.confine import strongest

# Whoever waits for a draw waits for two blocks; more often than this they cost more than they spare.
BLOCK_S = 0.5
START_S = 240.0
WORKERS = {Role.PROVIDER: provider_environment, Role.VERIFIER: verifier_environment}


class Devnet:
    """One network in one folder. On leaving its context nothing of it runs; its data stays.

    `knobs` are settings by the service's name (`execution` for every provider, `verifier` for every verifier), before
    what the devnet itself sets.
    """

    def __init__(
        self,
        data: Path,
        models: Path,
        told: Callable[[str], None] = lambda text: None,
        knobs: Knobs | None = None,
    ) -> None:
        self.places = Places(data.resolve(), models.resolve())
        self.servers = Servers(self.places.data, block_s=BLOCK_S)
        self.supervisor = Supervisor()
        self.parties: dict[str, Party] = {}
        self.sandbox = os.environ.get(HELD_BY) or strongest()
        self.knobs = holding(knobs or {}, self.sandbox)
        self._told = told
        self.bank = Bank(self.places.data, lambda: self.servers.evm_url)
        self._chain: ChainClient | None = None

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start servers and services; all are ready on return. Raises NotReady, NotInstalled."""
        if self.sandbox != "full":
            self._told(f"jobs are held by the sandbox '{self.sandbox}' only, which is weaker than 'full'")
        self._told("starting NATS, Postgres and an EVM node")
        await self.servers.start()
        self._told("deploying the contracts")
        self._chain = await self.bank.open()
        self._told("starting gateway, discovery, matching, verification, settlement")
        await self._equip()
        await self.supervisor.start({name: Task(self._service(name), restart=True) for name in SERVICES})
        self._operator_profile()

    async def stop(self) -> None:
        """Stop everything, those who need others first."""
        await self.supervisor.stop()
        if self._chain:
            await self._chain.close()
        await self.servers.stop()

    async def join(self, party: Party) -> None:
        """Let a party in; the worker of a provider or verifier is started."""
        await self.admit(party)
        if party.role in WORKERS:
            # A provider that dies stays dead, as on a stranger's machine; an audit in hand waits for its verifier.
            task = Task(self._worker(party), needs=SERVICES, restart=party.role is Role.VERIFIER)
            await self.supervisor.start({party.name: task})

    async def admit(self, party: Party) -> None:
        """Give a party money, an account at the door and a profile."""
        await self.bank.endow(self.chain, party)
        if not party.creds_file.exists():
            granted = await self.registrar.grant(party.role, party.id, party.name)
            write_secret(party.creds_file, granted.creds_text.encode())
        self._profile(party).save(party.folder)
        self.parties[party.name] = party

    @property
    def chain(self) -> ChainClient:
        """The chain with the contracts on it. Raises NotReady before the start."""
        if self._chain is None:
            raise NotReady("the devnet has not been started")
        return self._chain

    @property
    def people(self) -> dict[str, str]:
        """The addresses of the parties, by name."""
        return {name: party.key.address for name, party in self.parties.items()}

    @property
    def registrar(self) -> Registrar:
        """The operator's hand on accounts."""
        return Registrar(self.servers.nats_url, self.servers.network, self.places.data / "operator" / "nats.creds")

    def profile(self, name: str) -> Profile:
        """The profile of a party that has joined."""
        return Profile.load(self.parties[name].folder)

    def status(self) -> Mapping[str, Status]:
        """What runs."""
        return self.supervisor.status()

    async def _equip(self) -> None:
        dsns = await provision(self.servers.postgres_dsn, SERVICES)
        network = self.servers.network
        for name in SERVICES:
            folder = self.places.service(name)
            write_secret(folder / "postgres.dsn", dsns[name].encode())
            service = import_module(f"assay.{name}.main").SERVICE
            allowed = permissions_of(service.role, service.handlers, service.publishes)
            creds = network.service_creds(name, allowed.publish, allowed.subscribe)
            write_secret(folder / "nats.creds", creds.encode())
        write_secret(self.places.service("gateway") / TALK_SEED, network.talk_seed)
        make_key(self.places.service("gateway") / HOLDER_KEY)
        operator = self.places.data / "operator"
        operator.mkdir(exist_ok=True, mode=0o700)
        write_secret(
            operator / "nats.creds", network.service_creds("operator", ["assay.ask.*.*"], ["_INBOX.>"]).encode()
        )

    def _service(self, name: str) -> Process:
        port = self.servers.folder.ports.take(f"{name}-http")
        environment = service_environment(name, self.places, self.servers, self.bank, port, self.knobs)

        async def is_ready(pid: int) -> bool:
            return await answers(port, "/readyz")

        return self._process(name, f"assay.{name}.main", environment, is_ready)

    def _worker(self, party: Party) -> Process:
        environment = WORKERS[party.role](party, self.places, self.servers, self.bank, self.knobs)
        return self._process(party.name, party.terms.program, environment, None)

    def _process(self, name: str, module: str, environment: dict[str, str], ready: object) -> Process:
        folder = self.servers.folder
        return Process(
            name,
            [sys.executable, "-c", f"from {module} import main; main()"],
            env=environment,
            log_file=folder.log_of(name),
            record=folder.record_of(name),
            ready=ready,  # type: ignore[arg-type]
            start_within_s=START_S,
        )

    def _profile(self, party: Party) -> Profile:
        return Profile(
            nats_url=self.servers.nats_url,
            creds_file=party.creds_file,
            deployment_file=self.bank.deployment_file,
            evm_url=self.servers.evm_url,
            key_file=party.folder / "key",
        )

    def _operator_profile(self) -> None:
        operator = self.places.data / "operator"
        Profile(
            nats_url=self.servers.nats_url,
            creds_file=operator / "nats.creds",
            deployment_file=self.bank.deployment_file,
            evm_url=self.servers.evm_url,
            key_file=self.bank.operator_key_file,
            operator_dir=self.servers.folder.root / "keys",
            admin_creds_file=operator / "nats.creds",
        ).save(operator)
