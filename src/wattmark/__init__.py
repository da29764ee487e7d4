"""Wattmark: nightly customer intelligence for electric utilities."""

__version__ = "0.1.0"
