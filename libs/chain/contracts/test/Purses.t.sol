// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IPurses} from "../src/interfaces/IPurses.sol";
import {ISlashing} from "../src/interfaces/ISlashing.sol";
import {Mute, PursesFixture} from "./PursesFixture.sol";
import {same, vm} from "./Vm.sol";

contract PursesTest is PursesFixture {
    function refused(IPurses.Loss[] memory losses) private {
        vm.expectPartialRevert(IPurses.WrongList.selector);
        purses.purseOf(ID, losses);
        vm.expectPartialRevert(IPurses.WrongList.selector);
        purses.share(ID, losses);
    }

    function empty(IPurses.Loss[] memory losses) private {
        vm.expectPartialRevert(IPurses.NothingHeld.selector);
        purses.share(ID, losses);
    }

    function test_a_slash_with_two_victims_is_shared_as_their_losses_are_as_far_as_the_pool_goes() public {
        bond(PROVIDER, 1000e18);
        bytes32 id = keccak256(abi.encode(PROVIDER, bytes32("epoch")));
        IPurses.Loss[] memory losses = two(60e18, 20e18);
        ISlashing.Accusation memory what = accusation(ISlashing.SlashReason.INVALID_RESULT, "epoch");
        (what.victim, what.loss, what.accuser) = (purses.purseOf(id, losses), 80e18, address(0));
        vm.prank(PROPOSER);
        same(uint256(slashing.propose(what)), uint256(id));
        pass(3 days + 1);
        slashing.execute(id);
        pool.compensate(OTHER, 360e18, "");
        slashing.refund(id);
        purses.share(id, losses);
        same(native.balanceOf(victim(0)), 30e18);
        same(native.balanceOf(victim(1)), 10e18);
        native.mint(address(pool), 100e18);
        slashing.refund(id);
        purses.share(id, losses);
        same(native.balanceOf(victim(0)), 60e18);
        same(native.balanceOf(victim(1)), 20e18);
        same(native.balanceOf(ACCUSER), 0);
        vm.expectPartialRevert(ISlashing.NothingDue.selector);
        slashing.refund(id);
        vm.expectPartialRevert(IPurses.NothingHeld.selector);
        purses.share(id, losses);
    }

    function test_what_was_shared_is_not_shared_again() public {
        IPurses.Loss[] memory losses = two(3, 3);
        native.mint(purses.purseOf(ID, losses), 5);
        purses.share(ID, losses);
        empty(losses);
        same(native.balanceOf(purses.purseOf(ID, losses)), 1);
        native.mint(purses.purseOf(ID, losses), 1);
        purses.share(ID, losses);
        same(native.balanceOf(victim(0)), 3);
        same(native.balanceOf(victim(1)), 3);
        empty(losses);
    }

    function test_nobody_gets_more_than_it_lost_and_the_rest_is_the_pools() public {
        IPurses.Loss[] memory losses = two(7, 3);
        native.mint(purses.purseOf(ID, losses), 100);
        purses.share(ID, losses);
        same(native.balanceOf(victim(0)), 7);
        same(native.balanceOf(victim(1)), 3);
        same(native.balanceOf(address(pool)), 90);
        native.mint(purses.purseOf(ID, losses), 5);
        purses.share(ID, losses);
        same(native.balanceOf(victim(0)), 7);
        same(native.balanceOf(address(pool)), 95);
        empty(losses);
    }

    function test_another_list_or_accusation_has_another_purse() public {
        IPurses.Loss[] memory losses = two(7, 3);
        native.mint(purses.purseOf(ID, losses), 10);
        IPurses.Loss[] memory greedy = two(7, 3);
        (greedy[1].victim, greedy[1].amount) = (OTHER, 1000);
        if (greedy[1].victim < greedy[0].victim) (greedy[0], greedy[1]) = (greedy[1], greedy[0]);
        empty(greedy);
        empty(two(8, 2));
        vm.expectPartialRevert(IPurses.NothingHeld.selector);
        purses.share("another", losses);
        purses.share(ID, losses);
        same(native.balanceOf(victim(0)), 7);
        same(native.balanceOf(OTHER), 0);
    }

    function test_a_victim_that_answers_no_call_is_paid_and_holds_nobody_up() public {
        IPurses.Loss[] memory losses = two(7, 3);
        vm.etch(victim(0), type(Mute).runtimeCode);
        native.mint(purses.purseOf(ID, losses), 10);
        purses.share(ID, losses);
        same(native.balanceOf(victim(0)), 7);
        same(native.balanceOf(victim(1)), 3);
    }

    function test_a_victim_that_stands_there_twice_or_is_nobody_or_lost_nothing_makes_a_list_wrong() public {
        IPurses.Loss[] memory losses = two(7, 3);
        losses[1].victim = losses[0].victim;
        refused(losses);
        losses = two(7, 3);
        (losses[0], losses[1]) = (losses[1], losses[0]);
        refused(losses);
        losses = two(7, 3);
        losses[0].victim = address(0);
        refused(losses);
        refused(two(7, 0));
        refused(new IPurses.Loss[](0));
    }

    function test_a_list_is_bounded_and_so_are_its_losses() public {
        refused(two(type(uint128).max, 1));
        uint128[] memory amounts = new uint128[](101);
        for (uint256 i = 0; i < amounts.length; ++i) amounts[i] = 1;
        refused(listOf(amounts));
        purses.purseOf(ID, two(type(uint128).max - 1, 1));
    }

    function test_nobody_else_takes_anything_out_of_a_purse() public {
        IPurses.Loss[] memory losses = two(7, 3);
        address purse = purses.purseOf(ID, losses);
        native.mint(purse, 5);
        purses.share(ID, losses);
        native.mint(purse, 5);
        vm.expectPartialRevert(IERC20Errors.ERC20InsufficientAllowance.selector);
        native.transferFrom(purse, OTHER, 1);
        vm.prank(address(pool));
        vm.expectPartialRevert(IERC20Errors.ERC20InsufficientAllowance.selector);
        native.transferFrom(purse, OTHER, 1);
    }

    /// @dev Whatever arrives in whatever parts: all of it is with victims, in the purse or in the pool, nobody has more than
    /// it lost, and each has its part of it, to the unit.
    function test_fuzz_what_arrives_is_conserved(uint128[7] memory amounts, uint128[5] memory arrivals) public {
        IPurses.Loss[] memory losses = new IPurses.Loss[](7);
        uint256 whole = 0;
        for (uint256 i = 0; i < 7; ++i) {
            losses[i] = IPurses.Loss(victim(i), amounts[i] / 8 + 1);
            whole += losses[i].amount;
        }
        uint256 arrived = 0;
        for (uint256 turn = 0; turn < 5; ++turn) {
            uint256 part = arrivals[turn] / 64;
            arrived += part;
            native.mint(purses.purseOf(ID, losses), part);
            try purses.share(ID, losses) {} catch {}
            uint256 held = native.balanceOf(purses.purseOf(ID, losses)) + native.balanceOf(address(pool));
            for (uint256 i = 0; i < 7; ++i) {
                uint256 has = native.balanceOf(victim(i));
                held += has;
                require(has <= losses[i].amount, "more than it lost");
                same(has, (arrived < whole ? arrived : whole) * losses[i].amount / whole);
            }
            same(held, arrived);
        }
    }
}
