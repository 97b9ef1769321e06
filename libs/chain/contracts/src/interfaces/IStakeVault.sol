// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Stake that grows with what is claimed
/// @notice A provider or verifier stakes native tokens for the capacity that it claims, in cost units a second as the
/// network measures them. Stake answers until it has left: what unbonds can be slashed, and what is accused is held.
/// Leaving needs nobody: whoever claims nothing may unstake everything, and no lock holds a part for longer than
/// LOCK_MAX after it was ready. Amounts are base units of the native token (10^18), times are seconds.
interface IStakeVault {
    /// @notice What stake has to be: `base` for each identity and `perUnit` for each cost unit a second it claims.
    struct Terms {
        uint128 base;
        uint128 perUnit;
    }

    event Staked(address indexed provider, uint256 amount);
    event Unstaked(address indexed provider, uint256 amount, uint64 readyAt);
    event StakeWithdrawn(address indexed provider, uint256 amount);
    event CapacityClaimed(address indexed provider, uint64 unitsPerS);
    event StakeLocked(bytes32 indexed id, address indexed provider, uint256 amount, uint64 until);
    event StakeUnlocked(bytes32 indexed id, address indexed provider, uint256 amount);
    event StakeSlashed(address indexed provider, uint256 amount);
    event TermsSet(uint256 base, uint256 perUnit);

    /// @notice Less would be active than what is claimed asks for.
    error StakeTooLow(uint256 held, uint256 needed);
    error NothingToUnstake();
    /// @notice As many parts unbond as can: withdraw one that is ready, or wait for one.
    error TooManyUnbonding(uint256 limit);
    /// @notice No part has finished unbonding, or all that has is locked.
    error NothingReady();
    error KnownLock(bytes32 id);
    /// @notice The lock would last longer than LOCK_MAX, or has not ended yet.
    error BadTime(uint256 until);
    error NotAllowed(address caller);

    /// @notice Adds what arrives of the caller's `amount` tokens to the active stake of `provider`.
    function stakeFor(address provider, uint256 amount) external;

    /// @notice Says what capacity the caller's stake stands for. More than its stake covers is refused, less never.
    function claim(uint64 unitsPerS) external;

    /// @notice Starts to unbond `amount` of the caller's active stake, down to what its claim asks for.
    function unstake(uint256 amount) external;

    /// @notice Sends the caller all that has finished unbonding and is not locked. Nothing can pause it.
    function withdraw() external;

    /// @notice Holds `amount` of a provider's stake, active or unbonding, until a time. Only for the slasher.
    function lock(bytes32 id, address provider, uint256 amount, uint64 until) external;

    /// @notice Ends a lock, if there is one: the slasher at any time, anyone after it has run out.
    function unlock(bytes32 id) external;

    /// @notice Takes `amount`, or all there is, from active stake first, then from what unbonds and is ready first, and
    /// sends it to the slasher. Only for the slasher.
    function slash(address provider, uint256 amount) external returns (uint256 taken);

    /// @notice Changes what stake has to be, within its ranges. Only for the governor.
    function setTerms(Terms calldata terms) external;

    /// @notice What a claim of so many cost units a second asks for, of own and delegated stake together.
    function minimumFor(uint64 unitsPerS) external view returns (uint256);

    /// @notice Whether a provider's own stake and its backing cover what it claims. No claim is not covered.
    function isCovered(address provider) external view returns (bool);

    function stakeOf(address provider) external view returns (uint256);
    function unbondingOf(address provider) external view returns (uint256);
    function lockedOf(address provider) external view returns (uint256);
    function claimOf(address provider) external view returns (uint64 unitsPerS);

    /// @notice All of a provider's own stake that a slash reaches.
    function slashableOf(address provider) external view returns (uint256);

    function UNBONDING_DELAY() external view returns (uint256);
    function LOCK_MAX() external view returns (uint256);
    function SLASHER() external view returns (address);
}
