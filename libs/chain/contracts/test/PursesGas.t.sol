// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPurses} from "../src/interfaces/IPurses.sol";
import {PursesFixture} from "./PursesFixture.sol";

/// @notice What sharing takes, for gas.snapshot: the first time, to victims that hold nothing yet.
contract PursesGasTest is PursesFixture {
    IPurses.Loss[] private _two;
    IPurses.Loss[] private _hundred;

    function setUp() public override {
        super.setUp();
        for (uint256 i = 0; i < 100; ++i) _hundred.push(IPurses.Loss(victim(i), uint128(1e18 + i)));
        _two.push(_hundred[0]);
        _two.push(_hundred[1]);
        native.mint(purses.purseOf(ID, _two), 1e18);
        native.mint(purses.purseOf(ID, _hundred), 1e18);
    }

    function test_gas_share_between_two() public {
        purses.share(ID, _two);
    }

    function test_gas_share_among_a_hundred() public {
        purses.share(ID, _hundred);
    }
}
