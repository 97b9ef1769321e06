"""Hostile parties at work beside the honest network, in a process of their own that is started again if it crashes."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from string import ascii_lowercase
from typing import Any, Final

from tests.adversaries.behaviours import BEHAVIOURS, PARTNERS
from tests.adversaries.hostile_verifiers import ALLIES, GONE, HEARD
from tests.network import PRICE, ROOT, Net

from assay.bus.claims import read_claims
from assay.devnet.environment import provider_environment, verifier_environment
from assay.devnet.parties import Party, Terms
from assay.schema.values import Role

PREFIX: Final = {Role.PROVIDER: "ASSAY_EXECUTION_", Role.VERIFIER: "ASSAY_VERIFIER_"}
ENVIRONMENT: Final = {Role.PROVIDER: provider_environment, Role.VERIFIER: verifier_environment}
ANNOUNCE_S: Final = 5
WITHIN_S: Final = 240.0
REGIONS: Final = {
    name: f"{'zx'[number // 26]}{ascii_lowercase[number % 26]}" for number, name in enumerate([*BEHAVIOURS, *PARTNERS])
}
"""A region of its own for each hostile provider."""
ROOMY_BYTES: Final = 16 * 2**30
"""Memory that nobody else of the network has."""
ROOMY: Final = ("spared", "starved-of-pay", *ALLIES)
LEAVING: Final = ("withholds-checkpoint", "drops", "hands-over")
"""Those whose job an honest provider may take over."""


@asynccontextmanager
async def running(
    net: Net, folder: Path, providers: Sequence[str] = (), verifiers: Sequence[str] = ()
) -> AsyncIterator[None]:
    """These hostile parties at work, each admitted as any stranger is."""
    places, network = net.devnet.places.parties, {"liar-1": "liars", "liar-2": "liars"}
    parties = [Party.make(places, n, Role.PROVIDER, Terms(REGIONS[n], price_of(n), beat_s=0.5)) for n in providers]
    parties += [Party.make(places, n, Role.VERIFIER, Terms(network=network.get(n, f"of-{n}"))) for n in verifiers]
    await asyncio.gather(*map(net.devnet.admit, parties))
    told = {role: {p.name: settings_of(net, p) for p in parties if p.role is role} for role in ENVIRONMENT}
    chain = {"evm_url": net.devnet.servers.evm_url, "deployment": str(net.devnet.bank.deployment_file)}
    chain |= {"shared": str(folder), "accounts": [account_of(party) for party in net.devnet.parties.values()]}
    farm = chain | {"providers": told[Role.PROVIDER], "verifiers": told[Role.VERIFIER]}
    (folder / f"{parties[0].name}.json").write_text(json.dumps(farm))
    since = len(net.chronicle.said)
    stopping = asyncio.Event()
    kept = asyncio.create_task(keep(folder / f"{parties[0].name}.json", stopping))
    try:
        for name in providers:
            await net.until_listed(name, since)
        for name in verifiers:
            await until_announced(net, name)
        yield
    finally:
        stopping.set()
        await asyncio.wait_for(kept, WITHIN_S)


def heard_in(net: Net, folder: Path) -> Counter[tuple[str, str]]:
    """How often each hostile verifier was told what."""
    file = folder / HEARD
    lines = file.read_text().splitlines() if file.exists() else []
    said = [(net.name_of(source), type_) for source, type_, _ in map(json.loads, lines)]
    return Counter(said)


def account_of(party: Party) -> str:
    """The account that a party's credentials are of."""
    return str(read_claims(party.creds_file.read_text().splitlines()[1])["nats"]["issuer_account"])


def price_of(name: str) -> int:
    """What a hostile provider asks: less, where an honest one is to be asked after it."""
    return PRICE // 2 if name in LEAVING else PRICE


async def keep(farm: Path, stopping: asyncio.Event) -> None:
    """Run the process until it is to stop; one that crashed is started again."""
    code: int | None = GONE
    with farm.with_suffix(".log").open("ab") as log:
        while code == GONE and not stopping.is_set():
            words = (sys.executable, "-m", "tests.adversaries.farm", str(farm))
            process = await asyncio.create_subprocess_exec(*words, cwd=ROOT, stdout=log, stderr=log)
            ended, stopped = asyncio.create_task(process.wait()), asyncio.create_task(stopping.wait())
            await asyncio.wait((ended, stopped), return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            if not ended.done():
                process.terminate()
            code = await ended


async def until_announced(net: Net, name: str) -> None:
    """Return when the verifier has said that it is there."""
    own = net.party(name).id

    def is_there() -> bool:
        return any(said.event.type == "verifier.announced" and said.event.about == own for said in net.chronicle.said)

    await net.chronicle.until(is_there, f"verifier.announced of {name}", WITHIN_S)


def settings_of(net: Net, party: Party) -> dict[str, Any]:
    """The behaviour of a party, and the settings of its worker as an honest one gets them from its environment."""
    devnet = net.devnet
    environment = ENVIRONMENT[party.role](party, devnet.places, devnet.servers, devnet.bank, devnet.knobs)
    settings = {name.removeprefix(PREFIX[party.role]).lower(): value for name, value in environment.items()}
    more: dict[str, Any] = {"announce_s": ANNOUNCE_S} if party.role is Role.VERIFIER else {}
    more |= {"memory_bytes": ROOMY_BYTES} if party.name in ROOMY else {}
    more["kinds"] = ["noop"] if party.name in ALLIES else json.loads(settings["kinds"])
    return {"behaviour": party.name, "settings": settings | more}
