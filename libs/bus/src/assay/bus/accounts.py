"""The accounts of a market's NATS network: one for the services and one for each participant.

Accounts share nothing but what one exports and the other imports. CORE exports `ingest.*.>` and `ask.*.>` (services)
and `cmd.*.>` (a stream) with the importing account's key as second token, so a participant who publishes `ingest.x`
reaches CORE as `ingest.<its key>.x` and can neither speak under another's key nor read another's commands; a reply
subject is resolved inside the sender's own account. Participants have no JetStream and export nothing. The account TALK
is for what must not wait for a service: see `talk`. Of the system account CORE hears when a participant's connection is
closed, as `lost.<its key>`: only operators sign what an account imports, so no participant hears of another.

    network = Network.open(folder, public=["assay.job.>"])
    grant = network.grant("provider", "p7f3")
    await network.push(nc_sys, grant.account_jwt)
"""

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from assay.bus.claims import (
    AccountLimits,
    Export,
    Import,
    account_jwt,
    creds_text,
    new_seed,
    operator_jwt,
    public_key,
    read_claims,
    user_jwt,
)
from assay.schema.errors import Fault

if TYPE_CHECKING:
    from nats.aio.client import Client

__all__ = [
    "AccountLimits",
    "AccountRefused",
    "Export",
    "Grant",
    "Import",
    "Network",
    "Role",
    "account_jwt",
    "core_exports",
    "creds_text",
    "new_seed",
    "operator_jwt",
    "participant_imports",
    "public_key",
    "user_jwt",
]

Role = Literal["provider", "requester", "verifier", "observer"]

SERVICES_TO: Mapping[Role, tuple[str, ...]] = {
    "provider": ("ingest", "ask"),
    "requester": ("ingest", "ask"),
    "verifier": ("ingest", "ask"),
    "observer": ("ask",),
}
COMMANDED: frozenset[Role] = frozenset({"provider", "requester", "verifier"})
INBOX = "_INBOX.>"
SERVERS = "$SYS.REQ.SERVER.PING.JSZ"
CLOSED = "$SYS.ACCOUNT.*.DISCONNECT"
LOST = "lost.*"
"""Where CORE hears of closed connections, by account."""
CORE_LIMITS = AccountLimits(streams=-1, consumers=-1, memory_bytes=-1, disk_bytes=-1)
# Enough for one machine's processes; a participant with more machines asks for more accounts.
PARTICIPANT_LIMITS = AccountLimits(connections=16, subscriptions=256, payload_bytes=2**20)
# Whoever opens too many shuts out others who talk, and nobody else.
TALK_LIMITS = AccountLimits(connections=8192, subscriptions=16_384, payload_bytes=2**20)
CUT_OFF = AccountLimits(connections=0, subscriptions=0)
PUSH_TIMEOUT_S = 30.0


class AccountRefused(Fault):
    """The server did not take an account's claim."""

    code = "account.refused"
    advice = "Check that the servers trust this network's operator: their configuration is made by `server_conf`."


@dataclass(frozen=True)
class Grant:
    """A new participant: the account to push to the servers and the credentials to hand over."""

    account_public: str
    creds_text: str
    account_jwt: str


