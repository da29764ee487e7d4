"""Folders of CSV or Parquet files: one file, or one folder of files, a table."""

from __future__ import annotations

import codecs
import datetime as dt
import gzip
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from wattmark.contract import Contract, Table
from wattmark.engine.sqlfile import literal
from wattmark.errors import SourceError
from wattmark.settings import Settings, SourceSettings
from wattmark.sources.base import FILE, PROBLEM, TEXT, Extracted, Source, Watermark

SUFFIXES = (".parquet", ".csv", ".csv.gz")
HEADER_BYTES = 1 << 16
"""Of a CSV file, in which its header must end."""


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(value: str) -> str:
    return str(literal(value).sql(dialect="duckdb"))


class FileSource(Source):
    """A folder of files; reading is DuckDB's, in bounded memory."""

    def __init__(self, settings: SourceSettings, contract: Contract, all_settings: Settings) -> None:
        super().__init__(settings, contract)
        self.folder = Path(settings.location).expanduser().resolve()
        if not self.folder.is_dir():
            raise SourceError(
                "source.no_folder", f"{self.folder}: there is no such folder.", "Check the source's location."
            )
        if not any(self.folder.iterdir()):
            raise SourceError(
                "source.empty",
                f"{self.folder}: the folder is empty.",
                "Put one file or one folder of files a table into it.",
            )
        all_settings.scratch.mkdir(parents=True, exist_ok=True)
        self._scratch = Path(tempfile.mkdtemp(prefix="files-", dir=all_settings.scratch))
        self.duck = duckdb.connect(
            config={
                "threads": all_settings.compute.threads,
                "memory_limit": f"{all_settings.compute.memory_limit_mb}MB",
                "temp_directory": str(self._scratch),
                "preserve_insertion_order": False,
            }
        )
        self.duck.execute("SET enable_progress_bar = false")
        self.duck.execute(f"SET TimeZone = '{all_settings.zone.key}'")

    def close(self) -> None:
        """Close DuckDB and remove what was re-encoded."""
        self.duck.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _files(self, table: Table) -> list[Path]:
        name = self.name_of(table)
        single = [self.folder / f"{name}{suffix}" for suffix in SUFFIXES]
        found = [path for path in single if path.is_file()]
        folder = self.folder / name
        if folder.is_dir():
            # A day's folder may be a link to another disk; pathlib's glob would pass it by in silence.
            found += [
                Path(parent) / name
                for parent, _, names in os.walk(folder, followlinks=True)
                for name in names
                if name.endswith(SUFFIXES) and not name.startswith((".", "_"))
            ]
        return sorted(found)

    def has(self, table: Table) -> bool:
        """Whether a file or folder of the table's name is there (an empty folder counts)."""
        return bool(self._files(table)) or (self.folder / self.name_of(table)).is_dir()

    def columns(self, table: Table) -> dict[str, list[str]]:
        """The names in the first and the newest files; every file must be one that may be read."""
        files = self._files(table)
        for path in files:
            if not os.access(path, os.R_OK):
                raise SourceError(
                    "source.unreadable", f"{path}: the file may not be read.", "Let the pipeline read it."
                )
        looked_at = [path for path in dict.fromkeys([*files[:1], *files[-2:]]) if path.stat().st_size]
        return {str(path): self._names_in(path) for path in looked_at}

    def _names_in(self, path: Path) -> list[str]:
        if path.suffix == ".parquet":
            return list(next(iter(self._by_shape("parquet", [path]))))
        # The beginning alone: a header is all that is wanted of what may be gigabytes.
        beginning = self._scratch / f"beginning-{path.name.removesuffix('.gz')}"
        try:
            opener = gzip.open if path.suffix == ".gz" else open
            with opener(path, "rb") as file:
                raw = file.read(HEADER_BYTES)
        except (OSError, EOFError):
            raise SourceError(
                "source.broken_file",
                f"{path}: not a whole compressed file ({path.stat().st_size} bytes).",
                "It may still be being written, or its copy broke off: provide it again and rerun.",
            ) from None
        cut = raw.rfind(b"\n") + 1
        beginning.write_bytes(raw[:cut] or raw)
        try:
            return list(next(iter(self._by_shape("csv", [self._utf8(beginning)]))))
        except SourceError as error:
            raise type(error)(
                error.code, error.message.replace(str(beginning), str(path)), error.remedy
            ) from None
        finally:
            beginning.unlink()

    def extract(self, table: Table, after: Watermark | None, lookback: dt.timedelta) -> Extracted:
        """Stream the table's files; of a table with ``since`` only those new or changed.

        In a folder with one folder a day, a day is read whole as soon as one of its files changed.
        """
        files = self._files(table)
        prints = {
            str(path.relative_to(self.folder)): (path.stat().st_size, path.stat().st_mtime_ns)
            for path in files
        }
        whole = after is None or table.since is None
        if not whole and after is not None:
            changed = {
                path.parent
                for path in files
                if after.files.get(name := str(path.relative_to(self.folder))) != prints[name]
            }
            single = {
                path for path in files if path.parent in (self.folder, self.folder / self.name_of(table))
            }
            files = [
                path
                for path in files
                if (
                    path in single
                    and after.files.get(name := str(path.relative_to(self.folder))) != prints[name]
                )
                or (path not in single and path.parent in changed)
            ]
        if not files:
            return Extracted(_empty(table), whole, (), (), prints)
        parquet = [path for path in files if path.suffix == ".parquet"]
        csv = [self._utf8(path) for path in files if path.suffix != ".parquet"]
        selects: list[str] = []
        unknown: set[str] = set()
        absent: set[str] | None = None
        try:
            for kind, paths in (("parquet", parquet), ("csv", csv)):
                # Files of one kind are read one shape at a time: a column that only some have is absent in others.
                for columns, group in self._by_shape(kind, paths).items():
                    matched, more, lacking = self.match(table, list(columns), f"{group[0]}")
                    unknown.update(more)
                    absent = set(lacking) if absent is None else absent & set(lacking)
                    selects.append(self._select(table, kind, group, matched, text=bool(csv)))
            rows = self.duck.sql(" UNION ALL ".join(selects)).to_arrow_reader(100_000)
        except duckdb.Error as error:
            raise self._unreadable(files, error) from None
        return Extracted(
            _guarded(rows, lambda error: self._unreadable(files, error)),
            whole,
            tuple(sorted(unknown)),
            tuple(sorted(absent or ())),
            prints,
        )

    def some(
        self,
        table: Table,
        *,
        among: tuple[str, Sequence[str]] | None = None,
        since: dt.datetime | None = None,
    ) -> pa.RecordBatchReader:
        """Stream the table's rows with one of the values; of any time, as files are not sorted by it."""
        rows = self.extract(table, None, dt.timedelta()).rows
        if among is None:
            return rows
        column, values = among
        wanted = pa.array(list(values), pa.string())

        def kept() -> Iterator[pa.RecordBatch]:
            for batch in rows:
                texts = pc.cast(batch.column(column), pa.string())
                yield batch.filter(pc.is_in(texts, value_set=wanted))

        return pa.RecordBatchReader.from_batches(rows.schema, kept())

    def rejects(self) -> list[dict[str, Any]]:
        """CSV lines that could not be split into columns in what was read last: file, line, why, text."""
        if not self.duck.execute(
            "SELECT 1 FROM duckdb_tables() WHERE table_name = 'reject_errors'"
        ).fetchall():
            return []
        rows = self.duck.execute(
            "SELECT s.file_path, e.line, e.error_message, e.csv_line FROM reject_errors e JOIN reject_scans s USING (scan_id, file_id) ORDER BY 1, 2"
        ).fetchall()
        seen: dict[tuple[str, int], dict[str, Any]] = {}
        for path, line, why, text in rows:
            seen.setdefault(
                (path, line), {FILE: self._label(Path(path)), PROBLEM: f"csv line {line}: {why}", TEXT: text}
            )
        return list(seen.values())

    def _label(self, path: Path) -> str:
        return str(path.relative_to(self.folder)) if path.is_relative_to(self.folder) else path.name

    def _by_shape(self, kind: str, paths: list[Path]) -> dict[tuple[str, ...], list[Path]]:
        shapes: dict[tuple[str, ...], list[Path]] = {}
        for path in paths:
            try:
                if kind == "parquet":
                    names = [
                        row[0]
                        for row in self.duck.execute(
                            "SELECT name FROM parquet_schema(?) WHERE num_children IS NULL OR num_children = 0",
                            [str(path)],
                        ).fetchall()
                    ]
                else:
                    names = [name.strip() for name in self._header(path)]
            except duckdb.Error as error:
                raise self._unreadable([path], error) from None
            shapes.setdefault(tuple(names), []).append(path)
        return shapes

    def _header(self, path: Path) -> list[str]:
        relation = self.duck.execute(
            f"DESCRIBE SELECT * FROM read_csv({_text(str(path))}, header = true, all_varchar = true, ignore_errors = true)"
        ).fetchall()
        return [row[0] for row in relation]

    def _select(
        self, table: Table, kind: str, paths: list[Path], matched: dict[str, str], *, text: bool
    ) -> str:
        listed = ", ".join(_text(str(path)) for path in paths)
        items = []
        for column in table.columns:
            if column.name not in matched:
                items.append(f"CAST(NULL AS VARCHAR) AS {_quote(column.name)}")
            elif text and kind == "parquet":
                items.append(f"CAST({_quote(matched[column.name])} AS VARCHAR) AS {_quote(column.name)}")
            elif (
                kind == "csv"
                and column.type == "string"
                and not (column.optional or column.key or column.ref or column.values)
            ):
                # CSV cannot tell an empty text from none; a required text that is blank is the audit's to find.
                items.append(f"COALESCE({_quote(matched[column.name])}, '') AS {_quote(column.name)}")
            else:
                items.append(f"{_quote(matched[column.name])} AS {_quote(column.name)}")
        items.append(f"replace(filename, {_text(str(self.folder) + '/')}, '') AS {_quote(FILE)}")
        items += [f"CAST(NULL AS VARCHAR) AS {_quote(PROBLEM)}", f"CAST(NULL AS VARCHAR) AS {_quote(TEXT)}"]
        if kind == "parquet":
            reader = f"read_parquet([{listed}], filename = true, hive_partitioning = false)"
        else:
            reader = (
                f"read_csv([{listed}], header = true, all_varchar = true, filename = true, hive_partitioning = false, "
                "ignore_errors = true, store_rejects = true, rejects_limit = 0, null_padding = false)"
            )
        return f"SELECT {', '.join(items)} FROM {reader}"

    def _utf8(self, path: Path) -> Path:
        """The file itself if it is UTF-8, else a re-encoded copy by the source's ``encoding`` setting."""
        if path.suffix == ".gz":
            return path
        encoding = codecs.lookup(self.settings.encoding).name
        decoder = codecs.getincrementaldecoder(encoding)()
        target = (
            self._scratch / f"{len(list(self._scratch.iterdir()))}-{path.name}"
            if encoding not in ("utf-8", "utf-8-sig")
            else None
        )
        out = target.open("w", encoding="utf-8", newline="") if target else None
        lines = 0
        try:
            with path.open("rb") as file:
                while chunk := file.read(1 << 20):
                    text = decoder.decode(chunk)
                    lines += chunk.count(b"\n")
                    if out:
                        out.write(text)
                decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            line = lines + 1 + error.object[: error.start].count(b"\n")
            raise SourceError(
                "source.encoding",
                f"{path}:{line}: the file is not {self.settings.encoding} text.",
                "Export it as UTF-8, or set the source's encoding in settings.yaml (such as gb18030).",
            ) from None
        finally:
            if out:
                out.close()
        return target or path

    def _unreadable(self, files: list[Path], error: Exception) -> SourceError:
        for path in files:
            if path.suffix == ".parquet":
                try:
                    self.duck.execute("SELECT COUNT(*) FROM parquet_metadata(?)", [str(path)])
                except duckdb.Error:
                    return SourceError(
                        "source.broken_file",
                        f"{path}: not a whole Parquet file ({path.stat().st_size} bytes).",
                        "It may still be being written, or its copy broke off: provide it again and rerun.",
                    )
        first = str(error).splitlines()[0]
        return SourceError(
            "source.unreadable", f"{files[0].parent}: {first}", "Provide the file again and rerun."
        )


def _empty(table: Table) -> pa.RecordBatchReader:
    fields = [pa.field(column.name, column.arrow_type) for column in table.columns]
    schema = pa.schema([*fields, *(pa.field(name, pa.string()) for name in (FILE, PROBLEM, TEXT))])
    return pa.RecordBatchReader.from_batches(schema, [])


def _guarded(rows: pa.RecordBatchReader, explain: Any) -> pa.RecordBatchReader:
    def batches() -> Any:
        try:
            yield from rows
        except Exception as error:
            raise explain(error) from None

    return pa.RecordBatchReader.from_batches(rows.schema, batches())
