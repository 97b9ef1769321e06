// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {NativeToken} from "../src/NativeToken.sol";
import {RewardFormula} from "../src/RewardFormula.sol";
import {Rewards} from "../src/Rewards.sol";
import {IRewards} from "../src/interfaces/IRewards.sol";
import {same, vm} from "./Vm.sol";

/// @notice Four providers at two places, a poster that lies at times, a guardian, and votes, in any order.
contract RewardsMarket {
    address private constant GOVERNOR = address(0x607e);
    address private constant POSTER = address(0x9057);
    address private constant GUARDIAN = address(0x90a4);
    NativeToken private _native;
    Rewards private _rewards;
    uint256 private _funded;
    uint256 private _paid;
    mapping(uint64 number => IRewards.Leaf[4]) private _leaves;
    mapping(uint64 number => bool[4]) private _claimed;
    mapping(uint64 number => bool) private _isHonest;

    constructor() {
        vm.warp(1_800_000_000);
        _native = new NativeToken(address(this));
        _rewards = new Rewards(_native, GOVERNOR, POSTER, GUARDIAN, 1000e18, RewardFormula.Terms(200_000, 250_000, 1e6));
    }

    function fund(uint96 amount) external {
        _native.mint(address(_rewards), amount);
        _funded += amount;
    }

    /// @dev The next period, as early as it can be. An honest one promises what its leaves earn, others anything.
    function post(uint104[4] calldata weights, uint96 promised, bool isHonest) external {
        uint64 number = _rewards.posted() + 1;
        uint256 readyAt = _rewards.START() + number * _rewards.PERIOD();
        uint256 before = _rewards.periodOf(number - 1).claimableFrom;
        vm.warp(_max(block.timestamp, _max(readyAt, before)));
        uint256 network = _write(number, weights);
        uint256 free = _native.balanceOf(address(_rewards)) - _rewards.reserved();
        uint256 emitted = free < _rewards.emission() ? free : _rewards.emission();
        uint256 total = isHonest ? _earned(number, emitted, network) : promised % (emitted + 1);
        (_isHonest[number], _claimed[number]) = (isHonest, [false, false, false, false]);
        bytes32 root = _pair(_pair(_hash(number, 0), _hash(number, 1)), _pair(_hash(number, 2), _hash(number, 3)));
        vm.prank(POSTER);
        _rewards.post(number, root, uint112(network), uint128(total), "inputs");
    }

    function voidLast() external {
        uint64 number = _rewards.posted();
        bool isOpen = number > 0 && block.timestamp < _rewards.periodOf(number).claimableFrom;
        vm.prank(GUARDIAN);
        try _rewards.voidPeriod(number) {
            if (!isOpen) revert("voided what was settled");
        } catch {
            if (isOpen) revert("could not void");
        }
    }

    /// @dev An honest period pays every leaf what it earned, once, whatever terms came since.
    function claim(uint64 number, uint8 which) external {
        uint64 posted = _rewards.posted();
        if (posted == 0) return;
        (number, which) = (number % posted + 1, which % 4);
        IRewards.Period memory period = _rewards.periodOf(number);
        IRewards.Leaf memory leaf = _leaves[number][which];
        uint256 due = _dueOf(leaf, period.emission, period.network, period.terms);
        bool isDue = block.timestamp >= period.claimableFrom && !_claimed[number][which];
        uint256 held = _native.balanceOf(leaf.provider);
        try _rewards.claim(number, leaf, _pathOf(number, which)) returns (uint256 amount) {
            if (!isDue) revert("claimed twice, or too early");
            same(amount, due);
            same(_native.balanceOf(leaf.provider) - held, due);
            _claimed[number][which] = true;
            _paid += due;
        } catch {
            if (isDue && _isHonest[number]) revert("an honest claim was refused");
        }
    }

    function vote(uint88 emission, uint32 target, uint32 cap, uint64 stake) external {
        RewardFormula.Terms memory terms = RewardFormula.Terms(target % 990_001 + 10_000, cap % 490_001 + 10_000, stake + uint128(1));
        vm.prank(GOVERNOR);
        _rewards.setTerms(emission % 1e25, terms);
    }

    function pass(uint24 seconds_) external {
        vm.warp(block.timestamp + seconds_);
    }

    function checkPromised() external view {
        uint256 promised = 0;
        for (uint64 number = 1; number <= _rewards.posted(); ++number) {
            IRewards.Period memory period = _rewards.periodOf(number);
            if (period.paid > period.total || period.total > period.emission) revert("a period pays too much");
            promised += period.total - period.paid;
        }
        same(_rewards.reserved(), promised);
        same(_native.balanceOf(address(_rewards)) + _paid, _funded);
        if (_native.balanceOf(address(_rewards)) < promised) revert("more is promised than is there");
    }

    function _write(uint64 number, uint104[4] calldata weights) private returns (uint256 network) {
        RewardFormula.Terms memory terms = _rewards.termsNow();
        uint256[4] memory has;
        RewardFormula.Inputs[4] memory inputs;
        for (uint256 i = 0; i < 4; ++i) {
            inputs[i] = RewardFormula.Inputs(weights[i], weights[(i + 1) % 4], weights[(i + 2) % 4]);
            has[i] = RewardFormula.weightOf(inputs[i], terms);
            network += has[i];
        }
        for (uint256 i = 0; i < 4; ++i) {
            uint112 place = uint112(has[i / 2 * 2] + has[i / 2 * 2 + 1]);
            _leaves[number][i] = IRewards.Leaf(address(uint160(0x9200 + i)), bytes32(i / 2), place, inputs[i]);
        }
    }

    function _earned(uint64 number, uint256 emitted, uint256 network) private view returns (uint256 sum) {
        for (uint256 i = 0; i < 4; ++i) sum += _dueOf(_leaves[number][i], emitted, network, _rewards.termsNow());
    }

    function _dueOf(IRewards.Leaf memory leaf, uint256 emitted, uint256 network, RewardFormula.Terms memory terms)
        private
        pure
        returns (uint256)
    {
        uint256 weight = RewardFormula.weightOf(leaf.inputs, terms);
        return RewardFormula.rewardOf(emitted, weight, leaf.placeWeight, network, terms);
    }

    function _pathOf(uint64 number, uint256 which) private view returns (bytes32[] memory path) {
        path = new bytes32[](2);
        uint256 other = which < 2 ? 2 : 0;
        (path[0], path[1]) = (_hash(number, which ^ 1), _pair(_hash(number, other), _hash(number, other + 1)));
    }

    function _hash(uint64 number, uint256 which) private view returns (bytes32) {
        return _rewards.leafHash(number, _leaves[number][which]);
    }

    function _pair(bytes32 a, bytes32 b) private pure returns (bytes32) {
        return a < b ? keccak256(abi.encode(a, b)) : keccak256(abi.encode(b, a));
    }

    function _max(uint256 a, uint256 b) private pure returns (uint256) {
        return a > b ? a : b;
    }
}
