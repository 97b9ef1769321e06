// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISlashing} from "../src/interfaces/ISlashing.sol";
import {BondFixture} from "./BondFixture.sol";
import {vm} from "./Vm.sol";

/// @notice What calls of the holders of stake take, for gas.snapshot: everything else happens in setUp.
contract BondGasTest is BondFixture {
    bytes32 private _ready;
    uint256 private _shares;
    ISlashing.Accusation private _accusation;

    function setUp() public override {
        super.setUp();
        bond(PROVIDER, 1000e18);
        _shares = back(PROVIDER, DELEGATOR, 1000e18);
        back(PROVIDER, OTHER, 1000e18);
        unstake(100e18);
        vm.prank(DELEGATOR);
        restaking.deallocate(PROVIDER, _shares / 4);
        give(address(this), 100e18, address(slashing));
        slashing.fundBounties(100e18);
        pass(DELAY);
        _ready = propose(ISlashing.SlashReason.DOWNTIME, "ready");
        pass(3 days + 1);
        _accusation = accusation(ISlashing.SlashReason.DOWNTIME, "fresh");
        give(DELEGATOR, 1e18, address(restaking));
    }

    function test_gas_propose() public {
        vm.prank(PROPOSER);
        slashing.propose(_accusation);
    }

    function test_gas_execute() public {
        slashing.execute(_ready);
    }

    function test_gas_unstake() public {
        unstake(1e18);
    }

    function test_gas_withdraw_stake() public {
        withdrawStake();
    }

    function test_gas_allocate() public {
        vm.prank(DELEGATOR);
        restaking.allocate(PROVIDER, 1e18);
    }

    function test_gas_deallocate() public {
        vm.prank(DELEGATOR);
        restaking.deallocate(PROVIDER, 1e20);
    }

    function test_gas_withdraw_allocation() public {
        vm.prank(DELEGATOR);
        restaking.withdraw(PROVIDER);
    }
}
