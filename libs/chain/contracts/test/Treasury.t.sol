// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Credit} from "../src/Credit.sol";
import {Ranges} from "../src/Ranges.sol";
import {ITreasury} from "../src/interfaces/ITreasury.sol";
import {TreasuryFixture} from "./TreasuryFixture.sol";
import {same, vm} from "./Vm.sol";

contract TreasuryTest is TreasuryFixture {
    function setUp() public override {
        super.setUp();
        stay(200, 30);
    }

    function expectHalt(uint256 amount) private {
        native.mint(REQUESTER, amount);
        vm.prank(REQUESTER);
        native.approve(address(treasury), amount);
        vm.prank(REQUESTER);
        vm.expectPartialRevert(ITreasury.MintingHalted.selector);
        treasury.mint(amount, 0);
    }

    function test_credits_are_dollars_less_the_spread() public {
        same(mint(REQUESTER, 100e18), 199.5e6);
        same(credit.balanceOf(REQUESTER), 199.5e6);
        same(redeem(REQUESTER, 100e6), 50e18);
        same(treasury.locked(), 50e18);
    }

    function test_a_caller_gets_what_it_asked_for_or_nothing_happens() public {
        mint(REQUESTER, 100e18);
        vm.prank(REQUESTER);
        vm.expectPartialRevert(ITreasury.TooLittle.selector);
        treasury.redeem(100e6, 50e18 + 1);
        native.mint(REQUESTER, 1e18);
        vm.prank(REQUESTER);
        native.approve(address(treasury), 1e18);
        vm.prank(REQUESTER);
        vm.expectPartialRevert(ITreasury.TooLittle.selector);
        treasury.mint(1e18, 2e6);
    }

    function test_minting_halts_below_nine_tenths_and_redeeming_goes_on_in_proportion() public {
        mint(REQUESTER, 100e18);
        mint(OTHER, 100e18);
        stay(178, 60);
        (uint256 ppm,) = treasury.cover();
        same(ppm, 892_230);
        expectHalt(1e18);
        same(redeem(REQUESTER, 199.5e6), 100e18);
        same(redeem(OTHER, 199.5e6), 100e18);
    }

    function test_minting_slows_to_a_tenth_in_the_zone_of_warning() public {
        mint(REQUESTER, 100e18);
        vm.warp(block.timestamp + 1 days);
        stay(185, 60);
        vm.prank(GOVERNOR);
        treasury.setTerms(ITreasury.Terms(2_500, 950_000, 900_000, 500_000, 200_000, 1e9));
        mint(REQUESTER, 30e18);
        native.mint(REQUESTER, 30e18);
        vm.prank(REQUESTER);
        native.approve(address(treasury), 30e18);
        vm.prank(REQUESTER);
        vm.expectPartialRevert(ITreasury.DayCapReached.selector);
        treasury.mint(30e18, 0);
        vm.warp(block.timestamp + 1 days);
        stay(185, 30);
        vm.prank(REQUESTER);
        treasury.mint(30e18, 0);
    }

    function test_without_a_price_minting_halts_and_redeeming_goes_on_at_the_last_one() public {
        mint(REQUESTER, 100e18);
        vm.warp(block.timestamp + 365 days);
        expectHalt(1e18);
        same(redeem(REQUESTER, 199.5e6), 99.75e18);
        vm.expectPartialRevert(ITreasury.NoPrice.selector);
        treasury.spendFees(1);
    }

    function test_a_price_that_jumps_is_taken_the_dearer_way() public {
        mint(REQUESTER, 100e18);
        stay(400, 5);
        same(redeem(REQUESTER, 100e6), 25e18);
        uint256 minted = mint(OTHER, 100e18);
        if (minted > 250e6) revert("minted at the jump");
    }

    function test_fees_are_burned_and_fill_the_funds() public {
        mint(REQUESTER, 100e18);
        vm.prank(REQUESTER);
        credit.transfer(address(treasury), 100e6);
        uint256 supply = native.totalSupply();
        treasury.spendFees(100e6);
        same(supply - native.totalSupply(), 25e18);
        same(native.balanceOf(address(this)), 10e18);
        same(native.balanceOf(POOL), 15e18);
    }

    function test_tokens_sent_by_mistake_cover_nothing() public {
        mint(REQUESTER, 100e18);
        native.mint(address(treasury), 1000e18);
        same(treasury.locked(), 100e18);
    }

    function test_only_the_treasury_makes_and_burns_credits() public {
        vm.expectPartialRevert(Credit.NotTreasury.selector);
        credit.mint(address(this), 1);
        vm.expectPartialRevert(Credit.NotTreasury.selector);
        credit.burn(REQUESTER, 1);
        vm.expectPartialRevert(ITreasury.NotAllowed.selector);
        treasury.setTerms(reference_());
    }

    function testFuzz_terms_stay_in_their_ranges(ITreasury.Terms memory terms) public {
        bool isIn = terms.spreadPpm <= 10_000 && terms.warnPpm >= 900_000 && terms.warnPpm <= 1_500_000
            && terms.haltPpm >= 850_000 && terms.haltPpm <= terms.warnPpm && terms.bountyPpm <= 300_000
            && uint256(terms.burnPpm) + terms.bountyPpm <= 1e6 && terms.dayCap >= 1e9 && terms.dayCap <= 1e15;
        if (!isIn) vm.expectPartialRevert(Ranges.OutOfRange.selector);
        vm.prank(GOVERNOR);
        treasury.setTerms(terms);
    }

    /// @dev Going in and out gains nothing, however the price moved before; whoever stays has as much cover as before.
    function testFuzz_in_and_out_gains_nothing(uint64 first, uint64 amount, uint8 cents, uint8 share) public {
        mint(OTHER, uint256(first) + 1e15);
        stay(150 + uint256(cents), 5);
        (uint256 before,) = treasury.cover();
        if (before < 900_000) return;
        uint256 put = uint256(amount) + 1e15;
        uint256 credits = mint(REQUESTER, put);
        uint256 part = credits * (uint256(share) + 1) / 256;
        uint256 out = redeem(REQUESTER, part) + redeem(REQUESTER, credits - part);
        if (out > put) revert("out of nothing");
        if (treasury.locked() + out != uint256(first) + 1e15 + put) revert("lost");
    }
}
