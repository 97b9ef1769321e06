"""What each process of a devnet is told: its ASSAY_* variables."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from assay.devnet.bank import Bank
from assay.devnet.parties import Party
from assay.devnet.servers import Servers
from assay.workloads.registry import offerable

Knobs = Mapping[str, Mapping[str, object]]
# Many providers on one machine would all load torch at the start, and most of them never have a use for it.
PRELOAD = False
# The network of one machine has few leases to pool, and somebody who waits for each.
EPOCH_S = 1
# Somebody waits for each payment; the contract holds their epochs a second apart.
PAYMENT_AGE_S = 0.2
VOUCHER_WAIT_S = 1.0
# The ledger sees a deposit within a second.
FUND_WAIT_S = 3
UNLIMITED = 10**30
# A dollar for a whole token, which nobody trades here.
NATIVE_PRICE = 1_000_000
# The policy would have most of a newcomer's segments run again.
DRAWS = 2
# Somebody looks at what was measured after a minute or two, and all machines of the network are one.
CHALLENGE = {"challenge_every_blocks": 120, "challenge_window_ms": 200}
HELD_BY = "ASSAY_DEVNET_SANDBOX"
"""Names the sandbox of providers and verifiers, which is otherwise the strongest that the kernel can hold."""
TALK_SEED, HOLDER_KEY = "talk.seed", "holder.key"
SERVICES = ("discovery", "gateway", "matching", "settlement", "verification")


@dataclass(frozen=True, slots=True)
class Places:
    """Where the things of a devnet lie."""

    data: Path
    models: Path

    def service(self, name: str) -> Path:
        """A service's folder."""
        folder = self.data / "services" / name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder

    @property
    def parties(self) -> Path:
        """The folder of all parties' folders."""
        return self.data / "parties"


def holding(knobs: Knobs, level: str) -> Knobs:
    """The knobs, with the sandbox of all that run jobs, and the kinds of work, where they do not name them."""
    work = {"sandbox": level, "kinds": json.dumps(offerable())}
    own = {"execution": work, "verifier": work, "verification": {"sandbox": level}}
    return {**knobs, **{name: {**held, **knobs.get(name, {})} for name, held in own.items()}}


def service_environment(
    name: str, places: Places, servers: Servers, bank: Bank, port: int, knobs: Knobs
) -> dict[str, str]:
    """The variables of a service."""
    folder = places.service(name)
    common = {
        "nats_url": servers.nats_url,
        "nats_creds_file": folder / "nats.creds",
        "postgres_dsn_file": folder / "postgres.dsn",
        "http_port": port,
    }
    chain = {"rpc_url": servers.evm_url, "deployment_file": bank.deployment_file}
    held = {"talk_seed_file": folder / TALK_SEED, "holder_key_file": folder / HOLDER_KEY}
    own: dict[str, dict[str, object]] = {
        "gateway": {"deployment_file": bank.deployment_file, **held},
        "verification": chain
        | {"data_dir": folder / "data", "models_dir": places.models, "confirmations": 1}
        | {
            "epoch_s": EPOCH_S,
            "open_s": 2,
            "audit_s": 120,
            "reveal_s": 10,
            "contest_s": 60,
            "move_s": 20,
            "appeal_s": 2,
            "draws": DRAWS,
            **CHALLENGE,
            "show_s": 0.1,
            # The operator has a deposit for audits (`Bank`): verifiers are paid in full however small the epochs are.
            "gift_ppm": 1_000_000,
        },
        "settlement": chain
        | {"operator_key_file": bank.operator_key_file, "confirmations": 1}
        # The node on this machine never forks: whatever was deposited or staked counts at once.
        | {f"{of}_{block}_max": UNLIMITED for of in ("credits", "stakes") for block in ("included", "safe")}
        | {"fund_wait_s": FUND_WAIT_S, "payment_age_s": PAYMENT_AGE_S}
        | {"voucher_wait_s": VOUCHER_WAIT_S, "native_price": NATIVE_PRICE},
    }
    return variables(name, common | own.get(name, {}) | dict(knobs.get(name, {})))


def provider_environment(party: Party, places: Places, servers: Servers, bank: Bank, knobs: Knobs) -> dict[str, str]:
    """The variables of a provider's worker."""
    terms = party.terms
    return variables(
        "execution",
        {
            "nats_url": servers.nats_url,
            "nats_creds_file": party.creds_file,
            "key_file": party.folder / "key",
            "deployment_file": bank.deployment_file,
            "data_dir": party.folder / "data",
            "private_dir": party.folder / "private",
            "models_dir": places.models,
            "region": terms.region,
            "slots": terms.slots,
            "processes": terms.processes,
            "mega_unit_price": terms.mega_unit_price,
            "beat_s": terms.beat_s,
            "preload": PRELOAD,
            "spare": terms.spare,
            "egress": terms.egress,
            **knobs.get("execution", {}),
        },
    )


def verifier_environment(party: Party, places: Places, servers: Servers, bank: Bank, knobs: Knobs) -> dict[str, str]:
    """The variables of a verifier's worker."""
    return variables(
        "verifier",
        {
            "nats_url": servers.nats_url,
            "nats_creds_file": party.creds_file,
            "key_file": party.folder / "key",
            "deployment_file": bank.deployment_file,
            "data_dir": party.folder / "data",
            "models_dir": places.models,
            "region": party.terms.region,
            "network": party.terms.network,
            "slots": party.terms.slots,
            "egress": party.terms.egress,
            **knobs.get("verifier", {}),
        },
    )


def variables(service: str, values: dict[str, object]) -> dict[str, str]:
    """The values under the service's prefix."""
    return {f"ASSAY_{service.upper()}_{name.upper()}": str(value) for name, value in values.items()}
