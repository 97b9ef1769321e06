// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title The payments that epochs are measured against: many receivers in one transaction, proven by nothing
/// @notice An operator that is trusted with everything pays out of its own allowance.
contract NettedPayments {
    /// @notice Sends each receiver its amount: 20 bytes of address and 12 of amount in one word.
    function pay(IERC20 token, bytes32[] calldata payments) external {
        for (uint256 i = 0; i < payments.length; ++i) {
            token.transferFrom(msg.sender, address(bytes20(payments[i])), uint96(uint256(payments[i])));
        }
    }
}
