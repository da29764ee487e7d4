"""Airflow's assets that a night updates: what is scheduled on one begins when it is.

An event of one says the day of its night in its ``extra``, as ``{"as_of": "2026-11-04"}``.
"""

from __future__ import annotations

MART = "wattmark://warehouse/mart"
CLOSED = "wattmark://warehouse/closed"
LISTS = "wattmark://campaign/lists"
BY_STEP = {"publish": MART, "closing": CLOSED, "lists": LISTS}
"""The asset that a step of the night updates."""
EXTRA_DAY = "as_of"
