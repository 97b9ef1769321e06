// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PaymentFixture} from "./PaymentFixture.sol";

/// @notice What a requester signs so that others may send it.
abstract contract SignedFixture is PaymentFixture {
    function permitDigest(uint256 amount, uint256 deadline) internal view returns (bytes32) {
        bytes32 kind = payment.PERMIT_TYPEHASH();
        bytes32 content =
            keccak256(abi.encode(kind, requester, address(payment), amount, stable.nonces(requester), deadline));
        return keccak256(abi.encodePacked(hex"1901", stable.DOMAIN_SEPARATOR(), content));
    }

    function exitOf(address who, uint256 amount, uint256 nonce, uint256 deadline) internal view returns (bytes32) {
        return keccak256(abi.encode(payment.EXIT_TYPEHASH(), who, amount, nonce, deadline));
    }
}
