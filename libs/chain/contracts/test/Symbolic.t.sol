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

    /// @notice A slash takes the smaller of penalty and stake, and what is held is what is owed.
    function check_a_slash_of_active_stake_is_the_smaller_of_both(uint96 amount, uint256 penalty) external {
        vault.stakeFor(PROVIDER, amount);
        slashed(amount, penalty);
    }

    /// @notice The same of stake that has begun to leave, in one part.
    function check_a_slash_reaches_what_unbonds(uint96 amount, uint96 leaving, uint256 penalty) external {
        if (leaving == 0 || leaving > amount) return;
        vault.stakeFor(PROVIDER, amount);
        unbond(leaving);
        slashed(amount, penalty);
    }

    /// @notice The same of two parts, the first of which may have finished unbonding.
    function check_a_slash_reaches_two_parts(uint96 first, uint96 second, uint96 penalty, uint32 later) external {
        if (first == 0 || second == 0) return;
        uint256 amount = uint256(first) + second;
        vault.stakeFor(PROVIDER, amount);
        unbond(first);
        vm.warp(block.timestamp + later);
        unbond(second);
        slashed(amount, penalty);
    }

    /// @notice Whatever is locked, and until whenever, all that unbonded leaves 35 days after.
    function check_an_exit_is_never_blocked(uint96 amount, uint128 locked, uint64 until, uint16 after_) external {
        if (amount == 0) return;
        vault.stakeFor(PROVIDER, amount);
        unbond(amount);
        if (until <= block.timestamp + 14 days) vault.lock("lock", PROVIDER, locked, until);
        vm.warp(block.timestamp + 35 days + after_);
        vm.prank(PROVIDER);
        vault.withdraw();
        assert(token.balanceOf(PROVIDER) == amount);
    }

    /// @notice Before 21 days nothing that unbonds leaves, whatever its amount.
    function check_nothing_leaves_early(uint96 amount, uint96 leaving, uint32 later) external {
        if (leaving == 0 || leaving > amount || later >= 21 days) return;
        vault.stakeFor(PROVIDER, amount);
        unbond(leaving);
        vm.warp(block.timestamp + later);
        vm.prank(PROVIDER);
        try vault.withdraw() {
            assert(false);
        } catch {}
        assert(vault.slashableOf(PROVIDER) == amount);
    }

    /// @notice What is locked stays as long as other stake does not cover it, between 21 and 35 days.
    function check_what_is_locked_stays(uint96 amount, uint96 locked, uint32 later) external {
        if (amount == 0 || later < 21 days || later >= 35 days) return;
        vault.stakeFor(PROVIDER, amount);
        unbond(amount);
        vault.lock("lock", PROVIDER, locked, uint64(block.timestamp));
        vm.warp(block.timestamp + later);
        vm.prank(PROVIDER);
        try vault.withdraw() {} catch {}
        uint256 kept = locked < amount ? locked : amount;
        assert(vault.slashableOf(PROVIDER) == kept);
    }

    function unbond(uint256 amount) private {
        vm.prank(PROVIDER);
        vault.unstake(amount);
    }

    function slashed(uint256 amount, uint256 penalty) private {
        uint256 taken = vault.slash(PROVIDER, penalty);
        assert(taken <= amount && taken <= penalty);
        assert(taken == amount || taken == penalty);
        assert(vault.slashableOf(PROVIDER) == amount - taken);
        assert(token.balanceOf(address(vault)) == amount - taken);
    }
}
