// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What the native token is worth
interface IPriceOracle {
    /// @notice The lower and the higher of the price now and the mean over time, in units of 10^-18 dollars for a whole
    /// native token. Neither means anything unless `isHealthy`. Never reverts.
    function price() external view returns (uint256 low, uint256 high, bool isHealthy);
}

/// @title One source of a price, as Chainlink's AggregatorV3 has it
interface IFeed {
    function decimals() external view returns (uint8);

    function latestRoundData()
        external
        view
        returns (uint80 round, int256 answer, uint256 startedAt, uint256 updatedAt, uint80 answeredIn);
}
