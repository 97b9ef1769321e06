// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title What bootstrap rewards are computed by
/// @notice A provider's weight is the least of what it had available, what its verified work stands for, and what its
/// stake carries: capacity counts only while it was measured and answered challenges, and only as far as it worked and is
/// staked for. Each of the three is a sum, and the least of sums is at least the sum of the leasts: splitting an identity
/// never adds weight. Concentration is counted by place (a site as its measurements show it), not by identity: splitting
/// does not lower it. Everything is rounded down. `assay.proof.rewards` is the same in Python.
library RewardFormula {
    uint256 internal constant PPM = 1e6;

    /// @notice What a provider did in a period. `available`: its measured speed times the seconds in which it answered
    /// challenges, in cost units. `verified`: cost units of verified work. `stake`: the least it had at any time of the
    /// period, in native base units, delegated stake included.
    struct Inputs {
        uint112 available;
        uint112 verified;
        uint112 stake;
    }

    /// @notice `targetPpm`: the share of what is available that has to work to count whole; `capPpm`: the share of the
    /// emission that no place exceeds; `stakePerMegaUnit`: native base units that carry a million cost units a period.
    struct Terms {
        uint32 targetPpm;
        uint32 capPpm;
        uint128 stakePerMegaUnit;
    }

    /// @notice The weight of a provider, in cost units.
    function weightOf(Inputs memory inputs, Terms memory terms) internal pure returns (uint256) {
        uint256 worked = inputs.verified * PPM / terms.targetPpm;
        uint256 carried = inputs.stake * PPM / terms.stakePerMegaUnit;
        return Math.min(inputs.available, Math.min(worked, carried));
    }

    /// @notice What a place gets of the emission: with its share q of all weight, q(1 - q/2), and at most the cap.
    function budgetOf(uint256 emission, uint256 place, uint256 network, Terms memory terms) internal pure returns (uint256) {
        uint256 budget = Math.mulDiv(emission, place * (2 * network - place), 2 * network * network);
        return Math.min(budget, Math.mulDiv(emission, terms.capPpm, PPM));
    }

    /// @notice What a provider gets of the emission: of its place's part, in proportion to weight.
    function rewardOf(uint256 emission, uint256 weight, uint256 place, uint256 network, Terms memory terms)
        internal
        pure
        returns (uint256)
    {
        if (weight == 0) return 0;
        return Math.mulDiv(budgetOf(emission, place, network, terms), weight, place);
    }
}
