"""Who answers the interval tasks: Wattmark, the floors, pandas, polars, PostgreSQL and Spark, each as a user would write it.

A side is made once, in a process of its own, and asked task by task; what a task answers is a pyarrow table (``RESULTS``).
Every answer begins at the Parquet files, PostgreSQL's at its loaded tables.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import task_shapes as shapes
from task_shapes import Given

from wattmark.engine.session import DuckDBSession
from wattmark.engine.spark import start_spark
from wattmark.engine.sqlfile import SqlFile

BELIEVED = ("measured", "estimated")
COLUMNS = ["metering_point_id", "day", "interval_start", "interval_minutes", "kwh", "quality"]
OURS = ("facts.interval_daily", "facts.hourly_daily", "facts.interval_month")
"""Tables of the product that answer, or from which answers are made."""
Tasks = dict[str, Callable[[], pa.Table | None]]


def in_sql(ask: Callable[[str], pa.Table], alike: Callable[[], pa.Table] | None = None) -> Tasks:
    """The tasks by the shared SQL, of an engine that answers with a table."""
    return {
        "roll-up": lambda: ask(shapes.ROLL_UP),
        "histogram": lambda: ask(shapes.HISTOGRAM),
        "3-line": lambda: shapes.lines_of_percentiles(ask(with_hours(shapes.PERCENTILES))),
        "PAR": lambda: shapes.par_of_moments(ask(with_hours(shapes.PAR))),
        "cosine": alike or (lambda: ask(with_hours(shapes.COSINE, "alike"))),
    }


def with_hours(text: str, where: str | None = None) -> str:
    """A statement that reads ``hourly``, of all points or of those that a table names."""
    hours = shapes.HOURLY
    if where:
        hours = hours.replace(
            "GROUP BY", f"AND metering_point_id IN (SELECT metering_point_id FROM {where}) GROUP BY", 1
        )
    begun = text.lstrip()
    if begun.startswith("WITH "):
        return f"WITH hourly AS ({hours}), {begun.removeprefix('WITH ')}"
    return f"WITH hourly AS ({hours}) {begun}"


# --- Wattmark --------------------------------------------------------------------------------------------


def wattmark(given: Given) -> Tasks:
    """A session of the product: its own tables of days, months and hours where it has them, made anew from the lake."""
    session = DuckDBSession(given.settings, given.run)
    duck = session.duck

    def text_of(name: str) -> str:
        definition = session.catalog.tables[name]
        assert isinstance(definition, SqlFile)
        session.see(sorted(set(definition.references) - {"facts.interval_daily"}))
        return session.text_of(definition)

    daily, hourly, monthly = map(text_of, OURS)
    duck.execute("CREATE SCHEMA IF NOT EXISTS facts")
    duck.execute(
        f"CREATE VIEW reading AS SELECT {', '.join(COLUMNS)} FROM source.interval_reading;"
        f"CREATE VIEW temperature AS SELECT * FROM read_parquet('{given.temperature}');"
        "CREATE VIEW hourly AS SELECT metering_point_id, day, CAST(name[2:] AS INTEGER) AS hour, kw "
        f"FROM (UNPIVOT ({hourly}) ON COLUMNS('h[0-9]+') INTO NAME name VALUE kw)"
    )
    duck.register("alike", pa.table({"metering_point_id": list(given.alike)}))

    def ask(text: str) -> pa.Table:
        return duck.sql(text).to_arrow_table()

    def roll_up() -> pa.Table:
        duck.execute(f"CREATE OR REPLACE TABLE facts.interval_daily AS {daily}")
        return ask(
            "SELECT metering_point_id, 'day' AS grain, day AS starts_on, kwh, max_kw FROM facts.interval_daily UNION ALL "
            f"SELECT metering_point_id, 'month', period, kwh, max_kw FROM ({monthly}) WHERE kwh IS NOT NULL"
        )

    def alike() -> pa.Table:
        rows = ask(
            "SELECT metering_point_id, (day - MIN(day) OVER ()) * 24 + hour AS place, kw FROM hourly "
            "WHERE metering_point_id IN (SELECT metering_point_id FROM alike)"
        )
        points, row = np.unique(rows["metering_point_id"].to_numpy(zero_copy_only=False), return_inverse=True)
        place = rows["place"].to_numpy()
        series = np.zeros((len(points), int(place.max()) + 1))
        series[row, place] = rows["kw"].to_numpy()
        return shapes.most_alike(points.tolist(), series)

    return {
        "roll-up": roll_up,
        "histogram": lambda: ask(shapes.HISTOGRAM),
        "3-line": lambda: shapes.lines_of_percentiles(ask(shapes.PERCENTILES)),
        "PAR": lambda: shapes.par_of_moments(ask(shapes.PAR)),
        "cosine": alike,
    }


# --- the floors ------------------------------------------------------------------------------------------


def hand_written(given: Given) -> Tasks:
    """One DuckDB query over the files for each task, without session, rules of time or checks."""
    duck = duckdb.connect(config={"threads": given.settings.compute.threads})
    duck.execute(f"SET TimeZone = '{given.settings.zone.key}'")
    listed = ", ".join(f"'{file}'" for file in given.files)
    duck.execute(
        f"CREATE VIEW reading AS SELECT {', '.join(COLUMNS)} FROM read_parquet([{listed}], hive_partitioning = true, "
        f"hive_types = {{day: DATE}}); CREATE VIEW temperature AS SELECT * FROM read_parquet('{given.temperature}')"
    )
    duck.register("alike", pa.table({"metering_point_id": list(given.alike)}))
    tasks = in_sql(lambda text: duck.sql(text).to_arrow_table())
    vectors = f"""
    WITH vector AS (
      SELECT metering_point_id, LIST(kw ORDER BY day, hour) AS kw FROM hourly GROUP BY ALL
    ),
    pairs AS (
      SELECT one.metering_point_id, list_cosine_similarity(one.kw, other.kw) AS similarity
      FROM vector AS one JOIN vector AS other ON one.metering_point_id <> other.metering_point_id
      WHERE LEN(one.kw) = LEN(other.kw) AND LIST_MAX(one.kw) > 0 AND LIST_MAX(other.kw) > 0
    )
    SELECT metering_point_id, similarity,
      ROW_NUMBER() OVER (PARTITION BY metering_point_id ORDER BY similarity DESC) AS place
    FROM pairs QUALIFY place <= {shapes.MOST_ALIKE}
    """
    whole = duck.sql(
        f"SELECT COUNT(DISTINCT n) FROM (SELECT COUNT(*) AS n FROM ({with_hours('SELECT * FROM hourly', 'alike')}) "
        "GROUP BY metering_point_id)"
    ).fetchall()
    if whole == [(1,)]:
        # Lists hold an hour by its place: where a series lacks hours, hours are joined.
        tasks["cosine"] = lambda: duck.sql(with_hours(vectors, "alike")).to_arrow_table()
    return tasks


def plain_read(given: Given) -> Tasks:
    """Every byte of the files, read and thrown away."""

    def read() -> None:
        for file in given.files:
            Path(file).read_bytes()

    return dict.fromkeys(shapes.RESULTS, read)


# --- data frames -----------------------------------------------------------------------------------------


def pandas(given: Given) -> Tasks:
    """Frames in memory."""
    import pandas as pd

    temperature = pq.read_table(given.temperature).to_pandas(date_as_object=False)
    by_day = ds.partitioning(pa.schema([("day", pa.date32())]), flavor="hive")

    def believed(columns: list[str], points: tuple[str, ...] = ()) -> Any:
        where = ds.field("quality").isin(list(BELIEVED)) & (ds.field("kwh") >= 0)
        if points:
            where &= ds.field("metering_point_id").isin(list(points))
        rows = ds.dataset(list(given.files), format="parquet", partitioning=by_day).to_table(columns, where)
        return rows.to_pandas(strings_to_categorical=True, date_as_object=False)

    def hourly(points: tuple[str, ...] = ()) -> Any:
        rows = believed(["metering_point_id", "day", "interval_start", "interval_minutes", "kwh"], points)
        rows["hour"] = rows.interval_start.dt.tz_convert(given.run.time_zone).dt.hour
        rows["kw"] = rows.kwh * 60 / rows.interval_minutes
        return rows.groupby(["metering_point_id", "day", "hour"], observed=True).kw.mean().round(6)

    def roll_up() -> pa.Table:
        rows = believed(["metering_point_id", "day", "kwh", "interval_minutes"])
        rows["max_kw"] = rows.kwh * 60 / rows.interval_minutes
        days = rows.groupby(["metering_point_id", "day"], observed=True).agg(
            kwh=("kwh", "sum"), max_kw=("max_kw", "max")
        )
        days = days.reset_index().rename(columns={"day": "starts_on"})
        month = days.starts_on.dt.to_period("M").dt.to_timestamp()
        months = days.assign(starts_on=month).groupby(["metering_point_id", "starts_on"], observed=True)
        months = months.agg(kwh=("kwh", "sum"), max_kw=("max_kw", "max")).reset_index()
        both = pd.concat([days.assign(grain="day"), months.assign(grain="month")])
        return pa.Table.from_pandas(both, preserve_index=False)

    def histogram() -> pa.Table:
        rows = believed(["metering_point_id", "kwh"])
        group = rows.groupby("metering_point_id", observed=True).kwh
        low, high = group.transform("min"), group.transform("max")
        place = (rows.kwh - low) * shapes.BUCKETS / (high - low)
        rows["bucket"] = np.minimum(np.floor(place).fillna(0), shapes.BUCKETS - 1).astype(int)
        counts = rows.groupby(["metering_point_id", "bucket"], observed=True).size().rename("intervals")
        return pa.Table.from_pandas(counts.reset_index(), preserve_index=False)

    def lines() -> pa.Table:
        rows = hourly().reset_index().merge(temperature, on="day")
        found = rows.groupby(["metering_point_id", "degree"], observed=True).kw.quantile([0.1, 0.9]).unstack()
        found = found.set_axis(["p10", "p90"], axis=1).reset_index()
        found["metering_point_id"] = found.metering_point_id.astype(str)
        return shapes.lines_of_percentiles(pa.Table.from_pandas(found, preserve_index=False))

    def regressions() -> pa.Table:
        wide = hourly().unstack("day")
        known = temperature.set_index("day").mean_c
        days = pd.date_range(wide.columns.min(), wide.columns.max())
        enough, moments = shapes.moments_of_days(
            wide.reindex(columns=days).to_numpy().T, known.reindex(days).to_numpy()
        )
        table = pa.Table.from_pandas(pd.DataFrame(moments, columns=shapes.MOMENTS))
        for name in ("metering_point_id", "hour"):
            table = table.append_column(name, pa.array(wide.index.get_level_values(name)))
        return shapes.par_of_moments(table.filter(pa.array(enough)))

    def alike() -> pa.Table:
        wide = hourly(given.alike).unstack(["day", "hour"]).fillna(0)
        return shapes.most_alike([str(name) for name in wide.index], wide.to_numpy())

    return {
        "roll-up": roll_up, "histogram": histogram, "3-line": lines, "PAR": regressions, "cosine": alike,
    }  # fmt: skip


def polars(given: Given) -> Tasks:
    """Lazy frames, collected by the streaming engine."""
    import polars as pl

    point, kwh, kw = pl.col("metering_point_id"), pl.col("kwh"), pl.col("kw")
    temperature = pl.scan_parquet(given.temperature)
    believed = pl.scan_parquet(list(given.files), hive_partitioning=True).filter(
        pl.col("quality").is_in(list(BELIEVED)), kwh >= 0
    )
    power = (kwh * 60 / pl.col("interval_minutes")).alias("kw")
    hour = pl.col("interval_start").dt.convert_time_zone(given.run.time_zone).dt.hour().cast(pl.Int32)
    hourly = believed.group_by(point, "day", hour.alias("hour")).agg(power.mean().round(6).alias("kw"))

    def collected(frame: Any) -> pa.Table:
        return frame.collect(engine="streaming").to_arrow()

    def roll_up() -> pa.Table:
        days = believed.group_by(point, pl.col("day").alias("starts_on")).agg(
            kwh.sum(), power.max().alias("max_kw")
        )
        months = days.group_by(point, pl.col("starts_on").dt.truncate("1mo")).agg(
            kwh.sum(), pl.col("max_kw").max()
        )
        parts = [
            days.with_columns(grain=pl.lit("day")),
            months.with_columns(grain=pl.lit("month")).select(
                "metering_point_id", "starts_on", "kwh", "max_kw", "grain"
            ),
        ]
        return collected(pl.concat(parts))

    def histogram() -> pa.Table:
        bounds = believed.group_by(point).agg(low=kwh.min(), high=kwh.max())
        width = pl.col("high") - pl.col("low")
        place = ((kwh - pl.col("low")) * shapes.BUCKETS / width).floor().clip(0, shapes.BUCKETS - 1)
        bucket = pl.when(width > 0).then(place).otherwise(0).cast(pl.Int32).alias("bucket")
        placed = believed.join(bounds, on="metering_point_id").select(point, bucket)
        return collected(placed.group_by("metering_point_id", "bucket").agg(intervals=pl.len()))

    def lines() -> pa.Table:
        found = (
            hourly.join(temperature, on="day")
            .group_by("metering_point_id", "degree")
            .agg(p10=kw.quantile(0.1, "linear"), p90=kw.quantile(0.9, "linear"))
        )
        return shapes.lines_of_percentiles(collected(found))

    def regressions() -> pa.Table:
        names = ["lag_1", "lag_2", "lag_3", "mean_c", "kw"]
        pairs = [(a, b) for at, a in enumerate(names[:4]) for b in names[at:4]] + [
            (a, "kw") for a in names[:4]
        ]
        lagged = hourly.join(temperature, on="day").sort("metering_point_id", "hour", "day")
        over = ["metering_point_id", "hour"]
        lagged = lagged.with_columns(
            *(kw.shift(lag).over(over).alias(f"lag_{lag}") for lag in range(1, 4)),
            first_day=pl.col("day").shift(3).over(over),
        ).filter(pl.col("first_day") == pl.col("day") - pl.duration(days=3))
        moments = lagged.group_by(over).agg(
            *(pl.col(name).mean().alias(f"mean_{name}") for name in names),
            *(pl.cov(a, b, ddof=0).alias(f"cov_{a}_{b}") for a, b in pairs),
            days=pl.len(),
        )
        return shapes.par_of_moments(collected(moments.filter(pl.col("days") >= shapes.FEWEST_DAYS)))

    def alike() -> pa.Table:
        rows = hourly.filter(point.is_in(list(given.alike))).collect(engine="streaming")
        wide = rows.pivot(on=["day", "hour"], index="metering_point_id", values="kw").fill_null(0)
        return shapes.most_alike(
            wide["metering_point_id"].to_list(), wide.drop("metering_point_id").to_numpy()
        )

    return {
        "roll-up": roll_up, "histogram": histogram, "3-line": lines, "PAR": regressions, "cosine": alike,
    }  # fmt: skip


# --- servers ---------------------------------------------------------------------------------------------


def postgresql(given: Given) -> Tasks:
    """The product's PostgreSQL, its tables loaded and analysed before (``load_postgresql``)."""
    from adbc_driver_postgresql import dbapi

    connection = dbapi.connect(given.database, autocommit=True)
    cursor = connection.cursor()
    cursor.execute("SET work_mem = '256MB'")
    cursor.execute(f"SET TimeZone = '{given.settings.zone.key}'")

    def ask(text: str) -> pa.Table:
        cursor.execute(text)
        return cursor.fetch_arrow_table()

    return in_sql(ask)