@dataclass(frozen=True)
class Network:
    """The keys and claims of one network. The operator's own key signs nothing after its birth: keep it offline."""

    operator_jwt: str
    sys_jwt: str
    core_jwt: str
    signing_seed: bytes
    issuer_seed: bytes
    sys_seed: bytes
    core_seed: bytes
    talk_jwt: str
    talk_seed: bytes
    operator_seed: bytes | None = None

    @classmethod
    def create(cls, public: Sequence[str]) -> "Network":
        """A new network whose participants may all read the `public` subjects."""
        operator, signing, issuer = new_seed("operator"), new_seed("operator"), new_seed("account")
        sys_seed, core_seed, talk_seed = new_seed("account"), new_seed("account"), new_seed("account")
        sys_public = public_key(sys_seed)
        return cls(
            operator_jwt=operator_jwt(operator, "assay", sys_public, [public_key(signing)]),
            sys_jwt=sys_jwt(signing, sys_public),
            core_jwt=core_jwt(signing, public_key(core_seed), public, sys_public),
            signing_seed=signing,
            issuer_seed=issuer,
            sys_seed=sys_seed,
            core_seed=core_seed,
            talk_jwt=account_jwt(signing, public_key(talk_seed), "TALK", limits=TALK_LIMITS),
            talk_seed=talk_seed,
            operator_seed=operator,
        )

    @classmethod
    def load(cls, folder: Path) -> "Network":
        """The network that `save` has put into the folder; the operator's seed may have been taken away."""
        found = {field.name: folder / field.name for field in fields(cls) if (folder / field.name).exists()}
        texts = {name: path.read_text().strip() for name, path in found.items()}
        return cls(**{name: text.encode() if name.endswith("_seed") else text for name, text in texts.items()})  # type: ignore[arg-type]

    @classmethod
    def open(cls, folder: Path, public: Sequence[str]) -> "Network":
        """The folder's network, made at first; it follows what this version shares and which subjects are public."""
        network = cls.load(folder) if (folder / "core_jwt").exists() else cls.create(public)
        signing, system = network.signing_seed, public_key(network.sys_seed)
        core = core_jwt(signing, network.core_public, public, system)
        fresh = {"sys_jwt": sys_jwt(signing, system), "core_jwt": core}
        changed = {name: jwt for name, jwt in fresh.items() if shared(jwt) != shared(getattr(network, name))}
        network = replace(network, **changed)  # type: ignore[arg-type]
        network.save(folder)
        return network

    def save(self, folder: Path) -> None:
        """Write one file of mode 0600 for each key and claim."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name, value in vars(self).items():
            if value is not None:
                write_secret(folder / name, value if isinstance(value, bytes) else value.encode())

    @property
    def core_public(self) -> str:
        return public_key(self.core_seed)

    @property
    def public(self) -> tuple[str, ...]:
        """The subjects that every participant may read."""
        exports = read_claims(self.core_jwt)["nats"]["exports"]
        return tuple(e["subject"] for e in exports if "account_token_position" not in e)

    def server_conf(self, accounts_dir: Path) -> str:
        """The lines of a server's configuration that make it trust this network and keep its accounts in a folder."""
        held = {self.sys_seed: self.sys_jwt, self.core_seed: self.core_jwt, self.talk_seed: self.talk_jwt}
        preload = {public_key(seed): claim for seed, claim in held.items()}
        lines = [f"  {account}: {jwt}" for account, jwt in preload.items()]
        # No `allow_delete`: an account is cut off by a newer claim, which a server that was away cannot miss.
        resolver = f'resolver {{ type: full, dir: "{accounts_dir}", allow_delete: false, interval: "2m" }}'
        head = [f"operator: {self.operator_jwt}", f"system_account: {public_key(self.sys_seed)}", resolver]
        return "\n".join([*head, "resolver_preload {", *lines, "}", ""])

    def grant(self, role: Role, name: str, expires_at: int | None = None) -> Grant:
        """A new account for a participant, known to the servers once its claim has been pushed."""
        account = public_key(new_seed("account"))
        issuer = [public_key(self.issuer_seed)]
        imports = participant_imports(role, account, self.core_public, self.public)
        claim = account_jwt(self.signing_seed, account, name, (), imports, PARTICIPANT_LIMITS, issuer)
        return Grant(account, self.participant_creds(role, account, name, expires_at), claim)

    def participant_creds(self, role: Role, account: str, name: str, expires_at: int | None = None) -> str:
        """Credentials of a new user in a participant's account; also how running-out ones are renewed."""
        publish = [f"{service}.>" for service in SERVICES_TO[role]]
        commands = ["cmd.>"] if role in COMMANDED else []
        seed = new_seed("user")
        subscribe = [*commands, *self.public, INBOX]
        jwt = user_jwt(self.issuer_seed, public_key(seed), name, publish, subscribe, expires_at, account)
        return creds_text(jwt, seed)

    def service_creds(self, service: str, publish: Sequence[str], subscribe: Sequence[str]) -> str:
        """Credentials of a service in CORE: these subjects, answers to its requests, and replies to what reaches it."""
        seed = new_seed("user")
        jwt = user_jwt(self.core_seed, public_key(seed), service, publish, subscribe, replies=-1)
        return creds_text(jwt, seed)

    def system_creds(self) -> str:
        """Credentials of the one user that pushes claims: it may ask the server and nothing else."""
        seed = new_seed("user")
        jwt = user_jwt(self.sys_seed, public_key(seed), "registrar", ["$SYS.REQ.>"], [INBOX])
        return creds_text(jwt, seed)

    async def push(self, nc_sys: "Client", account_claim: str) -> None:
        """Make the running servers take an account's claim. Raises AccountRefused."""
        # The server stores a claim of anybody and looks at the signer at the next login: the account would be shut out.
        if read_claims(account_claim)["iss"] != public_key(self.signing_seed):
            raise AccountRefused("it is signed by another operator.")
        answer = await nc_sys.request("$SYS.REQ.CLAIMS.UPDATE", account_claim.encode(), timeout=PUSH_TIMEOUT_S)
        said = json.loads(answer.data)
        if said.get("data", {}).get("code") != 200:
            raise AccountRefused(f"{said.get('error', said)}.")

    async def revoke(self, nc_sys: "Client", account_public: str) -> None:
        """Cut an account off: its connections are closed and its users refused, also after a restart."""
        now = int(time.time())
        claim = account_jwt(self.signing_seed, account_public, "revoked", limits=CUT_OFF, revoked_at=now)
        await self.push(nc_sys, claim)


