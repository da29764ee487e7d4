"""One session of work on the lake: sees tables, computes derived ones, stores them.

A session belongs to one task and one run. Both engines read the same Delta files and the same SQL
files; what a file means is decided here once: the run's values, the utility's parameters, its time zone.
"""

from __future__ import annotations

import shutil
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from sqlglot import exp

from wattmark.contract import Contract, load_contract
from wattmark.contract.types import duckdb_types, nothing, schema_of
from wattmark.engine.catalog import KNOWN_LAYER, SOURCE_LAYER, Catalog, TableDefinition, catalog_of
from wattmark.engine.compared import stored_rows
from wattmark.engine.duck import attached, detach, own_duck
from wattmark.engine.idioms import parsed
from wattmark.engine.incremental import Part, part_of, restrict
from wattmark.engine.made import Maker, made_note, stamp_of
from wattmark.engine.produced import PRODUCED
from wattmark.engine.python_table import PythonTable, TableContext
from wattmark.engine.sqlfile import SqlFile, engine_error, flat_name, literal, render
from wattmark.errors import SqlFileError
from wattmark.lake import Counted, Lake, RowsError
from wattmark.run import Run
from wattmark.settings import Settings

ACCEPTED = "accepted"
DERIVED_LAYERS = ("core", "facts", "segment", "campaign", "audit", "cases", "kpi", "mart", "mart_pii")
"""Layers whose tables the catalog knows, in the order of a night."""


