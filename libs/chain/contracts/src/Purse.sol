// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @notice An address that holds tokens for whom made it, and does nothing else.
contract Purse {
    constructor(IERC20 native) {
        native.approve(msg.sender, type(uint256).max);
    }
}
