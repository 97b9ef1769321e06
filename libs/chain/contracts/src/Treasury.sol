// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20Burnable} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Burnable.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {Credit} from "./Credit.sol";
import {IPriceOracle} from "./interfaces/IPriceOracle.sol";
import {ISlashing} from "./interfaces/ISlashing.sol";
import {ITreasury} from "./interfaces/ITreasury.sol";
import {Ranges} from "./Ranges.sol";

/// @dev ITreasury says what each function does. Oracle, token and receivers are fixed at birth.
contract Treasury is ITreasury, ReentrancyGuardTransient {
    using SafeERC20 for ERC20Burnable;

    uint256 private constant PPM = 1e6;
    /// @dev Credits of 6 decimals times this are dollars of 18.
    uint256 private constant SCALE = 1e12;
    uint256 private constant DAY_CAP_MIN = 1e9;
    uint256 private constant DAY_CAP_MAX = 1e15;

    ERC20Burnable public immutable NATIVE;
    Credit public immutable CREDIT;
    IPriceOracle public immutable ORACLE;
    ISlashing public immutable BOUNTIES;
    address public immutable POOL;
    address public immutable GOVERNOR;

    /// @notice What credits are redeemed out of, in native base units.
    uint256 public locked;
    /// @notice The higher price when there last was one.
    uint256 public lastPrice;
    uint128 private _mintedToday;
    uint64 private _today;
    Terms private _terms;

    constructor(ERC20Burnable native, IPriceOracle oracle, ISlashing bounties, address pool, address governor, Terms memory terms) {
        (NATIVE, ORACLE, BOUNTIES, POOL, GOVERNOR) = (native, oracle, bounties, pool, governor);
        CREDIT = new Credit();
        _setTerms(terms);
    }

    function mint(uint256 native, uint256 leastCredits) external nonReentrant returns (uint256 credits) {
        (uint256 low, uint256 high, bool isHealthy) = ORACLE.price();
        uint256 ppm = isHealthy ? _coverAt(low) : 0;
        if (ppm < _terms.haltPpm) revert MintingHalted(ppm);
        lastPrice = high;
        uint256 before = NATIVE.balanceOf(address(this));
        NATIVE.safeTransferFrom(msg.sender, address(this), native);
        native = NATIVE.balanceOf(address(this)) - before;
        credits = Math.mulDiv(native, low * (PPM - _terms.spreadPpm), 1e18 * SCALE * PPM);
        if (credits < leastCredits || credits == 0) revert TooLittle(credits, leastCredits);
        _countToday(credits, ppm < _terms.warnPpm ? _terms.dayCap / 10 : _terms.dayCap);
        locked += native;
        emit Minted(msg.sender, native, credits);
        CREDIT.mint(msg.sender, credits);
    }

    function redeem(uint256 credits, uint256 leastNative) external nonReentrant returns (uint256 native) {
        native = _redeem(msg.sender, credits);
        if (native < leastNative) revert TooLittle(native, leastNative);
        NATIVE.safeTransfer(msg.sender, native);
    }

    function spendFees(uint256 credits) external nonReentrant {
        (,, bool isHealthy) = ORACLE.price();
        if (!isHealthy) revert NoPrice();
        uint256 native = _redeem(address(this), credits);
        uint256 burned = native * _terms.burnPpm / PPM;
        uint256 bounties = native * _terms.bountyPpm / PPM;
        emit FeesSpent(credits, burned, bounties, native - burned - bounties);
        NATIVE.burn(burned);
        NATIVE.forceApprove(address(BOUNTIES), bounties);
        BOUNTIES.fundBounties(bounties);
        NATIVE.safeTransfer(POOL, native - burned - bounties);
    }

    /// @notice Sets how credits are made and where fees go, within their ranges. Only for the governor.
    function setTerms(Terms calldata terms) external {
        if (msg.sender != GOVERNOR) revert NotAllowed(msg.sender);
        _setTerms(terms);
    }

    function cover() external view returns (uint256 ppm, bool isHealthy) {
        uint256 low;
        (low,, isHealthy) = ORACLE.price();
        ppm = isHealthy ? _coverAt(low) : 0;
    }

    function termsNow() external view returns (Terms memory) {
        return _terms;
    }

    function _redeem(address from, uint256 credits) private returns (uint256 native) {
        (, uint256 high, bool isHealthy) = ORACLE.price();
        if (isHealthy) lastPrice = high;
        else high = lastPrice;
        uint256 part = Math.mulDiv(locked, credits, Math.max(CREDIT.totalSupply(), 1));
        native = Math.min(part, Math.mulDiv(credits, SCALE * 1e18, Math.max(high, 1)));
        locked -= native;
        emit Redeemed(from, credits, native);
        CREDIT.burn(from, credits);
    }

    /// @dev Nothing made is wholly covered.
    function _coverAt(uint256 low) private view returns (uint256) {
        uint256 supply = CREDIT.totalSupply();
        return supply == 0 ? type(uint256).max : Math.mulDiv(locked, low * PPM, supply * SCALE * 1e18);
    }

    function _countToday(uint256 credits, uint256 most) private {
        uint64 today = uint64(block.timestamp / 1 days);
        uint256 so = today == _today ? _mintedToday : 0;
        if (so + credits > most) revert DayCapReached(credits, Math.saturatingSub(most, so));
        (_today, _mintedToday) = (today, uint128(so + credits));
    }

    function _setTerms(Terms memory terms) private {
        Ranges.check(terms.spreadPpm, 0, 10_000);
        Ranges.check(terms.warnPpm, 900_000, 1_500_000);
        Ranges.check(terms.haltPpm, 850_000, terms.warnPpm);
        Ranges.check(terms.bountyPpm, 0, 300_000);
        Ranges.check(terms.burnPpm, 0, PPM - terms.bountyPpm);
        Ranges.check(terms.dayCap, DAY_CAP_MIN, DAY_CAP_MAX);
        _terms = terms;
        emit TreasuryTermsSet(terms);
    }
}
