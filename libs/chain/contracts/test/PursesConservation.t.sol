// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Histories} from "./Histories.sol";
import {PursesMarket} from "./PursesMarket.sol";

/// @notice Whatever arrives for whomever, in whatever parts, and whoever has it shared when: nobody gets what is another's.
contract PursesConservationTest is Histories {
    PursesMarket private _market;

    function setUp() public {
        _market = new PursesMarket();
        bytes4[] memory selectors = new bytes4[](4);
        selectors[0] = PursesMarket.arrive.selector;
        selectors[1] = PursesMarket.share.selector;
        selectors[2] = PursesMarket.shareOther.selector;
        selectors[3] = PursesMarket.steal.selector;
        drawnFrom(address(_market), selectors);
    }

    function invariant_each_victim_has_its_part_of_what_was_shared_and_no_more() public view {
        _market.checkShared();
    }
}
