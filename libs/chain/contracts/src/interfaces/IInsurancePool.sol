// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The pool of slashed stake
/// @notice Slashed native tokens land here, never with whoever accused, and leave only to make good a job's damage.
interface IInsurancePool {
    event Compensated(address indexed to, uint256 amount, bytes32 indexed jobId);

    /// @notice Sends `amount` to whom a job has cost it. Only for the compensator.
    function compensate(address to, uint256 amount, bytes32 jobId) external;
}
