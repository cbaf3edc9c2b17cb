"""Constructs that stacks share, or that grew past a screen."""
