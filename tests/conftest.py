"""Gives the tests of the whole network the one they share."""

from tests.network import models, net, tiny_model

__all__ = ["models", "net", "tiny_model"]
