// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {StableToken} from "../src/StableToken.sol";
import {StakeVault} from "../src/StakeVault.sol";
import {IRestaking} from "../src/interfaces/IRestaking.sol";
import {IStakeVault} from "../src/interfaces/IStakeVault.sol";
import {vm} from "./Vm.sol";

/// @notice What halmos proves for all inputs at once; forge runs nothing here (README says how).
contract SymbolicChecks {
    address private constant PROVIDER = address(0x9209);
    StableToken private token;
    StakeVault private vault;

    function setUp() public {
        token = new StableToken(address(this));
        IRestaking restaking = IRestaking(address(this));
        IStakeVault.Terms memory terms = IStakeVault.Terms(100e18, 1e15);
        vault = new StakeVault(token, restaking, address(this), address(this), 21 days, 14 days, terms);
        token.mint(address(this), type(uint128).max);
        token.approve(address(vault), type(uint256).max);
    }

    /// @dev Stands for Restaking: nobody backs anyone.
    function backingOf(address) external pure returns (uint256) {
        return 0;
    }

    /// @notice A slash takes the smaller of penalty and stake, unbonding included, and what is held is what is owed.
    function check_slash_is_at_most_stake_and_all_is_conserved(uint96 amount, uint96 leaving, uint256 penalty) external {
        vault.stakeFor(PROVIDER, amount);
        if (leaving > 0 && leaving <= amount) {
            vm.prank(PROVIDER);
            vault.unstake(leaving);
        }
        uint256 taken = vault.slash(PROVIDER, penalty);
        assert(taken <= amount && taken <= penalty);
        assert(taken == amount || taken == penalty);
        assert(vault.slashableOf(PROVIDER) == amount - taken);
        assert(token.balanceOf(address(vault)) == amount - taken);
    }

    /// @notice Whatever is locked, and until whenever, all that unbonded leaves 35 days after.
    function check_an_exit_is_never_blocked(uint96 amount, uint128 locked, uint64 until, uint16 after_) external {
        if (amount == 0) return;
        vault.stakeFor(PROVIDER, amount);
        vm.prank(PROVIDER);
        vault.unstake(amount);
        if (until <= block.timestamp + 14 days) vault.lock("lock", PROVIDER, locked, until);
        vm.warp(block.timestamp + 35 days + after_);
        vm.prank(PROVIDER);
        vault.withdraw();
        assert(token.balanceOf(PROVIDER) == amount);
    }
}
