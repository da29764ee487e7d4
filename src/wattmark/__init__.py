"""Wattmark: nightly customer intelligence for electric utilities."""

__version__ = "0.2.0"
