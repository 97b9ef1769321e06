// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Stake in the native token
/// @notice Stake answers for what its owner does, as a provider or as a verifier, until it has left the contract: what is
/// unbonding can be slashed too.
interface IStake {
    /// @notice What stake answers for.
    enum SlashReason {
        INVALID_RESULT,
        WITHHELD_DATA,
        DOWNTIME,
        FALSE_CAPACITY,
        LAZY_VERIFIER,
        FALSE_ACCUSATION,
        EQUIVOCATION
    }

    /// @notice The penalty for one offence, which (jobId, provider, fence) names: a provider's in a lease, or a
    /// verifier's in an audit, whose id then stands for the job's.
    struct Slash {
        address provider;
        uint256 amount;
        SlashReason reason;
        bytes32 jobId;
        uint64 fence;
    }

    event Staked(address indexed provider, uint256 amount);
    event Unstaked(address indexed provider, uint256 amount, uint64 readyAt);
    event StakeWithdrawn(address indexed provider, uint256 amount);
    event Slashed(address indexed provider, uint256 amount, SlashReason reason, bytes32 indexed jobId, uint64 fence);
    event SlashRefused(address indexed provider, bytes32 indexed jobId, uint64 fence);

    /// @notice More was to unbond than is active.
    error StakeTooLow(uint256 active, uint256 wanted);
    /// @notice Nothing was to unbond.
    error NothingToUnstake();
    /// @notice As many parts unbond as can: withdraw one that is ready, or wait for one.
    error TooManyUnbonding(uint256 limit);
    /// @notice No part has finished unbonding.
    error NothingReady();

    /// @notice Adds what arrives of `amount` tokens to the caller's active stake.
    function stake(uint256 amount) external;

    /// @notice Adds what arrives of the caller's `amount` tokens to the active stake of `provider`.
    function stakeFor(address provider, uint256 amount) external;

    /// @notice Starts to unbond `amount` of the caller's active stake.
    function unstake(uint256 amount) external;

    /// @notice Sends the caller all that has finished unbonding. Nothing can pause it.
    function withdraw() external;

    /// @notice Takes each penalty, or all there is, from active stake first, then from what unbonds, and sends it
    /// to the insurance pool; an offence that was slashed before is refused. Only for the slasher.
    function slash(Slash[] calldata slashes) external;

    /// @notice The active stake of `provider`.
    function stakeOf(address provider) external view returns (uint256);

    /// @notice The stake of `provider` that unbonds, or has and was not withdrawn yet.
    function unbondingOf(address provider) external view returns (uint256);
}
