"""Where data comes from: SQL databases, and folders of CSV or Parquet files.

A source knows its tables, and streams one of them as arrow batches in which every contract column stands
under its contract name, in the contract's type or as exact text (``values``). More columns travel along
(``base.EXTRAS``): ``_file`` (where a row came from), ``_problem`` (a row that could not even be split into
columns, its text in ``_text``, or that has a value which cannot be told), ``_arrival`` and ``_position``.
"""

from wattmark.sources.base import Extracted, Source, Watermark
from wattmark.sources.resolve import open_source, source_of

__all__ = ["Extracted", "Source", "Watermark", "open_source", "source_of"]
