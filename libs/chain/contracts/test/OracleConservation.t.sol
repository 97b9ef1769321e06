// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Feed} from "./Feed.sol";
import {Histories} from "./Histories.sol";
import {OracleFixture} from "./OracleFixture.sol";
import {vm} from "./Vm.sol";

/// @notice Two fair feeds of three, between one and two dollars, which fail at times; the third says and does what it likes.
contract OracleMarket is OracleFixture {
    uint256 private constant LEAST = 1e18;
    uint256 private constant MOST = 2e18;
    /// @dev How far from the median a price may lie that counts.
    uint256 private constant WIDTH = 15_000;

    uint256[2] private _saidAt;
    bool[2] private _isDown;

    constructor() {
        vm.warp(1_800_000_000);
        makeOracle();
        stay(150, 30);
        (_saidAt[0], _saidAt[1]) = (block.timestamp, block.timestamp);
    }

    function move(uint8 first, int8 apart, uint16 seconds_) external {
        vm.warp(block.timestamp + seconds_ % 10 minutes);
        _say(0, int256(uint256(first)));
        // Most of the time they agree well enough.
        _say(1, int256(uint256(first)) + apart / 32);
    }

    function fail(bool isSecond, uint8 mood) external {
        feeds[isSecond ? 1 : 0].turn(Feed.Mood(mood % 3));
        _isDown[isSecond ? 1 : 0] = mood % 3 != 0;
    }

    function recover() public {
        feeds[0].turn(Feed.Mood.FAIR);
        feeds[1].turn(Feed.Mood.FAIR);
        (_isDown[0], _isDown[1]) = (false, false);
    }

    function lie(int256 answer, uint8 mood, uint16 age) external {
        feeds[2].say(answer, block.timestamp - age % 60);
        feeds[2].turn(Feed.Mood(mood % 3));
    }

    /// @dev It agrees with a fair feed, but for as much as it can.
    function lieWell(bool isHigh) external {
        recover();
        (, int256 answer,,,) = feeds[0].latestRoundData();
        int256 off = answer * int256(WIDTH) / 1e6;
        feeds[2].say(isHigh ? answer + off : answer - off, block.timestamp);
        feeds[2].turn(Feed.Mood.FAIR);
    }

    function poke() external {
        try oracle.poke() {} catch {}
    }

    function pass(uint16 seconds_) external {
        vm.warp(block.timestamp + seconds_);
    }

    /// @dev Whatever one feed says, the price and its mean are where the fair ones were, but for the width of an outlier.
    function checkBetween() external view {
        (uint256 now_, bool isNow) = oracle.spot();
        (uint256 mean, bool isMean) = oracle.meanPrice();
        (uint256 low, uint256 high, bool isHealthy) = oracle.price();
        if (isNow && !_isFair(0) && !_isFair(1)) revert("a price of a liar's alone");
        if (isNow) _within(now_);
        if (isMean) _within(mean);
        if (isHealthy != (isNow && isMean)) revert("a price of nothing");
        if (isHealthy && (low > high || low > now_ || high < now_ || low > mean || high < mean)) revert("not between");
        if (!isHealthy && (low != 0 || high != 0)) revert("a price that is none");
    }

    function _within(uint256 price) private pure {
        if (price < LEAST * (1e6 - WIDTH - 1) / 1e6) revert("too low");
        if (price > MOST * (1e6 + WIDTH + 1) / 1e6) revert("too high");
    }

    function _say(uint256 which, int256 cents) private {
        int256 answer = cents < 100 ? int256(100) : cents > 200 ? int256(200) : cents;
        feeds[which].say(answer * 1e6, block.timestamp);
        _saidAt[which] = block.timestamp;
    }

    function _isFair(uint256 which) private view returns (bool) {
        return !_isDown[which] && block.timestamp - _saidAt[which] <= oracle.STALE_S();
    }
}

contract OracleConservationTest is Histories {
    OracleMarket private _market;

    function setUp() public {
        _market = new OracleMarket();
        drawnFrom(address(_market));
    }

    function invariant_one_liar_of_three_moves_no_price_out_of_where_the_others_are() public view {
        _market.checkBetween();
    }
}
