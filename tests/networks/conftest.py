"""The place of all cases."""

from tests.networks.fixtures import place

__all__ = ["place"]
