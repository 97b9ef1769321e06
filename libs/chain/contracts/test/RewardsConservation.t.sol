// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Histories} from "./Histories.sol";
import {RewardsMarket} from "./RewardsMarket.sol";

/// @notice Whatever is posted, voided, voted and claimed: rewards hold what they promised, and pay each leaf once.
contract RewardsConservationTest is Histories {
    RewardsMarket private _market;

    function setUp() public {
        _market = new RewardsMarket();
        drawnFrom(address(_market));
    }

    function invariant_what_is_promised_is_there_and_no_period_pays_more() public view {
        _market.checkPromised();
    }
}
