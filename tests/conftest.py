"""Set up before anything is imported."""

from __future__ import annotations

import sys

# Spark's client takes a main module without a file for a doctest run and leaves; a test worker's has none.
if not hasattr(sys.modules["__main__"], "__file__"):
    sys.modules["__main__"].__file__ = __file__
