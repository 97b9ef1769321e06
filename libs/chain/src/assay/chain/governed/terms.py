"""What the governed contracts begin with: what votes can change later, what is fixed at birth, and who has a role.

Money is in base units, times are seconds, shares are millionths (`ppm`). The contracts refuse what is out of range.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

DAY_S: Final = 24 * 3600
NATIVE_UNIT: Final = 10**18
NOBODY: Final = "0x" + "0" * 40


@dataclass(frozen=True, slots=True)
class VoteTerms:
    """How votes are held, and how long what they decide waits in the timelock."""

    delay_s: int = DAY_S
    period_s: int = 3 * DAY_S
    threshold: int = 1000 * NATIVE_UNIT
    quorum_percent: int = 4
    wait_s: int = 2 * DAY_S


@dataclass(frozen=True, slots=True)
class StakeTerms:
    """What stake has to be; and, fixed at birth, how long it takes to leave, own and delegated, and a lock lasts."""

    base: int = 100 * NATIVE_UNIT
    per_unit: int = 10**15
    delay_s: int = 21 * DAY_S
    lock_s: int = 14 * DAY_S


@dataclass(frozen=True, slots=True)
class SlashWindows:
    """How old an offence may be when it is proposed, and how long each phase waits; fixed at birth.

    The contract takes none that is longer than these.
    """

    report_s: int = 7 * DAY_S
    appeal_s: int = 3 * DAY_S
    ruling_s: int = 4 * DAY_S
    execution_s: int = 2 * DAY_S

    @property
    def phases_s(self) -> int:
        """From an accusation to the last moment at which it can be executed; a lock may last as long."""
        return self.appeal_s + self.ruling_s + self.execution_s


@dataclass(frozen=True, slots=True)
class SlashTerms:
    """What a proven accusation earns at most, what an appeal costs, what of a slash is burned; how long it waits."""

    bounty: int = 10 * NATIVE_UNIT
    bond: int = 5 * NATIVE_UNIT
    bounty_ppm: int = 50_000
    burn_ppm: int = 200_000
    windows: SlashWindows = SlashWindows()


@dataclass(frozen=True, slots=True)
class RewardTerms:
    """What a period emits at most, and the formula's terms."""

    emission: int = 1000 * NATIVE_UNIT
    target_ppm: int = 200_000
    cap_ppm: int = 250_000
    stake_per_mega_unit: int = 10**15


@dataclass(frozen=True, slots=True)
class TreasuryTerms:
    """How credits are made, where fees go; `day_cap` in credits of 6 decimals."""

    spread_ppm: int = 2_500
    warn_ppm: int = 950_000
    halt_ppm: int = 900_000
    burn_ppm: int = 500_000
    bounty_ppm: int = 200_000
    day_cap: int = 10**12


@dataclass(frozen=True, slots=True)
class OracleTerms:
    """The feeds of the native token's price (three to nine, or none), and when one does not count. Fixed at birth."""

    feeds: tuple[str, ...] = ()
    stale_s: int = 30
    outlier_ppm: int = 15_000


@dataclass(frozen=True, slots=True)
class Officers:
    """Who accuses, rules on appeals, posts periods of rewards and may void them; an arbiter of nobody upholds all."""

    proposer: str = NOBODY
    arbiter: str = NOBODY
    poster: str = NOBODY
    guardian: str = NOBODY


@dataclass(frozen=True, slots=True)
class GovernedTerms:
    """All of it."""

    officers: Officers = Officers()
    votes: VoteTerms = VoteTerms()
    stake: StakeTerms = StakeTerms()
    slashing: SlashTerms = SlashTerms()
    rewards: RewardTerms = RewardTerms()
    treasury: TreasuryTerms = TreasuryTerms()
    oracle: OracleTerms = OracleTerms()