def load_postgresql(given: Given) -> None:
    """Fill the tables that PostgreSQL is asked over, with the key that a user would give them."""
    from adbc_driver_postgresql import dbapi

    tables = {
        "reading": ds.dataset(
            list(given.files), format="parquet", partitioning=ds.partitioning(pa.schema([("day", pa.date32())]), flavor="hive")
        ).scanner(columns=COLUMNS).to_reader(),
        "temperature": pq.read_table(given.temperature).to_reader(),
        "alike": pa.table({"metering_point_id": list(given.alike)}).to_reader(),
    }  # fmt: skip
    with dbapi.connect(given.database, autocommit=True) as connection, connection.cursor() as cursor:
        for name, rows in tables.items():
            cursor.execute(f"DROP TABLE IF EXISTS {name}")
            cursor.adbc_ingest(name, rows, mode="create")
        cursor.execute("ALTER TABLE reading ADD PRIMARY KEY (metering_point_id, interval_start)")
        for name in tables:
            cursor.execute(f"VACUUM (ANALYZE) {name}")


def spark(given: Given) -> Tasks:
    """Spark SQL on the threads of the settings, by the product's own start of it."""
    engine = start_spark(given.settings)
    engine.read.option("basePath", given.root).parquet(*given.files).createOrReplaceTempView("reading")
    engine.read.parquet(given.temperature).createOrReplaceTempView("temperature")
    engine.createDataFrame(
        [(name,) for name in given.alike], "metering_point_id string"
    ).createOrReplaceTempView("alike")
    return in_sql(lambda text: engine.sql(text).toArrow())


SIDES: dict[str, Callable[[Given], Tasks]] = {
    "Wattmark": wattmark,
    "hand-written DuckDB": hand_written,
    "plain read": plain_read,
    "pandas": pandas,
    "polars": polars,
    "PostgreSQL": postgresql,
    "Spark": spark,
}
"""What makes each side, by name; ratios are to the first."""
