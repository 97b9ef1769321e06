"""The process behind `assay up`: holds a devnet until it is told to stop."""

import asyncio
import logging
import os
import sys
from pathlib import Path

from assay.devnet.devnet import Devnet
from assay.devnet.parties import Party, Terms
from assay.devnet.record import Record
from assay.devnet.supervisor import until_stopped
from assay.schema.errors import AssayError
from assay.schema.values import Role

log = logging.getLogger(__name__)


async def hold(data: Path, models: Path, providers: int, verifiers: int) -> None:
    """Run the network until SIGTERM or SIGINT."""
    async with Devnet(data, models, log.info) as devnet:
        run = devnet.servers.folder.run
        record = Record.of(os.getpid(), tuple(sys.argv))
        assert record is not None
        record.write(run / "devnet.json")
        parties = devnet.places.parties
        await devnet.join(Party.make(parties, "requester", Role.REQUESTER))
        for n in range(1, providers + 1):
            await devnet.join(Party.make(parties, f"provider-{n}", Role.PROVIDER, Terms()))
        for n in range(1, verifiers + 1):
            await devnet.join(Party.make(parties, f"verifier-{n}", Role.VERIFIER, Terms.of_verifier(n)))
        (run / "up").touch()
        await until_stopped()
        (run / "up").unlink(missing_ok=True)
    (run / "devnet.json").unlink(missing_ok=True)


def main() -> None:
    """Hold the network that the arguments name: folder, model store, numbers of providers and verifiers."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    data, models, providers, verifiers = sys.argv[1:]
    try:
        asyncio.run(hold(Path(data), Path(models), int(providers), int(verifiers)))
    except AssayError as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
