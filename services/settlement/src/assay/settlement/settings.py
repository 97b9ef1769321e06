"""The knobs of settlement."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import Field

from assay.chain.values import Deployment
from assay.proof.keys import Key
from assay.runtime.settings import ServiceSettings
from assay.schema.errors import BadSettings
from assay.settlement.finality import Limits
from assay.settlement.ledger import Asset
from assay.settlement.relaying.checks import RELAYS_PER_DAY


class Settings(ServiceSettings, env_prefix="ASSAY_SETTLEMENT_"):
    """What one operator sets otherwise than another."""

    rpc_url: str = "http://127.0.0.1:8545"
    """The EVM node. It may be away at any time: jobs wait until it is back."""
    deployment_file: Path
    """The contracts' addresses, as `assay chain deploy` wrote them."""
    operator_key_file: Path
    """The key (64 hex digits) that sends every transaction and signs every receipt. No other program may use it."""
    confirmations: Annotated[int, Field(ge=1, le=1000)] = 1
    """Blocks, the transaction's own counted, after which it is final. 1 only where blocks are never taken back: on a
    public chain 6 or more, for a fork below this depth has to be undone in the ledger."""
    credits_included_max: Annotated[int, Field(ge=0, le=10**30)] = 10**10
    """How much of all deposits together counts, in base units of the stable token, before the node calls their blocks
    `safe` (64 blocks where it knows none); of one account's a hundredth of it. A fork that takes them back leaves at
    most so much of charges struck, whoever deposited."""
    credits_safe_max: Annotated[int, Field(ge=0, le=10**30)] = 10**12
    """How much of them counts before their blocks are `finalized` (128 blocks), of one account's a hundredth; what is
    above waits for that."""
    stakes_included_max: Annotated[int, Field(ge=0, le=10**36)] = 10**22
    """How much of all new stake and backing together counts, in base units of the native token, before its blocks are
    `safe`; of one provider's own, and of its backing, a hundredth of it. What leaves counts at once."""
    stakes_safe_max: Annotated[int, Field(ge=0, le=10**36)] = 10**24
    """How much of it counts before its blocks are `finalized`; of one provider's own, and of its backing, a
    hundredth."""
    bump_after_s: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """How long a transaction waits before it is offered again at fees an eighth higher."""
    fee_max_gwei: Annotated[int, Field(ge=1)] = 500
    """The most that is paid for a unit of gas. Above it transactions wait until gas is cheaper."""

    fund_wait_s: Annotated[float, Field(ge=0, le=3600)] = 10.0
    """How long an order that its requester's deposit does not cover waits for one that is on its way. While the chain
    is away, or the ledger behind it, none is refused."""
    voucher_wait_s: Annotated[float, Field(ge=0, le=86_400)] = 60.0
    """How long after its end a job that is paid by vouchers waits for the last of them."""
    relays_per_day: Annotated[int, Field(ge=0, le=100_000)] = RELAYS_PER_DAY
    """For how many deposits and withdrawals of a requester the operator pays the gas within 24 hours; 0: for none. What
    is refused counts too."""
    payment_steps_max: Annotated[int, Field(ge=1, le=100_000)] = 10_000
    """An epoch of payments is closed at so many charges."""
    payment_value_max: Annotated[int, Field(ge=1)] = 10_000_000_000
    """An epoch of payments is closed at so much money, in base units of the stable token."""
    payment_age_s: Annotated[float, Field(gt=0, le=604_800)] = 900.0
    """An epoch of payments is closed so long after its first charge."""
    payment_posts_max: Annotated[int, Field(ge=1, le=100)] = 2
    """An epoch of payments that became void so often for the same reason is not posted again. Each time costs the bond:
    find out why, then raise this."""

    native_price: Annotated[int, Field(ge=0, le=10**18)] = 0
    """What a whole native token is worth, in base units of the stable token, where no oracle stands or it has no price:
    who lost by an offence is refunded at it. 0: there it has no price, and nobody is refunded."""

    @property
    def limits(self) -> Mapping[Asset, Limits]:
        """What of the fresh credits of each token counts."""
        return {
            Asset.STABLE: Limits(self.credits_included_max, self.credits_safe_max),
            Asset.NATIVE: Limits(self.stakes_included_max, self.stakes_safe_max),
        }

    def deployment(self) -> Deployment:
        """Where the contracts stand. Raises BadSettings."""
        try:
            return Deployment.load(self.deployment_file)
        except (OSError, ValueError, TypeError) as error:
            raise BadSettings(f"deployment_file: {error}.") from None

    def operator_key(self) -> Key:
        """The operator's key. Raises BadSettings, which never shows it."""
        try:
            return Key.from_hex(self.operator_key_file.read_text())
        except (OSError, ValueError) as error:
            raise BadSettings(f"operator_key_file holds no key ({type(error).__name__}).") from None
