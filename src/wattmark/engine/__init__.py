"""Runs the SQL files of ``include/sql`` on DuckDB or Spark. Knows nothing of audits or campaigns."""
