"""A program shut into a root: started, waited for, and ended with all that it has started.

After fork and before exec it takes its part of the processors, changes its root, lets landlock make that root read-only
but for `/job` and `/tmp`, gives up the last capability, and loses the calls that a program does not need.
"""

import os
import random
import resource
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from assay.workloads.command.errors import CommandNotFound, CommandTooLong, NoBox
from assay.workloads.command.params import CommandParams
from assay.workloads.sandbox import landlock, seccomp
from assay.workloads.sandbox.kernel import set_capabilities

WRITTEN: Final = ("/job", "/tmp")


@dataclass(frozen=True)
class Program:
    """What is run, in which root, told what; `said` is the folder of what it prints.

    A root that is fixed is read-only already, by its mounts.
    """

    params: CommandParams
    root: Path
    environment: dict[str, str]
    said: Path
    is_fixed: bool = False


def execute(program: Program) -> int:
    """Return how a program ended, with nothing left of it. Raises CommandNotFound, CommandTooLong, NoBox."""
    params = program.params
    if os.getpid() != 1:
        raise NoBox("Only the first process of a box can end all others in it.")
    with (program.said / "stdout").open("wb") as out, (program.said / "stderr").open("wb") as error:
        try:
            process = subprocess.Popen(
                params.command,
                env=program.environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=error,
                start_new_session=True,
                preexec_fn=lambda: shut_in(program),
            )
            return process.wait(params.time_s)
        except (FileNotFoundError, PermissionError, NotADirectoryError, OSError) as failed:
            raise CommandNotFound(f"{params.command[0]}: {failed.strerror}.") from None
        except subprocess.TimeoutExpired:
            raise CommandTooLong(f"It did not end within {params.time_s} s.") from None
        except subprocess.SubprocessError as failed:
            raise NoBox(str(failed)) from failed
        finally:
            end_all()


def shut_in(program: Program) -> None:
    """Become what a program may be. Raises OSError."""
    params = program.params
    # Whoever always took the first would share them with all others on this machine.
    own = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, random.SystemRandom().sample(own, min(params.threads, len(own))))
    for kind, size in ((resource.RLIMIT_DATA, params.memory_bytes), (resource.RLIMIT_FSIZE, params.disk_bytes)):
        _, most = resource.getrlimit(kind)
        least = size if most == resource.RLIM_INFINITY else min(size, most)
        resource.setrlimit(kind, (least, least))
    os.umask(0o022)
    os.chroot(program.root)
    os.chdir("/job")
    if not program.is_fixed:
        landlock.restrict_root(WRITTEN)
    set_capabilities()
    seccomp.restrict(seccomp.REACHING if params.egress else seccomp.PROGRAM)


def end_all() -> None:
    """End every process of the box but this one, its first."""
    with suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    with suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)
