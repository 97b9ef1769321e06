// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MedianOracle} from "../src/MedianOracle.sol";
import {Ranges} from "../src/Ranges.sol";
import {IFeed} from "../src/interfaces/IPriceOracle.sol";
import {Feed} from "./Feed.sol";
import {OracleFixture} from "./OracleFixture.sol";
import {same, vm} from "./Vm.sol";

contract MedianOracleTest is OracleFixture {
    function setUp() public {
        vm.warp(1_800_000_000);
        makeOracle();
        say(100);
    }

    function spot() private view returns (uint256 price) {
        bool isHealthy;
        (price, isHealthy) = oracle.spot();
        if (isHealthy != (price > 0)) revert("a price that is none");
    }

    function isHealthy() private view returns (bool healthy) {
        (,, healthy) = oracle.price();
    }

    function test_the_median_counts() public {
        same(spot(), 1e18);
        feeds[0].say(101e6, block.timestamp);
        feeds[1].say(99.5e6, block.timestamp);
        same(spot(), 1e18);
    }

    function test_a_feed_far_from_the_median_does_not_count() public {
        feeds[0].say(101.6e6, block.timestamp);
        feeds[1].say(100.5e6, block.timestamp);
        same(spot(), 1.005e18);
        feeds[0].say(300e6, block.timestamp);
        same(spot(), 1.0025e18);
    }

    function test_without_a_majority_there_is_no_price() public {
        feeds[0].say(100e6, block.timestamp - 31);
        same(spot(), 1e18);
        feeds[1].say(100e6, block.timestamp - 31);
        same(spot(), 0);
        vm.expectPartialRevert(MedianOracle.NoPrice.selector);
        oracle.poke();
        feeds[1].say(110e6, block.timestamp);
        same(spot(), 0);
    }

    function test_a_feed_that_fails_in_any_way_is_left_out() public {
        for (uint8 mood = 1; mood < 4; ++mood) {
            feeds[0].turn(Feed.Mood(mood));
            same(spot(), 1e18);
        }
        int256[4] memory absurd = [int256(0), -1, type(int256).max, type(int256).min];
        feeds[0].turn(Feed.Mood.FAIR);
        for (uint256 i = 0; i < 4; ++i) {
            feeds[0].say(absurd[i], block.timestamp);
            same(spot(), 1e18);
        }
        feeds[0].say(100e6, block.timestamp + 1);
        same(spot(), 1e18);
    }

    function test_there_is_no_mean_before_a_whole_window() public {
        stay(100, 25);
        if (isHealthy()) revert("too soon");
        vm.warp(block.timestamp + 5 minutes);
        say(100);
        if (!isHealthy()) revert("no mean");
    }

    function test_the_mean_follows_slowly_and_both_are_told() public {
        stay(100, 30);
        stay(200, 15);
        (uint256 low, uint256 high, bool healthy) = oracle.price();
        if (!healthy) revert("no price");
        same(high, 2e18);
        // The first five of these fifteen minutes were noted at the old price.
        same(low, uint256(4e18) / 3);
        (uint256 mean,) = oracle.meanPrice();
        same(mean, low);
    }

    function test_a_gap_begins_anew() public {
        stay(100, 30);
        vm.warp(block.timestamp + 10 minutes + 1);
        say(100);
        if (isHealthy()) revert("a mean over a gap");
        oracle.poke();
        if (isHealthy()) revert("a mean of one");
        stay(100, 30);
        if (!isHealthy()) revert("no mean");
    }

    function test_poking_often_changes_nothing_and_the_ring_goes_round() public {
        for (uint256 i = 0; i < 150; ++i) {
            say(100);
            oracle.poke();
            oracle.poke();
            vm.warp(block.timestamp + 1 minutes);
        }
        say(100);
        (uint256 mean, bool healthy) = oracle.meanPrice();
        if (!healthy) revert("no mean");
        same(mean, 1e18);
    }

    function test_what_an_oracle_is_made_of_is_bounded() public {
        vm.expectPartialRevert(Ranges.OutOfRange.selector);
        new MedianOracle(new IFeed[](2), 30, 15_000);
        IFeed[] memory list = new IFeed[](3);
        vm.expectPartialRevert(Ranges.OutOfRange.selector);
        new MedianOracle(list, 29, 15_000);
        vm.expectPartialRevert(Ranges.OutOfRange.selector);
        new MedianOracle(list, 30, 100_001);
    }

    /// @dev One feed alone moves the price by no more than the others differ.
    function testFuzz_one_liar_stays_between_the_others(uint64 lie, uint16 second, uint16 third) public {
        (uint256 a, uint256 b) = (100e6 + uint256(second) % 1e6, 100e6 + uint256(third) % 1e6);
        feeds[0].say(int256(uint256(lie)), block.timestamp);
        feeds[1].say(int256(a), block.timestamp);
        feeds[2].say(int256(b), block.timestamp);
        uint256 price = spot() / 1e10;
        (uint256 low, uint256 high) = a < b ? (a, b) : (b, a);
        if (price < low || price > high) revert("the liar moved it");
    }

    function testFuzz_the_mean_is_between_the_prices(uint8[12] memory cents) public {
        (uint256 low, uint256 high) = (type(uint256).max, 0);
        for (uint256 i = 0; i < 12; ++i) {
            uint256 now_ = uint256(cents[i]) + 1;
            (low, high) = (now_ < low ? now_ : low, now_ > high ? now_ : high);
            say(now_);
            oracle.poke();
            vm.warp(block.timestamp + 3 minutes);
        }
        (uint256 mean, bool healthy) = oracle.meanPrice();
        if (!healthy || mean < low * 1e16 || mean > high * 1e16) revert("outside");
    }
}
