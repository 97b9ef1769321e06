// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISlashing} from "../src/interfaces/ISlashing.sol";
import {BondFixture} from "./BondFixture.sol";
import {same, vm} from "./Vm.sol";

/// @notice Does what providers, delegators, accusers and arbiters do, in whatever order the fuzzer likes.
contract BondMarket is BondFixture {
    address[3] private _delegators = [DELEGATOR, OTHER, ACCUSER];
    bytes32[] private _ids;
    uint256 private _offences;
    uint256 public minted;

    constructor() {
        setUp();
        fundBounties(10e18);
    }

    function stake(uint64 amount) external {
        bond(PROVIDER, amount);
        minted += amount;
    }

    function unstakeSome(uint64 amount) external {
        uint256 active = vault.stakeOf(PROVIDER);
        if (active == 0) return;
        vm.prank(PROVIDER);
        try vault.unstake(amount % active + 1) {} catch {}
    }

    /// @dev Exits are never blocked: all that was ready LOCK_MAX ago leaves, whatever is proposed and locked.
    function leave() external {
        pass(36 days);
        uint256 left = vault.unbondingOf(PROVIDER);
        if (left == 0) return;
        uint256 before = native.balanceOf(PROVIDER);
        withdrawStake();
        same(native.balanceOf(PROVIDER) - before, left);
    }

    function lend(uint8 who, uint64 amount) external {
        uint256 sum = uint256(amount) + 1;
        give(_delegators[who % 3], sum, address(restaking));
        minted += sum;
        vm.prank(_delegators[who % 3]);
        try restaking.allocate(PROVIDER, sum) {} catch {}
    }

    function takeBack(uint8 who, uint128 shares) external {
        uint256 held = restaking.sharesOf(PROVIDER, _delegators[who % 3]);
        if (held == 0) return;
        vm.prank(_delegators[who % 3]);
        try restaking.deallocate(PROVIDER, shares % held + 1) {} catch {}
    }

    function collect(uint8 who) external {
        pass(DELAY);
        vm.prank(_delegators[who % 3]);
        try restaking.withdraw(PROVIDER) {} catch {}
    }

    function accuse(uint8 reason) external {
        if (vault.slashableOf(PROVIDER) + restaking.slashableOf(PROVIDER) < 1e6) return;
        _ids.push(propose(ISlashing.SlashReason(reason % 7), bytes32(++_offences)));
    }

    function appeal(uint8 which, bool isUpheld, bool isRuled) external {
        if (_ids.length == 0) return;
        bytes32 id = _ids[which % _ids.length];
        ISlashing.Proposal memory proposal = slashing.proposalOf(id);
        if (proposal.phase != ISlashing.Phase.PROPOSED || proposal.until < block.timestamp) return;
        give(PROVIDER, 5e18, address(slashing));
        minted += 5e18;
        vm.prank(PROVIDER);
        slashing.appeal(id, "");
        if (!isRuled) return;
        vm.prank(ARBITER);
        slashing.rule(id, isUpheld, "");
    }

    /// @dev Every proposal comes to an end, one way or the other, and takes no more than there is.
    function end(uint8 which, uint32 wait) external {
        if (_ids.length == 0) return;
        bytes32 id = _ids[which % _ids.length];
        pass(wait % 6 days);
        uint256 held = vault.slashableOf(PROVIDER) + restaking.slashableOf(PROVIDER);
        (uint256 supply, uint256 pooled) = (native.totalSupply(), native.balanceOf(address(pool)));
        try slashing.execute(id) {
            uint256 taken = supply - native.totalSupply() + native.balanceOf(address(pool)) - pooled;
            same(vault.slashableOf(PROVIDER) + restaking.slashableOf(PROVIDER), held - taken);
        } catch {
            try slashing.lapse(id) {} catch {}
        }
    }

    function refund(uint8 which) external {
        if (_ids.length == 0) return;
        try slashing.refund(_ids[which % _ids.length]) {} catch {}
    }

    function fundBounties(uint64 amount) public {
        give(address(this), amount, address(slashing));
        minted += amount;
        slashing.fundBounties(amount);
    }

    function checkVault() external view {
        same(native.balanceOf(address(vault)), vault.stakeOf(PROVIDER) + vault.unbondingOf(PROVIDER));
    }

    /// @dev More than owed by dust alone: what rounding left.
    function checkRestaking() external view {
        if (native.balanceOf(address(restaking)) < restaking.slashableOf(PROVIDER)) revert("owes more than it has");
        if (native.balanceOf(address(restaking)) > restaking.slashableOf(PROVIDER) + 1e10) revert("holds what is nobody's");
    }

    function checkSlashing() external view {
        uint256 bonds = 0;
        uint256 locked = 0;
        for (uint256 i = 0; i < _ids.length; ++i) {
            ISlashing.Proposal memory proposal = slashing.proposalOf(_ids[i]);
            bonds += proposal.bond;
            bool isOpen = proposal.phase > ISlashing.Phase.NONE && proposal.phase < ISlashing.Phase.EXECUTED;
            if (isOpen) locked += proposal.own;
        }
        same(native.balanceOf(address(slashing)), bonds + slashing.bountyFund());
        same(vault.lockedOf(PROVIDER), locked);
    }
}
