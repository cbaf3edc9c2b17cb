"""The place of the soaks."""

from tests.networks.fixtures import place

__all__ = ["place"]
