"""Rows of challenges computed again, in a child process that is started with the first."""

from collections.abc import Sequence

from assay.verification.methods.method import MachineFault
from assay.workloads.runner import Runner
from assay.workloads.task import Failed, Measured, Recompute


class Recomputer:
    """One child process, apart from that of the audits: their checks may take minutes."""

    def __init__(self, runner: Runner) -> None:
        self._runner = runner

    async def marks(self, seed: bytes, rows: Sequence[int], rounds: int) -> list[str]:
        """The marks of these rows after so many rounds. Raises MachineFault."""
        found: list[str] | None = None
        async for message in self._runner.run(Recompute(seed=seed.hex(), rows=list(rows), rounds=rounds)):
            match message:
                case Measured():
                    found = message.marks
                case Failed():
                    raise MachineFault(f"{message.code}: {message.detail}")
        if found is None:
            raise MachineFault("The child has computed nothing.")
        return found

    async def close(self) -> None:
        """End the child."""
        await self._runner.kill()