class Session(ABC):
    """Tables of one run on one engine. Use as a context manager.

    Args:
        settings: the utility's settings.
        run: the run; its values replace the placeholders.
        catalog: derived tables; read from the project where None.
        stored: False keeps everything built in memory and reads nothing from the lake (tests, the counter).
        versions: lake version to read by table, for replaying an earlier night.
        reads: which tables of the lake may be read, by ``layer.table``; all where stored, none where not, unless
            said. With ``stored=False`` what may not be read is built in memory.
        spool: with ``stored=False``, what is built is kept in files of the session's scratch folder and not in memory.
        shared: with ``stored=False``, the session has a database of its own in a DuckDB that all such sessions of the
            process share (a DuckDB of its own takes 20 ms to start and end). For few rows: it spills to the system's
            temporary folder, and cursors of its connection do not see its tables.
    """

    def __init__(
        self,
        settings: Settings,
        run: Run,
        catalog: Catalog | None = None,
        *,
        stored: bool = True,
        versions: Mapping[str, int] | None = None,
        reads: Callable[[str], bool] | None = None,
        spool: bool = False,
        shared: bool = False,
    ) -> None:
        self.settings = settings
        self.run = run
        self._catalog = catalog
        self.lake = Lake(settings.lake)
        self.stored, self._spool = stored, spool
        self.spooled: dict[str, Path] = {}
        """Files that are read in place of tables, by ``layer.table``."""
        self.versions = dict(versions or {})
        self._reads = reads or (lambda _: stored)
        self.scalars = run.scalars()
        self.known_on = run.as_of
        """The day whose end the tables of layer ``known`` speak of; set it before any of them is seen."""
        self._known: set[str] = set()
        self._given: set[str] = set()
        self._from_lake: set[str] = set()
        self._parts: dict[str, Part] = {}
        settings.scratch.mkdir(parents=True, exist_ok=True)
        self.scratch = Path(tempfile.mkdtemp(prefix="session-", dir=settings.scratch))
        """The session's own folder for files, which goes with it."""
        compute = settings.compute.threads, settings.compute.memory_limit_mb
        self._database: str | None = None
        if shared:
            self.duck, self._database = attached(*compute)
        else:
            self.duck = own_duck(*compute, self.scratch)
        self.duck.execute("SET enable_progress_bar = false")
        self.duck.execute(f"SET TimeZone = '{settings.zone.key}'")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back memory and spill files."""
        if self._database:
            detach(self.duck, self._database)
            self._database = None
        else:
            self.duck.close()
        shutil.rmtree(self.scratch, ignore_errors=True)

    @property
    def catalog(self) -> Catalog:
        """Derived tables; read when first needed, since extracting needs none."""
        if self._catalog is None:
            self._catalog = catalog_of(self.settings)
        return self._catalog

    @cached_property
    def contract(self) -> Contract:
        """The source contract."""
        return load_contract(self.settings.include / "contract" / "source-model.yaml")

    @cached_property
    def overrides(self) -> dict[str, dict[str, Any]]:
        """The utility's parameter values by table."""
        return self.catalog.overrides(self.settings)

    @property
    def maker(self) -> Maker:
        """Says what tables are made of in this session."""
        stamp = partial(stamp_of, self.lake, self.versions)
        return Maker(self.settings, self.catalog, self.overrides, stamp)

    # --- seeing tables ---------------------------------------------------------------------------

    def give(self, name: str, rows: pa.Table | pa.RecordBatchReader) -> None:
        """Put rows in place of a table for the rest of the session."""
        self._make_way(name)
        schema, table = name.split(".")
        self.duck.register("_given", rows)
        self.duck.execute(f'CREATE OR REPLACE TABLE "{schema}"."{table}" AS SELECT * FROM _given')
        self.duck.unregister("_given")
        self._known.add(name)
        self._given.add(name)

    def knows(self, name: str) -> None:
        """Note that a table stands under its name already."""
        self._known.add(name)

    def _make_way(self, name: str) -> None:
        """Let a table be made under a name: its schema is there, and no view that this session made.

        What never stood here need not be asked for, which takes longer than making a small table.
        """
        self.duck.execute(f'CREATE SCHEMA IF NOT EXISTS "{name.split(".")[0]}"')
        if name in self._known and name not in self._given:
            self._drop(name)

    def _drop(self, name: str) -> None:
        schema, table = name.split(".")
        if name in self._given:
            # Asking what stands under a name takes longer than dropping it.
            self._given.discard(name)
            self.duck.execute(f'DROP TABLE IF EXISTS "{schema}"."{table}"')
            return
        for kind, relation in self.duck.execute(
            "SELECT table_type, table_name FROM information_schema.tables WHERE table_catalog = CURRENT_DATABASE() "
            "AND table_schema = ? AND table_name = ?",
            [schema, table],
        ).fetchall():
            self.duck.execute(f'DROP {"VIEW" if kind == "VIEW" else "TABLE"} "{schema}"."{relation}"')

    def see(self, names: Iterable[str]) -> None:
        """Make tables readable on DuckDB by their names: from the lake, or as views where they are views."""
        for name in names:
            if name in self._known:
                continue
            self._make_way(name)
            schema, table = name.split(".")
            if schema in (SOURCE_LAYER, KNOWN_LAYER) and table in self.contract.tables:
                self.see([f"{ACCEPTED}.{table}"])
                body = self._as_known(schema, table).sql(dialect="duckdb")
                self.duck.execute(f'CREATE VIEW "{schema}"."{table}" AS {body}')
            elif (
                (definition := self._derived(name)) is not None
                and definition.is_view
                and isinstance(definition, SqlFile)
            ):
                self.see(sorted(definition.references))
                self.duck.execute(f'CREATE VIEW "{schema}"."{table}" AS {self.text_of(definition)}')
            elif name in self.spooled:
                rows = literal(str(self.spooled[name])).sql(dialect="duckdb")
                self.duck.execute(f'CREATE VIEW "{schema}"."{table}" AS SELECT * FROM read_parquet({rows})')
            elif self._reads(name) and self.lake.exists(name):
                self._see_lake(name)
            elif schema == ACCEPTED and table in self.contract.tables:
                empty = nothing(duckdb_types(self.contract.tables[table].accepted_schema))
                self.duck.execute(f'CREATE VIEW "{schema}"."{table}" AS {empty}')
            elif name in PRODUCED:
                empty = nothing(duckdb_types(PRODUCED[name]))
                self.duck.execute(f'CREATE VIEW "{schema}"."{table}" AS {empty}')
            elif not self.stored and definition is not None:
                self.build(name)
                self.see([name] if name in self.spooled else [])
            else:
                raise SqlFileError(
                    "lake.missing", f"{name} is not in the lake yet.", "Run the steps before this one first."
                )
            self._known.add(name)

    def _derived(self, name: str) -> TableDefinition | None:
        return self.catalog.tables.get(name) if name.split(".")[0] in DERIVED_LAYERS else None

    def _see_lake(self, name: str) -> None:
        schema, table = name.split(".")
        self._from_lake.add(name)
        version = self.versions.get(name)
        files = self.lake.files(name, version)
        arrow = self._schema_of(name)
        partitions = self.lake.partition_columns(name, version)
        rows = stored_rows(files, arrow, partitions)
        if (
            files
            and (name.startswith(f"{ACCEPTED}.") or name in PRODUCED)
            and not set(arrow.names) <= {*_columns(files[-1]), *partitions}
        ):
            # Columns that came later may be in some files, or in none.
            rows = f"(SELECT * FROM {rows} UNION ALL BY NAME {nothing(duckdb_types(arrow))})"
        columns = ", ".join(f'"{field.name}"' for field in arrow)
        body = f"SELECT {columns} FROM {rows}{self._where(arrow.names)}"
        self.duck.execute(f'CREATE VIEW "{schema}"."{table}" AS {body}')

    def _where(self, columns: Sequence[str]) -> str:
        """The condition, if any, under which a row of a table of the lake with some columns is looked at."""
        return ""

    def _schema_of(self, name: str) -> pa.Schema:
        """Columns of a table in the lake; of an accepted or produced one all that it has today, whenever it was written."""
        stored = self.lake.schema(name, self.versions.get(name))
        layer, table = name.split(".")
        if layer == ACCEPTED and table in self.contract.tables:
            today = self.contract.tables[table].accepted_schema
        elif name in PRODUCED:
            today = schema_of(PRODUCED[name])
        else:
            return stored
        have = set(stored.names)
        later = [field for field in today if field.name not in have]
        return pa.schema([*stored, *later])

    def forget(self, name: str) -> None:
        """Read a table anew from the lake when it is next used."""
        if name in self._known:
            self._drop(name)
            self._known.discard(name)

    def _as_known(self, layer: str, table: str) -> exp.Expression:
        """The accepted rows of a contract table as a layer shows them."""
        body = parsed(self.contract.tables[table].as_of_sql(f"{ACCEPTED}.{table}"))
        if layer == SOURCE_LAYER:
            return self._bind(body)
        return self._bind(body, Run.of(self.known_on, self.run.time_zone).scalars())

    # --- asking ----------------------------------------------------------------------------------

    def _bind(self, statement: exp.Expression, values: Mapping[str, Any] | None = None) -> exp.Expression:
        known = self.scalars | dict(values or {})

        def replace(node: exp.Expression) -> exp.Expression:
            if isinstance(node, exp.Placeholder):
                return literal(known[str(node.this)])
            return node

        return statement.copy().transform(replace, copy=False)

    def query(self, sql: str | exp.Expression, **values: Any) -> pa.RecordBatchReader:
        """Rows of a query in DuckDB's dialect, streamed; tables it names are made readable first.

        Always runs on DuckDB: what is asked for here is small, or is Python's to compute.
        """
        statement = parsed(sql) if isinstance(sql, str) else sql
        self.see(sorted({f"{node.db}.{node.name}" for node in statement.find_all(exp.Table) if node.db}))
        return self.duck.sql(self._bind(statement, values).sql(dialect="duckdb")).to_arrow_reader()

    def statement_of(self, file: SqlFile) -> exp.Expression:
        """A file's statement with the run's values and the utility's parameters in place."""
        statement = file.bound(self.scalars, self.overrides.get(file.name))
        part = self._parts.get(file.name)
        return statement if part is None or part.parts is None else restrict(statement, part)

    def text_of(self, file: SqlFile, dialect: str = "duckdb") -> str:
        """A file's bound statement as text for an engine."""
        if file.name in self._parts:
            return render(self.statement_of(file), dialect)
        return file.bound_text(self.scalars, self.overrides.get(file.name), dialect=dialect)

    # --- making ----------------------------------------------------------------------------------

    def build(self, name: str) -> int:
        """Compute one derived table and keep it; returns its number of rows.

        Raises:
            SqlFileError: the file does not run; names file and line.
        """
        definition = self.catalog.tables[name]
        if definition.is_view:
            return 0
        part = part_of(definition, self) if self.stored else None
        if part is not None:
            if part.is_nothing:
                return 0
            self._parts[name] = part
        try:
            if isinstance(definition, PythonTable):
                self.see(sorted(definition.references))
                rows: Any = definition.make(TableContext(self.settings, self.run, self))
                return self._keep(name, rows)
            return self._build_sql(definition)
        finally:
            self._parts.pop(name, None)

    def _build_sql(self, file: SqlFile) -> int:
        try:
            relation = self.duck.sql(self.result_sql(file))
            for column, kind in zip(relation.columns, relation.types, strict=True):
                if str(kind) == "HUGEINT":
                    raise file.error("sql.hugeint", f"{column} is a HUGEINT; write INTEGER_SUM(…).", column)
            return self._keep(file.name, relation.to_arrow_reader())
        except (duckdb.Error, RowsError) as error:
            # A damaged file fails in the engine as a wrong statement would.
            self.lake.require(name for name in sorted(self._from_lake) if name not in self.versions)
            raise engine_error(file, error) from None

    def keep_in_memory(self, name: str) -> None:
        """Compute a SQL file on DuckDB into the session and nowhere else, whether it is a view or not.

        Raises:
            SqlFileError: the file does not run; names file and line.
        """
        file = self.catalog.tables[name]
        if not isinstance(file, SqlFile):
            raise SqlFileError("sql.not_a_file", f"{name} is made by no SQL file.")
        self.see(sorted(file.references))
        self._make_way(name)
        schema, table = name.split(".")
        try:
            self.duck.execute(f'CREATE OR REPLACE TABLE "{schema}"."{table}" AS {self.text_of(file)}')
        except duckdb.Error as error:
            raise engine_error(file, error) from None
        self._known.add(name)
        self._given.add(name)

    @abstractmethod
    def result_sql(self, file: SqlFile) -> str:
        """SQL text for DuckDB that reads a file's result, wherever it was computed."""

    def _keep(self, name: str, rows: pa.Table | pa.RecordBatchReader) -> int:
        counted = Counted(rows)
        if self.stored:
            note = made_note(self.maker.made(name))
            self.forget(name)
            part = self._parts.get(name)
            self.lake.replace(
                name,
                counted.reader,
                partition_by=part.partition_by if part else (),
                where=part.where if part else None,
                metadata={"run_id": self.run.run_id} | note | (part.note if part else {}),
                computed=True,
            )
        elif self._spool:
            target = self.scratch / f"{name}.parquet"
            with pq.ParquetWriter(target, counted.reader.schema) as writer:
                for batch in counted.reader:
                    writer.write_batch(batch)
            self.forget(name)
            self.spooled[name] = target
        else:
            # A result still being read would block the connection that stores it.
            self.give(name, counted.reader.read_all())
        return counted.rows


