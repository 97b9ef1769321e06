// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EpochAnchors} from "../src/EpochAnchors.sol";
import {vm} from "./Vm.sol";

/// @notice A fresh deployment of anchors, and the shortest way to say what a test is about.
abstract contract Fixture {
    address internal constant SETTLER = address(0x5e77);
    address internal constant PROVIDER = address(0x9209);
    address internal constant OTHER = address(0x07e4);

    EpochAnchors internal anchors;

    function setUp() public virtual {
        vm.warp(1_800_000_000);
        anchors = new EpochAnchors(address(this), SETTLER);
    }
}
