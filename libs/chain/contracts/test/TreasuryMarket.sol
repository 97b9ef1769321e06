// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TreasuryFixture} from "./TreasuryFixture.sol";
import {same, vm} from "./Vm.sol";

/// @notice Mints, redeems and pays fees while the price does what it likes and the feeds fail at times.
contract TreasuryMarket is TreasuryFixture {
    address[2] private _names = [REQUESTER, OTHER];
    uint256 private _cents = 200;

    constructor() {
        setUp();
        stay(_cents, 30);
    }

    function move(uint8 cents) external {
        _cents = uint256(cents) + 50;
        stay(_cents, 10);
    }

    function loseFeeds(uint32 seconds_) external {
        vm.warp(block.timestamp + seconds_ % 1 days);
    }

    function recover() external {
        stay(_cents, 30);
    }

    function make(uint8 who, uint64 amount) external {
        native.mint(_names[who % 2], amount);
        vm.prank(_names[who % 2]);
        native.approve(address(treasury), amount);
        vm.prank(_names[who % 2]);
        try treasury.mint(amount, 0) {} catch {}
    }

    /// @dev Never halts: whatever the price, everyone can redeem all it has, for its part at most.
    function leave(uint8 who) external {
        address name = _names[who % 2];
        uint256 credits = credit.balanceOf(name);
        if (credits == 0) return;
        uint256 part = treasury.locked() * credits / credit.totalSupply();
        if (redeem(name, credits) > part) revert("more than its part");
        same(credit.balanceOf(name), 0);
    }

    function payFee(uint8 who, uint64 amount) external {
        uint256 credits = credit.balanceOf(_names[who % 2]);
        vm.prank(_names[who % 2]);
        credit.transfer(address(treasury), credits == 0 ? 0 : amount % credits);
        try treasury.spendFees(credit.balanceOf(address(treasury))) {} catch {}
    }

    function checkLocked() external view {
        same(native.balanceOf(address(treasury)), treasury.locked());
    }
}
