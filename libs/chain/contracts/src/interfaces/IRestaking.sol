// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Stake that others lend
/// @notice Delegators back a provider with native tokens: an allocation answers for what the provider does as its own
/// stake does. Allocations to one provider are shares of a pool, so that a slash takes from all of them in proportion
/// and its work does not grow with them. What is taken back stays slashable in a second pool until the delay is over.
/// Every division is rounded against whoever allocates, takes back or withdraws. After the mechanism of EigenLayer's
/// AllocationManager, without its magnitudes: tokens back one provider at a time.
interface IRestaking {
    event Allocated(address indexed provider, address indexed delegator, uint256 amount, uint256 shares);
    event Deallocated(address indexed provider, address indexed delegator, uint256 amount, uint256 shares, uint64 readyAt);
    event AllocationWithdrawn(address indexed provider, address indexed delegator, uint256 amount);
    event BackingSlashed(address indexed provider, uint256 fromActive, uint256 fromLeaving);

    error NothingAllocated();
    error NothingReady();
    error TooFewShares(uint256 held, uint256 wanted);
    /// @notice As many parts leave as can: withdraw one that is ready, or wait for one.
    error TooManyLeaving(uint256 limit);
    /// @notice So much of this provider's backing was slashed that nobody can back it any more.
    error Spent(address provider);
    error NotAllowed(address caller);

    /// @notice Backs `provider` with what arrives of the caller's `amount` tokens.
    function allocate(address provider, uint256 amount) external returns (uint256 shares);

    /// @notice Starts to take back so many of the caller's shares.
    function deallocate(address provider, uint256 shares) external;

    /// @notice Sends the caller all that has finished leaving. Nothing can pause it.
    function withdraw(address provider) external returns (uint256 amount);

    /// @notice Takes `amount`, or all there is, from what backs a provider and what is leaving it, in proportion, and
    /// sends it to the slasher. Only for the slasher.
    function slash(address provider, uint256 amount) external returns (uint256 taken);

    /// @notice What backs a provider, without what is leaving.
    function backingOf(address provider) external view returns (uint256);

    /// @notice All of a provider's backing that a slash reaches.
    function slashableOf(address provider) external view returns (uint256);

    function sharesOf(address provider, address delegator) external view returns (uint256);

    /// @notice What so many shares of a provider's backing are worth now, in native base units.
    function worthOf(address provider, uint256 shares) external view returns (uint256);

    function DELAY() external view returns (uint256);
    function SLASHER() external view returns (address);
}
