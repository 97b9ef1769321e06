// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IEpochAnchors} from "../src/interfaces/IEpochAnchors.sol";
import {Fixture} from "./Fixture.sol";
import {Histories} from "./Histories.sol";
import {same, vm} from "./Vm.sol";

/// @notice Anchors roots of two providers in any order, batched and not, right and wrong, and remembers the first of each.
contract AnchorsMarket is Fixture {
    uint64 private constant EPOCHS = 8;
    address[2] private _providers = [PROVIDER, address(0x07e4)];
    mapping(address provider => mapping(uint64 number => bytes32)) private _first;

    constructor() {
        setUp();
    }

    /// @dev Two at once: the second may stand on the first.
    function anchor(uint8[2] calldata numbers, bytes32[2] calldata roots, bool isOther, bool follows) external {
        address provider = _providers[isOther ? 1 : 0];
        IEpochAnchors.Anchor[] memory batch = new IEpochAnchors.Anchor[](2);
        for (uint256 i = 0; i < 2; ++i) {
            uint64 number = numbers[i] % EPOCHS;
            bytes32 before = number == 0 ? bytes32(0) : anchors.rootOf(provider, number - 1);
            if (i == 1 && numbers[0] % EPOCHS + 1 == number && before == 0) before = roots[0];
            batch[i] = IEpochAnchors.Anchor(provider, number, follows ? before : roots[1 - i], roots[i], 7);
        }
        vm.prank(SETTLER);
        anchors.anchor(batch);
        for (uint64 number = 0; number < EPOCHS; ++number) {
            if (_first[provider][number] == 0) _first[provider][number] = anchors.rootOf(provider, number);
        }
    }

    function intrude(uint8 number, bytes32 root) external {
        IEpochAnchors.Anchor[] memory batch = new IEpochAnchors.Anchor[](1);
        batch[0] = IEpochAnchors.Anchor(PROVIDER, number, "", root, 7);
        try anchors.anchor(batch) {
            revert("a stranger anchored");
        } catch {}
    }

    function checkChains() external view {
        for (uint256 i = 0; i < 2; ++i) {
            same(uint256(anchors.rootOf(_providers[i], 0)), 0);
            for (uint64 number = 1; number < EPOCHS; ++number) {
                bytes32 root = anchors.rootOf(_providers[i], number);
                same(uint256(root), uint256(_first[_providers[i]][number]));
                if (root != 0 && number > 1 && anchors.rootOf(_providers[i], number - 1) == 0) revert("a gap");
            }
        }
    }
}

contract AnchorsConservationTest is Histories {
    AnchorsMarket private _market;

    function setUp() public {
        _market = new AnchorsMarket();
        bytes4[] memory selectors = new bytes4[](2);
        (selectors[0], selectors[1]) = (AnchorsMarket.anchor.selector, AnchorsMarket.intrude.selector);
        drawnFrom(address(_market), selectors);
    }

    function invariant_a_root_that_stands_is_never_changed_and_has_none_missing_before_it() public view {
        _market.checkChains();
    }
}
