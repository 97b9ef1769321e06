// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Restaking} from "../src/Restaking.sol";
import {IRestaking} from "../src/interfaces/IRestaking.sol";
import {BondFixture} from "./BondFixture.sol";
import {same, vm} from "./Vm.sol";

/// @dev The test is the slasher here.
contract RestakingTest is BondFixture {
    address private constant SECOND = address(0xde1f);

    function setUp() public override {
        super.setUp();
        restaking = new Restaking(native, address(this), DELAY);
    }

    function takeBack(address delegator, uint256 shares) private {
        vm.prank(delegator);
        restaking.deallocate(PROVIDER, shares);
    }

    function takeAll(address delegator) private {
        takeBack(delegator, restaking.sharesOf(PROVIDER, delegator));
    }

    function withdraw(address delegator) private returns (uint256) {
        vm.prank(delegator);
        return restaking.withdraw(PROVIDER);
    }

    function test_a_slash_takes_from_all_in_proportion() public {
        back(PROVIDER, DELEGATOR, 300e18);
        back(PROVIDER, SECOND, 100e18);
        takeBack(DELEGATOR, restaking.sharesOf(PROVIDER, DELEGATOR) / 2);
        same(restaking.slash(PROVIDER, 200e18), 200e18);
        takeAll(DELEGATOR);
        takeAll(SECOND);
        pass(DELAY);
        uint256 first = withdraw(DELEGATOR);
        uint256 second = withdraw(SECOND);
        if (first > 150e18 || first + 1e3 < 150e18 || second > 50e18 || second + 1e3 < 50e18) revert("not in proportion");
    }

    function test_what_is_taken_back_waits_and_is_slashable_meanwhile() public {
        back(PROVIDER, DELEGATOR, 100e18);
        takeAll(DELEGATOR);
        same(restaking.backingOf(PROVIDER), 0);
        pass(DELAY - 1);
        vm.expectPartialRevert(IRestaking.NothingReady.selector);
        withdraw(DELEGATOR);
        same(restaking.slash(PROVIDER, 40e18), 40e18);
        pass(1);
        uint256 left = withdraw(DELEGATOR);
        if (left > 60e18 || left + 1e3 < 60e18) revert("not slashed");
    }

    function test_one_who_backs_another_is_not_slashed() public {
        back(PROVIDER, DELEGATOR, 100e18);
        back(OTHER, SECOND, 100e18);
        same(restaking.slash(PROVIDER, 1000e18), 100e18);
        same(restaking.backingOf(OTHER), 100e18);
    }

    function test_who_comes_after_a_slash_does_not_pay_for_it() public {
        back(PROVIDER, DELEGATOR, 100e18);
        restaking.slash(PROVIDER, 99e18);
        uint256 shares = back(PROVIDER, SECOND, 100e18);
        uint256 worth = restaking.worthOf(PROVIDER, shares);
        if (worth > 100e18 || worth + 1e3 < 100e18) revert("pays for the past");
    }

    function test_nobody_backs_who_lost_everything() public {
        back(PROVIDER, DELEGATOR, 100e18);
        restaking.slash(PROVIDER, 100e18);
        give(SECOND, 1, address(restaking));
        vm.prank(SECOND);
        vm.expectPartialRevert(IRestaking.Spent.selector);
        restaking.allocate(PROVIDER, 1);
        takeAll(DELEGATOR);
        pass(DELAY);
        same(withdraw(DELEGATOR), 0);
    }

    function test_who_leaves_after_others_lost_everything_on_their_way_out_loses_nothing() public {
        back(PROVIDER, DELEGATOR, 100e18);
        takeAll(DELEGATOR);
        restaking.slash(PROVIDER, 100e18);
        back(PROVIDER, SECOND, 50e18);
        takeAll(SECOND);
        same(restaking.slash(PROVIDER, 10e18), 10e18);
        pass(DELAY);
        same(withdraw(DELEGATOR), 0);
        uint256 left = withdraw(SECOND);
        if (left > 40e18 || left + 1e3 < 40e18) revert("lost");
    }

    function test_a_stranger_cannot_slash_and_nobody_takes_more_than_is_theirs() public {
        uint256 shares = back(PROVIDER, DELEGATOR, 100);
        vm.prank(PROVIDER);
        vm.expectPartialRevert(IRestaking.NotAllowed.selector);
        restaking.slash(PROVIDER, 1);
        vm.expectPartialRevert(IRestaking.TooFewShares.selector);
        takeBack(DELEGATOR, shares + 1);
        vm.expectPartialRevert(IRestaking.NothingAllocated.selector);
        takeBack(DELEGATOR, 0);
        vm.prank(DELEGATOR);
        vm.expectPartialRevert(IRestaking.NothingAllocated.selector);
        restaking.allocate(PROVIDER, 0);
    }

    function test_the_parts_that_leave_are_bounded() public {
        back(PROVIDER, DELEGATOR, 100e18);
        for (uint256 i = 0; i < 16; ++i) {
            takeBack(DELEGATOR, 1e20);
        }
        vm.expectPartialRevert(IRestaking.TooManyLeaving.selector);
        takeBack(DELEGATOR, 1e20);
        pass(DELAY);
        withdraw(DELEGATOR);
        takeBack(DELEGATOR, 1e20);
    }

    /// @dev A first delegator that blows up the worth of a share by rounding gains nothing from the next one.
    function testFuzz_rounding_robs_nobody(uint64 seed, uint96 amount, uint8 rounds) public {
        uint256 spent = uint256(seed) + 1;
        back(PROVIDER, DELEGATOR, spent);
        for (uint256 i = 0; i < rounds % 8; ++i) {
            uint256 more = 2 * restaking.worthOf(PROVIDER, 1e6) + i;
            back(PROVIDER, DELEGATOR, more);
            spent += more;
            takeBack(DELEGATOR, restaking.sharesOf(PROVIDER, DELEGATOR) / 2);
        }
        uint256 stake = uint256(amount) + 1e9;
        uint256 shares = back(PROVIDER, SECOND, stake);
        if (restaking.worthOf(PROVIDER, shares) + stake / 1e5 + 1 < stake) revert("the second was robbed");
        takeAll(DELEGATOR);
        pass(DELAY);
        if (withdraw(DELEGATOR) > spent) revert("the first gained");
    }

    /// @dev What rounding takes from who moves stays with the others: a base unit for each step at most.
    function testFuzz_nobody_gets_out_more_than_came_in(uint96[3] memory amounts, uint96 penalty, uint8 share) public {
        uint256 paid = 0;
        address[3] memory names = [DELEGATOR, SECOND, OTHER];
        for (uint256 i = 0; i < 3; ++i) {
            back(PROVIDER, names[i], uint256(amounts[i]) + 1);
            paid += uint256(amounts[i]) + 1;
        }
        takeBack(DELEGATOR, restaking.sharesOf(PROVIDER, DELEGATOR) * (uint256(share) + 1) / 256);
        uint256 taken = restaking.slash(PROVIDER, penalty);
        same(taken, penalty < paid ? penalty : paid);
        uint256 out = 0;
        for (uint256 i = 0; i < 3; ++i) {
            if (restaking.sharesOf(PROVIDER, names[i]) > 0) takeAll(names[i]);
        }
        pass(DELAY);
        for (uint256 i = 0; i < 3; ++i) {
            uint256 got = withdraw(names[i]);
            if (got > uint256(amounts[i]) + 1 + 4) revert("gained");
            out += got;
        }
        if (out + taken > paid) revert("out of nothing");
        same(native.balanceOf(address(restaking)), paid - taken - out);
    }
}
