"""Makes what the processes of a network are started with: one folder of files for each, to be mounted as its secrets.

    python -m assay.devnet.provision --to secrets --permissions deploy/permissions.json --rpc-url ... --postgres-url ...
    python -m assay.devnet.provision --to secrets --party requester --rpc-url ... --nats-url ...

May be run again: keys, passwords and contracts stay, credentials follow the permissions of this version. Without
`--rpc-url` the operator has put `chain/deployment.json` and `chain/operator.key` into the folder before.
"""

import argparse
import asyncio
import json
import os
from collections.abc import Mapping
from pathlib import Path
from shutil import copyfile
from typing import Any, Final
from urllib.parse import urlsplit

from assay.bus.accounts import Network, write_secret
from assay.bus.keyfile import make_key
from assay.bus.registrar import Registrar
from assay.client.profile import Profile
from assay.devnet.bank import Bank
from assay.devnet.environment import HOLDER_KEY, SERVICES, TALK_SEED
from assay.devnet.parties import Party
from assay.schema.values import Role
from assay.store.roles import as_role, provision

# Where the NATS server keeps the accounts that are pushed to it (deploy/nats.conf keeps its streams beside them).
ACCOUNTS_DIR: Final = Path("/data/accounts")
CREDS, DSN, DEPLOYMENT, OPERATOR_KEY = "nats.creds", "postgres.dsn", "deployment.json", "operator.key"
# What each process finds in its folder.
FILES: Final[Mapping[str, tuple[str, ...]]] = {
    "nats": ("accounts.conf",),
    "discovery": (CREDS, DSN),
    "matching": (CREDS, DSN),
    "gateway": (CREDS, DSN, DEPLOYMENT, TALK_SEED, HOLDER_KEY),
    "verification": (CREDS, DSN, DEPLOYMENT),
    "settlement": (CREDS, DSN, DEPLOYMENT, OPERATOR_KEY),
    "provider": (CREDS, "key", DEPLOYMENT),
    # As many as it takes to decide between two.
    **dict.fromkeys(("verifier-0", "verifier-1", "verifier-2"), (CREDS, "key", DEPLOYMENT)),
    "requester": (CREDS, "key", DEPLOYMENT, "profile.json"),
}
PARTIES: Final = ("provider", "verifier-0", "verifier-1", "verifier-2", "requester")
OPERATOR_CREDS: Final = Path("operator") / CREDS


async def make_network(to: Path, permissions: Mapping[str, Any], options: argparse.Namespace) -> None:
    """Write the folders of the bus and of the services."""
    network = Network.open(to / "network", permissions["exports"])
    put(to / "nats" / "accounts.conf", network.server_conf(ACCOUNTS_DIR))
    put(to / "nats" / "core_account", network.core_public)
    for service, allowed in permissions["services"].items():
        put(to / service / CREDS, network.service_creds(service, allowed["publish"], allowed["subscribe"]))
    put(to / "gateway" / TALK_SEED, network.talk_seed.decode())
    make_key(to / "gateway" / HOLDER_KEY)
    put(to / OPERATOR_CREDS, network.service_creds("operator", ["assay.ask.*.*"], ["_INBOX.>"]))
    if options.rpc_url:
        await (await Bank(to / "chain", lambda: options.rpc_url).open()).close()
    for name, files in FILES.items():
        for file in {DEPLOYMENT, OPERATOR_KEY} & set(files):
            put(to / name / file, (to / "chain" / file).read_text())
    if options.postgres_url and not all((to / name / DSN).exists() for name in SERVICES):
        for name, dsn in (await provision(with_password(options), SERVICES)).items():
            put(to / name / DSN, urlsplit(dsn)._replace(netloc=reached(dsn, options.dsn_host)).geturl())


async def admit(to: Path, name: str, options: argparse.Namespace) -> None:
    """Let a party in on a development chain: key, money, account, profile. Once."""
    party = Party.make(to, name, Role(name.partition("-")[0]))
    bank = Bank(to / "chain", lambda: options.rpc_url)
    chain = await bank.open()
    try:
        await bank.endow(chain, party)
    finally:
        await chain.close()
    copyfile(bank.deployment_file, party.folder / DEPLOYMENT)
    if not party.creds_file.exists():
        registrar = Registrar(options.nats_url, Network.load(to / "network"), to / OPERATOR_CREDS)
        put(party.creds_file, (await registrar.grant(party.role, party.id, party.name)).creds_text)
    own = {"creds_file": Path(CREDS), "deployment_file": Path(DEPLOYMENT), "key_file": Path("key")}
    Profile(nats_url=options.nats_url, evm_url=options.rpc_url, **own).save(party.folder)


def with_password(options: argparse.Namespace) -> str:
    """The address of Postgres with the password that the file holds, if there is one."""
    if options.password_file is None:
        return str(options.postgres_url)
    user = urlsplit(options.postgres_url).username or "postgres"
    return as_role(options.postgres_url, user, options.password_file.read_text().strip())


def reached(dsn: str, host: str | None) -> str:
    """The role with its password at the host by which the services reach the database."""
    role, at, own_host = urlsplit(dsn).netloc.rpartition("@")
    return f"{role}{at}{host or own_host}"


def put(file: Path, text: str) -> None:
    """Write a file of mode 0600, and its folder."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_secret(file, text.encode())


def hand_over(to: Path, owner: int) -> None:
    """Give folder and files to the user of the images, who alone may read them."""
    for path in (to, *to.rglob("*")):
        os.chown(path, owner, owner)


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="assay.devnet.provision")
    parser.add_argument("--to", type=Path, required=True, help="The folder of all folders.")
    parser.add_argument("--permissions", type=Path, help="deploy/permissions.json: make the network.")
    parser.add_argument("--party", action="append", default=[], choices=PARTIES, help="Let a party in.")
    parser.add_argument("--postgres-url", help="postgresql://postgres@host:port/postgres; makes roles and schemas.")
    parser.add_argument("--password-file", type=Path, help="The password of that role.")
    parser.add_argument("--dsn-host", help="host:port at which the services reach it, if that is another.")
    parser.add_argument("--rpc-url", help="A development node, on which the contracts are deployed.")
    parser.add_argument("--nats-url", help="Where parties come in.")
    parser.add_argument("--owner", type=int, help="The uid that the files are for.")
    return parser.parse_args()


async def run(options: argparse.Namespace) -> None:
    """Do what the command line says."""
    if options.permissions:
        await make_network(options.to, json.loads(options.permissions.read_text()), options)
    for name in options.party:
        await admit(options.to, name, options)
    if options.owner is not None:
        hand_over(options.to, options.owner)


if __name__ == "__main__":
    asyncio.run(run(read_options()))
