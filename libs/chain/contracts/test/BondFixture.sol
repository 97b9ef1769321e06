// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {InsurancePool} from "../src/InsurancePool.sol";
import {NativeToken} from "../src/NativeToken.sol";
import {Penalties} from "../src/Penalties.sol";
import {Restaking} from "../src/Restaking.sol";
import {Slashing} from "../src/Slashing.sol";
import {StakeVault} from "../src/StakeVault.sol";
import {IJudge} from "../src/interfaces/IJudge.sol";
import {ISlashing} from "../src/interfaces/ISlashing.sol";
import {IStakeVault} from "../src/interfaces/IStakeVault.sol";
import {vm} from "./Vm.sol";

/// @notice The three contracts that hold and take stake, deployed as they need one another.
abstract contract BondFixture {
    uint256 internal constant DELAY = 21 days;
    address internal constant GOVERNOR = address(0x607e);
    address internal constant PROPOSER = address(0x9405);
    address internal constant ARBITER = address(0xa4b1);
    address internal constant PROVIDER = address(0x9209);
    address internal constant OTHER = address(0x07e4);
    address internal constant DELEGATOR = address(0xde1e);
    address internal constant ACCUSER = address(0xacc5);
    address internal constant VICTIM = address(0x71c7);

    NativeToken internal native;
    InsurancePool internal pool;
    Restaking internal restaking;
    StakeVault internal vault;
    Slashing internal slashing;
    IJudge.Ruling internal ruling;
    ISlashing.Windows internal windows = ISlashing.Windows(7 days, 3 days, 4 days, 2 days);
    uint256 internal lockMax = 14 days;

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        native = new NativeToken(address(this));
        pool = new InsurancePool(native, address(this), address(this));
        deploy(DELAY, DELAY);
    }

    /// @dev The slasher's address follows from the deployer's nonce: its two holders are made before it.
    function deploy(uint256 delay, uint256 lent) internal {
        address slasher = vm.computeCreateAddress(address(this), vm.getNonce(address(this)) + 2);
        restaking = new Restaking(native, slasher, lent);
        vault = new StakeVault(native, restaking, slasher, GOVERNOR, delay, lockMax, IStakeVault.Terms(100e18, 1e15));
        slashing = new Slashing(termsOf(GOVERNOR));
        pool.grantRole(pool.COMPENSATOR_ROLE(), address(slashing));
    }

    function termsOf(address governor) internal view returns (Slashing.Terms memory) {
        return Slashing.Terms(
            native,
            vault,
            restaking,
            pool,
            IJudge(address(this)),
            governor,
            PROPOSER,
            ARBITER,
            Penalties.Shares(10e18, 5e18, 50_000, 200_000),
            windows
        );
    }

    /// @dev Stands for the judge on chain.
    function rulingOf(bytes32, address, address) external view returns (IJudge.Ruling) {
        return ruling;
    }

    function bond(address provider, uint256 amount) internal {
        give(address(this), amount, address(vault));
        vault.stakeFor(provider, amount);
    }

    function back(address provider, address delegator, uint256 amount) internal returns (uint256 shares) {
        give(delegator, amount, address(restaking));
        vm.prank(delegator);
        return restaking.allocate(provider, amount);
    }

    function give(address to, uint256 amount, address spender) internal {
        native.mint(to, amount);
        vm.prank(to);
        native.approve(spender, amount);
    }

    function accusation(ISlashing.SlashReason reason, bytes32 offence) internal view returns (ISlashing.Accusation memory) {
        return ISlashing.Accusation(
            PROVIDER, reason, offence, uint64(block.timestamp), ACCUSER, VICTIM, 1000e18, "evidence"
        );
    }

    function propose(ISlashing.SlashReason reason, bytes32 offence) internal returns (bytes32) {
        vm.prank(PROPOSER);
        return slashing.propose(accusation(reason, offence));
    }

    function pass(uint256 seconds_) internal {
        vm.warp(block.timestamp + seconds_);
    }

    function unstake(uint256 amount) internal {
        vm.prank(PROVIDER);
        vault.unstake(amount);
    }

    function withdrawStake() internal {
        vm.prank(PROVIDER);
        vault.withdraw();
    }
}
