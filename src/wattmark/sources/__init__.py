"""Where data comes from: SQL databases, and folders of CSV or Parquet files.

A source knows its tables, and streams one of them as arrow batches in which every contract column stands
under its contract name, in the source's own types. Two more columns travel along: ``_file`` (where a row
came from) and ``_problem`` (a row that could not even be split into columns; its text is in ``_text``).
"""

from wattmark.sources.base import Extracted, Source, Watermark
from wattmark.sources.resolve import open_source, source_of

__all__ = ["Extracted", "Source", "Watermark", "open_source", "source_of"]
