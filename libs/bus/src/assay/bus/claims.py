"""The keys and signed claims by which a NATS server knows its operator, its accounts and their users.

A NATS credential is an Ed25519 key whose text form starts with its kind (O, A, U) and a JWT that a key one level up has
signed: operator over account, account over user. The server keeps no passwords, so a new account needs no restart.
Format: NATS JWT version 2, algorithm `ed25519-nkey`.
"""

import base64
import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import nkeys  # type: ignore[import-untyped]

KeyKind = Literal["operator", "account", "user"]
ShareKind = Literal["stream", "service"]

PREFIXES: Mapping[KeyKind, int] = {
    "operator": nkeys.PREFIX_BYTE_OPERATOR,
    "account": nkeys.PREFIX_BYTE_ACCOUNT,
    "user": nkeys.PREFIX_BYTE_USER,
}
HEADER = {"typ": "JWT", "alg": "ed25519-nkey"}
# How long a service may take to answer a request that the server let through to it.
RESPONSE_TTL_NS = 60 * 10**9


@dataclass(frozen=True)
class Export:
    """Subjects that an account shows to others; with a token position, each importer sees only its own token."""

    subject: str
    kind: ShareKind
    token_position: int | None = None
    many_answers: bool = False

    def claim(self) -> dict[str, Any]:
        position = {} if self.token_position is None else {"account_token_position": self.token_position}
        answers = {"response_type": "Stream"} if self.many_answers else {}
        return {"name": self.subject, "subject": self.subject, "type": self.kind, **position, **answers}


@dataclass(frozen=True)
class Import:
    """Subjects of another account, seen in this one under the name `local`."""

    account: str
    subject: str
    local: str
    kind: ShareKind

    def claim(self) -> dict[str, Any]:
        renamed = {} if self.local == self.subject else {"local_subject": self.local}
        return {"name": self.subject, "subject": self.subject, "account": self.account, "type": self.kind, **renamed}


@dataclass(frozen=True)
class AccountLimits:
    """What an account may use; -1 is without limit. JetStream is off unless a limit of it is given."""

    connections: int = -1
    subscriptions: int = -1
    payload_bytes: int = -1
    streams: int = 0
    consumers: int = 0
    memory_bytes: int = 0
    disk_bytes: int = 0

    def claim(self, imports: int, exports: int) -> dict[str, Any]:
        used = {"imports": imports, "exports": exports, "wildcards": True, "data": -1, "leaf": 0}
        jetstream = {"mem_storage": self.memory_bytes, "disk_storage": self.disk_bytes}
        counts = {"streams": self.streams, "consumer": self.consumers}
        reach = {"conn": self.connections, "subs": self.subscriptions, "payload": self.payload_bytes}
        return {**used, **reach, **jetstream, **counts}


NO_JETSTREAM = AccountLimits()


def new_seed(kind: KeyKind) -> bytes:
    """A fresh secret key of that kind in its text form."""
    seed: bytes = nkeys.encode_seed(os.urandom(32), PREFIXES[kind])
    return seed


def public_key(seed: bytes) -> str:
    """The public key of a seed; for an account this is the token by which the core knows it."""
    public: bytes = nkeys.from_seed(bytearray(seed)).public_key
    return public.decode()


def operator_jwt(operator_seed: bytes, name: str, system_account: str, signing_keys: Sequence[str]) -> str:
    """The operator's claim on itself, naming the keys that sign accounts so that its own can stay offline."""
    body = {"system_account": system_account, "signing_keys": list(signing_keys)}
    return signed(operator_seed, public_key(operator_seed), name, "operator", body)


def account_jwt(
    signer_seed: bytes,
    account_public: str,
    name: str,
    exports: Sequence[Export] = (),
    imports: Sequence[Import] = (),
    limits: AccountLimits = NO_JETSTREAM,
    signing_keys: Sequence[str] = (),
    revoked_at: int | None = None,
) -> str:
    """An account's claim: what it shows, sees and may use. From `revoked_at` (epoch s) back its users are refused."""
    body: dict[str, Any] = {
        "exports": [export.claim() for export in exports],
        "imports": [wanted.claim() for wanted in imports],
        "limits": limits.claim(len(imports), len(exports)),
        "signing_keys": list(signing_keys),
        "default_permissions": {"pub": {}, "sub": {}},
    }
    if revoked_at is not None:
        body["revocations"] = {"*": revoked_at}
    return signed(signer_seed, account_public, name, "account", body)


def user_jwt(
    signer_seed: bytes,
    user_public: str,
    name: str,
    publish: Sequence[str],
    subscribe: Sequence[str],
    expires_at: int | None = None,
    account: str | None = None,
    replies: int = 0,
) -> str:
    """A user's claim: the only subjects it may publish and subscribe, until `expires_at` (epoch s).

    `account` is given when the signer is a signing key of that account. `replies` is how many answers the user may give
    to each request that reaches it (-1: any number); these need no entry in `publish`.
    """
    body: dict[str, Any] = {"pub": only(publish), "sub": only(subscribe), "subs": -1, "data": -1, "payload": -1}
    if replies:
        body["resp"] = {"max": replies, "ttl": RESPONSE_TTL_NS}
    if account is not None:
        body["issuer_account"] = account
    return signed(signer_seed, user_public, name, "user", body, expires_at)


def only(subjects: Sequence[str]) -> dict[str, list[str]]:
    """The permission for these subjects alone; none is a denial, as the server reads an empty list as everything."""
    return {"allow": list(subjects)} if subjects else {"deny": [">"]}


def creds_text(jwt: str, seed: bytes) -> str:
    """The text of a .creds file, as every NATS client reads it."""
    return (
        f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n"
        f"-----BEGIN USER NKEY SEED-----\n{seed.decode()}\n------END USER NKEY SEED------\n"
    )


def signed(
    signer_seed: bytes, subject: str, name: str, kind: KeyKind, body: dict[str, Any], expires_at: int | None = None
) -> str:
    """The JWT in which the signer says `body` about the key `subject`."""
    signer = nkeys.from_seed(bytearray(signer_seed))
    claims: dict[str, Any] = {"iat": int(time.time()), "iss": signer.public_key.decode(), "sub": subject, "name": name}
    if expires_at is not None:
        claims["exp"] = expires_at
    claims["nats"] = {**body, "type": kind, "version": 2}
    claims["jti"] = base64.b32encode(hashlib.sha256(compact(claims)).digest()).decode().rstrip("=")
    text = f"{base64url(compact(HEADER))}.{base64url(compact(claims))}"
    return f"{text}.{base64url(signer.sign(text.encode()))}"


def read_claims(jwt: str) -> dict[str, Any]:
    """What a JWT says; its signature is not checked."""
    payload = jwt.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def compact(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
