// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {NativeToken} from "../src/NativeToken.sol";
import {Ranges} from "../src/Ranges.sol";
import {RewardFormula} from "../src/RewardFormula.sol";
import {Rewards} from "../src/Rewards.sol";
import {IRewards} from "../src/interfaces/IRewards.sol";
import {same, vm} from "./Vm.sol";

contract RewardsTest {
    address private constant GOVERNOR = address(0x607e);
    address private constant POSTER = address(0x9057);
    address private constant GUARDIAN = address(0x90a4);
    address private constant PROVIDER = address(0x9209);
    address private constant OTHER = address(0x07e4);
    NativeToken private native;
    Rewards private rewards;

    function setUp() public {
        vm.warp(1_800_000_000);
        native = new NativeToken(address(this));
        rewards = new Rewards(native, GOVERNOR, POSTER, GUARDIAN, 1000e18, RewardFormula.Terms(200_000, 250_000, 1e6));
        native.mint(address(rewards), 3000e18);
    }

    function leafOf(address provider, uint112 weight) private pure returns (IRewards.Leaf memory) {
        return IRewards.Leaf(provider, "place", 400, RewardFormula.Inputs(weight, weight, weight));
    }

    /// @dev Two providers at one place that holds a tenth of all: 95 and 9.5 of 1000.
    function post(uint64 number, uint128 total) private {
        (bytes32 a, bytes32 b) = (rewards.leafHash(number, leafOf(PROVIDER, 300)), rewards.leafHash(number, leafOf(OTHER, 100)));
        bytes32 root = a < b ? keccak256(abi.encode(a, b)) : keccak256(abi.encode(b, a));
        vm.prank(POSTER);
        rewards.post(number, root, 4000, total, "inputs");
    }

    function postFirst() private {
        vm.warp(block.timestamp + 7 days);
        post(1, 95e18);
        vm.warp(block.timestamp + 3 days);
    }

    function pathOf(IRewards.Leaf memory sibling) private view returns (bytes32[] memory path) {
        path = new bytes32[](1);
        path[0] = rewards.leafHash(1, sibling);
    }

    function test_a_leaf_earns_what_the_formula_says_once() public {
        postFirst();
        bytes32[] memory path = pathOf(leafOf(OTHER, 100));
        same(rewards.claim(1, leafOf(PROVIDER, 300), path), 71.25e18);
        same(native.balanceOf(PROVIDER), 71.25e18);
        vm.expectPartialRevert(IRewards.AlreadyClaimed.selector);
        rewards.claim(1, leafOf(PROVIDER, 300), path);
        rewards.claim(1, leafOf(OTHER, 100), pathOf(leafOf(PROVIDER, 300)));
        same(native.balanceOf(OTHER), 23.75e18);
        same(rewards.reserved(), 0);
    }

    function test_other_inputs_than_were_posted_earn_nothing() public {
        postFirst();
        bytes32[] memory path = pathOf(leafOf(OTHER, 100));
        vm.expectPartialRevert(IRewards.WrongProof.selector);
        rewards.claim(1, leafOf(PROVIDER, 301), path);
        vm.expectPartialRevert(IRewards.WrongPeriod.selector);
        rewards.claim(2, leafOf(PROVIDER, 300), path);
    }

    function test_a_period_pays_no_more_than_it_says_whatever_its_leaves() public {
        vm.warp(block.timestamp + 7 days);
        post(1, 80e18);
        vm.warp(block.timestamp + 3 days);
        bytes32[] memory path = pathOf(leafOf(PROVIDER, 300));
        bytes32[] memory other = pathOf(leafOf(OTHER, 100));
        rewards.claim(1, leafOf(PROVIDER, 300), other);
        vm.expectPartialRevert(IRewards.Exceeded.selector);
        rewards.claim(1, leafOf(OTHER, 100), path);
    }

    function test_nothing_is_claimed_before_the_window_and_nothing_voided_after_it() public {
        vm.warp(block.timestamp + 7 days);
        post(1, 95e18);
        bytes32[] memory path = pathOf(leafOf(OTHER, 100));
        vm.warp(block.timestamp + 3 days - 1);
        vm.expectPartialRevert(IRewards.TooSoon.selector);
        rewards.claim(1, leafOf(PROVIDER, 300), path);
        vm.warp(block.timestamp + 1);
        vm.prank(GUARDIAN);
        vm.expectPartialRevert(IRewards.WindowOver.selector);
        rewards.voidPeriod(1);
        rewards.claim(1, leafOf(PROVIDER, 300), path);
    }

    function test_a_void_period_is_posted_again() public {
        vm.warp(block.timestamp + 7 days);
        post(1, 1000e18);
        vm.prank(POSTER);
        vm.expectPartialRevert(IRewards.NotAllowed.selector);
        rewards.voidPeriod(1);
        vm.prank(GUARDIAN);
        rewards.voidPeriod(1);
        same(rewards.reserved(), 0);
        post(1, 95e18);
        same(rewards.reserved(), 95e18);
    }

    function test_periods_follow_one_another_and_are_over() public {
        vm.prank(POSTER);
        vm.expectPartialRevert(IRewards.TooSoon.selector);
        rewards.post(1, "", 1, 0, "");
        vm.prank(POSTER);
        vm.expectPartialRevert(IRewards.WrongPeriod.selector);
        rewards.post(2, "", 1, 0, "");
        vm.warp(block.timestamp + 30 days);
        post(1, 95e18);
        vm.prank(POSTER);
        vm.expectPartialRevert(IRewards.TooSoon.selector);
        rewards.post(2, "", 1, 0, "");
        vm.expectPartialRevert(IRewards.NotAllowed.selector);
        rewards.post(2, "", 1, 0, "");
    }

    function test_no_more_is_promised_than_is_there() public {
        vm.warp(block.timestamp + 90 days);
        for (uint64 i = 1; i < 4; ++i) {
            post(i, 1000e18);
            vm.warp(block.timestamp + 3 days);
        }
        vm.prank(POSTER);
        vm.expectPartialRevert(IRewards.Exceeded.selector);
        rewards.post(4, "", 1, 1, "");
    }

    function testFuzz_terms_stay_in_their_ranges(uint128 emission, uint32 target, uint32 cap, uint128 perMega) public {
        bool isIn = emission <= 1e25 && target >= 10_000 && target <= 1e6 && cap >= 10_000 && cap <= 500_000
            && perMega > 0 && perMega <= 1e24;
        vm.expectPartialRevert(IRewards.NotAllowed.selector);
        rewards.setTerms(emission, RewardFormula.Terms(target, cap, perMega));
        if (!isIn) vm.expectPartialRevert(Ranges.OutOfRange.selector);
        vm.prank(GOVERNOR);
        rewards.setTerms(emission, RewardFormula.Terms(target, cap, perMega));
    }
}
