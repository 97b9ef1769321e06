// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Escrow} from "../src/Escrow.sol";
import {IEscrow} from "../src/interfaces/IEscrow.sol";
import {same, vm} from "./Vm.sol";

/// @notice A token that keeps a tenth of each transfer, refuses some receivers, and calls back where it is told to.
contract HostileToken is ERC20("Hostile", "H") {
    bool public keepsFee;
    address public barred;
    Escrow public target;

    error Barred();

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function arrange(bool fee, address bar, Escrow callback) external {
        (keepsFee, barred, target) = (fee, bar, callback);
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (to == barred && to != address(0)) revert Barred();
        if (address(target) != address(0) && from == address(target)) target.withdraw(1);
        if (keepsFee && from != address(0) && to != address(0)) {
            super._update(from, address(this), amount / 10);
            amount -= amount / 10;
        }
        super._update(from, to, amount);
    }
}

contract HostileTest {
    address private constant SETTLER = address(0x5e77);
    address private constant PARTY = address(0xbad);
    HostileToken private _token;
    Escrow private _escrow;

    function setUp() public {
        _token = new HostileToken();
        _escrow = new Escrow(_token, address(this), SETTLER);
        _token.mint(address(this), 10_000);
        _token.approve(address(_escrow), type(uint256).max);
    }

    function test_a_fee_on_transfer_is_the_depositors_loss() public {
        _token.arrange(true, address(0), Escrow(address(0)));
        _escrow.deposit(1000);
        same(_escrow.balanceOf(address(this)), 900);
        same(_token.balanceOf(address(_escrow)), 900);
    }

    function test_a_barred_party_does_not_hold_up_another() public {
        _escrow.depositFor(PARTY, 1000);
        _escrow.deposit(1000);
        _token.arrange(false, PARTY, Escrow(address(0)));
        vm.prank(PARTY);
        vm.expectPartialRevert(HostileToken.Barred.selector);
        _escrow.withdraw(1000);
        _escrow.withdraw(1000);
        same(_escrow.balanceOf(PARTY), 1000);
        same(_token.balanceOf(address(this)), 9000);
    }

    function test_a_token_cannot_enter_again() public {
        _escrow.depositFor(address(_token), 100);
        _escrow.deposit(1000);
        _token.arrange(false, address(0), _escrow);
        vm.expectPartialRevert(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        _escrow.withdraw(1000);
    }
}
