// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Credit} from "../src/Credit.sol";
import {NativeToken} from "../src/NativeToken.sol";
import {Treasury} from "../src/Treasury.sol";
import {ISlashing} from "../src/interfaces/ISlashing.sol";
import {ITreasury} from "../src/interfaces/ITreasury.sol";
import {OracleFixture} from "./OracleFixture.sol";
import {vm} from "./Vm.sol";

/// @notice A treasury by the figures of AEP-76, its oracle, and this contract as the fund of bounties.
abstract contract TreasuryFixture is OracleFixture {
    address internal constant GOVERNOR = address(0x607e);
    address internal constant POOL = address(0x9001);
    address internal constant REQUESTER = address(0x4e9);
    address internal constant OTHER = address(0x07e4);
    NativeToken internal native;
    Treasury internal treasury;
    Credit internal credit;

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        native = new NativeToken(address(this));
        makeOracle();
        treasury = new Treasury(native, oracle, ISlashing(address(this)), POOL, GOVERNOR, reference_());
        credit = treasury.CREDIT();
    }

    function reference_() internal pure returns (ITreasury.Terms memory) {
        return ITreasury.Terms(2_500, 950_000, 900_000, 500_000, 200_000, 1e12);
    }

    /// @dev Stands for the fund of bounties.
    function fundBounties(uint256 amount) external {
        native.transferFrom(msg.sender, address(this), amount);
    }

    function mint(address who, uint256 amount) internal returns (uint256) {
        native.mint(who, amount);
        vm.prank(who);
        native.approve(address(treasury), amount);
        vm.prank(who);
        return treasury.mint(amount, 0);
    }

    function redeem(address who, uint256 credits) internal returns (uint256) {
        vm.prank(who);
        return treasury.redeem(credits, 0);
    }
}