def core_exports(public: Sequence[str]) -> tuple[Export, ...]:
    """What CORE shows: three doors bound to the caller's account, and the public subjects."""
    bound = [Export(f"{door}.*.>", "service", 2) for door in ("ingest", "ask")]
    return (*bound, Export("cmd.*.>", "stream", 2), *(Export(subject, "stream") for subject in public))


def participant_imports(role: Role, account: str, core: str, public: Sequence[str]) -> tuple[Import, ...]:
    """What a participant of that role sees of CORE, all under its own account's token."""
    doors = [Import(core, f"{door}.{account}.>", f"{door}.>", "service") for door in SERVICES_TO[role]]
    commands = [Import(core, f"cmd.{account}.>", "cmd.>", "stream")] if role in COMMANDED else []
    return (*doors, *commands, *(Import(core, subject, subject, "stream") for subject in public))


def core_jwt(signing_seed: bytes, core_public: str, public: Sequence[str], system: str) -> str:
    """The claim of the services' account.

    Of the system account it may ask how the servers keep what they take, and hear of connections that are closed.
    """
    told = (Import(system, SERVERS, SERVERS, "service"), Import(system, CLOSED, LOST.replace("*", "$1"), "stream"))
    return account_jwt(signing_seed, core_public, "CORE", core_exports(public), told, CORE_LIMITS)


def sys_jwt(signing_seed: bytes, sys_public: str) -> str:
    """The claim of the servers' own account, which shows these two things and nothing else."""
    shown = (Export(SERVERS, "service", many_answers=True), Export(CLOSED, "stream"))
    return account_jwt(signing_seed, sys_public, "SYS", shown)


def shared(jwt: str) -> tuple[object, object]:
    """What an account shows, and what it sees of others."""
    says = read_claims(jwt)["nats"]
    return says["exports"], says["imports"]


def write_secret(path: Path, content: bytes) -> None:
    """Replace a file whole, never readable by others, not even for a moment."""
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
