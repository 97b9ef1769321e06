// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Stable prices over a native token
/// @notice Native tokens are locked for credits, each worth a dollar of work; credits are redeemed for native tokens. The
/// breaker halts minting: without a healthy price, or while what is locked covers too little of what was made. It never
/// halts redeeming, which pays no more than a dollar and no more than the redeemer's part of what is locked, so that who
/// comes first takes nothing from who comes last. No native token is ever made. Fees that arrive in credits are redeemed
/// like anyone's, and what that gives is burned, fills the fund of bounties and the insurance pool. Credits have 6
/// decimals, native tokens 18, prices 18; shares are millionths.
interface ITreasury {
    /// @notice `spreadPpm`: what minting keeps; `warnPpm`, `haltPpm`: the cover below which minting slows to a tenth, and
    /// stops; `dayCap`: credits made a day at most; `burnPpm`, `bountyPpm`: where fees go, the rest to the pool.
    struct Terms {
        uint32 spreadPpm;
        uint32 warnPpm;
        uint32 haltPpm;
        uint32 burnPpm;
        uint32 bountyPpm;
        uint128 dayCap;
    }

    event Minted(address indexed account, uint256 native, uint256 credits);
    event Redeemed(address indexed account, uint256 credits, uint256 native);
    event FeesSpent(uint256 credits, uint256 burned, uint256 bounties, uint256 insured);
    event TreasuryTermsSet(Terms terms);

    /// @notice Minting waits: there is no healthy price, or too little cover.
    error MintingHalted(uint256 coverPpm);
    error DayCapReached(uint256 wanted, uint256 left);
    /// @notice The price would give less than the caller asked for.
    error TooLittle(uint256 amount, uint256 least);
    error NoPrice();
    error NotAllowed(address caller);

    /// @notice Locks the caller's native tokens and gives it credits, at the lower price less the spread.
    function mint(uint256 native, uint256 leastCredits) external returns (uint256 credits);

    /// @notice Burns the caller's credits and gives it native tokens: a dollar's worth each at the higher price (the last
    /// known one if there is none), and at most its part of what is locked. Nothing can pause it.
    function redeem(uint256 credits, uint256 leastNative) external returns (uint256 native);

    /// @notice Redeems credits that the treasury was paid as fees and shares out what that gives. Anyone may.
    function spendFees(uint256 credits) external;

    /// @notice What is locked, at the lower price, over all credits, in millionths; false if there is no healthy price.
    function cover() external view returns (uint256 ppm, bool isHealthy);
}