class DuckDBSession(Session):
    """Computes on DuckDB, streaming into the lake."""

    def result_sql(self, file: SqlFile) -> str:
        """The file's own statement, with what it reads made readable."""
        self.see(sorted(file.references))
        return self.text_of(file)


class SparkSession(Session):
    """Computes on Apache Spark (local unless configured otherwise), reading the same files.

    Needs the ``spark`` extra. Python tables and small questions stay on DuckDB.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        from wattmark.engine.spark import start_spark

        self.spark = start_spark(self.settings)
        self._on_spark: dict[str, bool] = {}

    def close(self) -> None:
        """Drop this session's views; the Spark application itself is shared and stays."""
        for view in self._on_spark:
            self.spark.catalog.dropTempView(view)
        super().close()

    def see_on_spark(self, names: Iterable[str]) -> None:
        """Make tables readable on Spark by their flat names."""
        for name in names:
            view = flat_name(name)
            if view in self._on_spark:
                continue
            definition = self.catalog.tables.get(name)
            layer, table = name.split(".")
            if layer in (SOURCE_LAYER, KNOWN_LAYER):
                self.see_on_spark([f"{ACCEPTED}.{table}"])
                self.spark.sql(render(self._as_known(layer, table), "spark")).createOrReplaceTempView(view)
            elif isinstance(definition, SqlFile) and definition.is_view:
                self.see_on_spark(sorted(definition.references))
                self.spark.sql(self.text_of(definition, "spark")).createOrReplaceTempView(view)
            else:
                self._see_files(name, view)
            self._on_spark[view] = True

    def _see_files(self, name: str, view: str) -> None:
        files = self.lake.files(name, self.versions.get(name)) if self.lake.exists(name) else []
        if files:
            reader = self.spark.read.option("basePath", str(self.lake.path(name)))
            if name.startswith(f"{ACCEPTED}."):
                # Files of earlier nights may lack columns, which Spark would take from one of them.
                reader = reader.schema(_spark_schema(self._schema_of(name)))
            frame = reader.parquet(*files)
        else:
            # An empty table still has its columns: DuckDB writes them once, Spark reads the file.
            self.see([name])
            target = self.scratch / f"{view}.parquet"
            pq.write_table(self.query(f"SELECT * FROM {name}").read_all(), target)
            frame = self.spark.read.parquet(str(target))
        frame.createOrReplaceTempView(view)

    def result_sql(self, file: SqlFile) -> str:
        """Runs the file on Spark into scratch files and reads those."""
        self.see_on_spark(sorted(file.references))
        target = self.scratch / flat_name(file.name)
        try:
            self.spark.sql(self.text_of(file, "spark")).write.mode("overwrite").parquet(str(target))
        except Exception as error:
            raise engine_error(file, error) from None
        self._on_spark.pop(flat_name(file.name), None)
        return f"SELECT * FROM read_parquet({literal(str(target) + '/*.parquet').sql(dialect='duckdb')})"


def open_session(settings: Settings, run: Run, **options: Any) -> Session:
    """A session on the engine the settings name (see Session for the options)."""
    kind = SparkSession if settings.compute.engine == "spark" else DuckDBSession
    return kind(settings, run, **options)


def _columns(file: str) -> list[str]:
    """Names of a file's columns; none of one that is broken, which whoever reads its rows is told of."""
    try:
        return list(pq.read_schema(file).names)
    except (pa.ArrowInvalid, OSError):
        return []


def _spark_schema(schema: pa.Schema) -> Any:
    from pyspark.sql.pandas.types import from_arrow_schema

    return from_arrow_schema(schema)
