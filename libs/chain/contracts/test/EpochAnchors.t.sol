// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IEpochAnchors} from "../src/interfaces/IEpochAnchors.sol";
import {Fixture} from "./Fixture.sol";
import {same, vm} from "./Vm.sol";

contract EpochAnchorsTest is Fixture {
    bytes32 private constant FIRST = keccak256("first");
    bytes32 private constant SECOND = keccak256("second");

    function send(address provider, uint64 number, bytes32 previous, bytes32 root) private {
        IEpochAnchors.Anchor[] memory batch = new IEpochAnchors.Anchor[](1);
        batch[0] = IEpochAnchors.Anchor(provider, number, previous, root, 7);
        vm.prank(SETTLER);
        anchors.anchor(batch);
    }

    function refused(uint64 number, bytes32 previous, bytes32 root, IEpochAnchors.AnchorRefusal reason) private {
        bytes32 before = anchors.rootOf(PROVIDER, number);
        vm.expectEmit(address(anchors));
        emit IEpochAnchors.AnchorRefused(PROVIDER, number, root, reason);
        send(PROVIDER, number, previous, root);
        same(uint256(anchors.rootOf(PROVIDER, number)), uint256(before));
    }

    function test_roots_are_anchored_in_their_order() public {
        vm.expectEmit(address(anchors));
        emit IEpochAnchors.Anchored(PROVIDER, 1, FIRST, 7);
        send(PROVIDER, 1, 0, FIRST);
        vm.expectEmit(address(anchors));
        emit IEpochAnchors.Anchored(PROVIDER, 2, SECOND, 7);
        send(PROVIDER, 2, FIRST, SECOND);
        same(uint256(anchors.rootOf(PROVIDER, 1)), uint256(FIRST));
        same(uint256(anchors.rootOf(PROVIDER, 2)), uint256(SECOND));
    }

    function test_a_second_root_for_an_epoch_is_refused() public {
        send(PROVIDER, 1, 0, FIRST);
        refused(1, 0, SECOND, IEpochAnchors.AnchorRefusal.KNOWN);
        refused(1, 0, FIRST, IEpochAnchors.AnchorRefusal.KNOWN);
        send(PROVIDER, 2, FIRST, SECOND);
        refused(1, 0, SECOND, IEpochAnchors.AnchorRefusal.KNOWN);
    }

    function test_a_gap_is_refused() public {
        refused(0, 0, FIRST, IEpochAnchors.AnchorRefusal.GAP);
        refused(2, 0, FIRST, IEpochAnchors.AnchorRefusal.GAP);
        send(PROVIDER, 1, 0, FIRST);
        refused(3, FIRST, SECOND, IEpochAnchors.AnchorRefusal.GAP);
        refused(type(uint64).max, FIRST, SECOND, IEpochAnchors.AnchorRefusal.GAP);
    }

    function test_a_wrong_root_before_is_refused() public {
        refused(1, FIRST, SECOND, IEpochAnchors.AnchorRefusal.WRONG_PREVIOUS);
        send(PROVIDER, 1, 0, FIRST);
        refused(2, 0, SECOND, IEpochAnchors.AnchorRefusal.WRONG_PREVIOUS);
        refused(2, SECOND, SECOND, IEpochAnchors.AnchorRefusal.WRONG_PREVIOUS);
    }

    function test_nothing_is_no_root() public {
        refused(1, 0, 0, IEpochAnchors.AnchorRefusal.NO_ROOT);
    }

    function test_providers_count_apart() public {
        send(PROVIDER, 1, 0, FIRST);
        send(OTHER, 1, 0, SECOND);
        refused(2, SECOND, FIRST, IEpochAnchors.AnchorRefusal.WRONG_PREVIOUS);
        same(uint256(anchors.rootOf(OTHER, 1)), uint256(SECOND));
    }

    function test_one_bad_root_does_not_hold_up_the_batch() public {
        IEpochAnchors.Anchor[] memory batch = new IEpochAnchors.Anchor[](4);
        batch[0] = IEpochAnchors.Anchor(PROVIDER, 1, 0, FIRST, 1);
        batch[1] = IEpochAnchors.Anchor(PROVIDER, 1, 0, SECOND, 1);
        batch[2] = IEpochAnchors.Anchor(PROVIDER, 2, FIRST, SECOND, 1);
        batch[3] = IEpochAnchors.Anchor(OTHER, 1, 0, FIRST, 1);
        vm.prank(SETTLER);
        anchors.anchor(batch);
        same(uint256(anchors.rootOf(PROVIDER, 2)), uint256(SECOND));
        same(uint256(anchors.rootOf(OTHER, 1)), uint256(FIRST));
    }

    function test_a_stranger_cannot_anchor() public {
        vm.expectPartialRevert(IAccessControl.AccessControlUnauthorizedAccount.selector);
        anchors.anchor(new IEpochAnchors.Anchor[](0));
    }

    /// @dev Whatever is tried, each provider's roots are those of an unbroken chain from 1 on, and none ever changes.
    function testFuzz_what_stands_is_a_chain(uint8[24] memory numbers, bytes32[24] memory roots, bool[24] memory follows)
        public
    {
        bytes32[] memory stand = new bytes32[](25);
        uint64 length = 0;
        for (uint256 i = 0; i < 24; ++i) {
            uint64 number = numbers[i] % (length + 3);
            bytes32 before = number > 0 && number <= length + 1 ? stand[number - 1] : bytes32(0);
            send(PROVIDER, number, follows[i] ? before : roots[(i + 1) % 24], roots[i]);
            bool isNext = number == length + 1 && roots[i] != 0;
            if (isNext && (follows[i] || roots[(i + 1) % 24] == before)) stand[++length] = roots[i];
            for (uint64 j = 0; j <= length + 2 && j < 25; ++j) {
                same(uint256(anchors.rootOf(PROVIDER, j)), uint256(stand[j]));
            }
        }
    }
}
