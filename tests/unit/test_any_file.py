"""Any table in any file: the same rows, or a refusal that says where and what to do; nothing else."""

from __future__ import annotations

import datetime as dt
import gzip
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.examples import at_length
from tests.unit.file_dialects import (
    ZONE,
    Row,
    as_python,
    csv_writings,
    int96_file,
    parquet_writings,
    read,
    typed,
)
from wattmark.contract import Column, Table, load_contract
from wattmark.errors import SourceError
from wattmark.quality.reading import is_code
from wattmark.settings import Settings, load_settings
from wattmark_sample import FolderSink, SamplePlan, generate

CONTRACT = load_contract()
TABLES = ("customer", "account", "bill", "bill_line", "payment", "meter", "tariff_rate", "interval_reading", "transformer",
          "register_reading", "staff")  # fmt: skip
NO_SHRINKING = {"deadline": None, "suppress_health_check": list(HealthCheck), "phases": [Phase.generate]}
QUICK = settings(max_examples=40, derandomize=True, **NO_SHRINKING)
MANY = settings(max_examples=at_length(1000), derandomize=True, **NO_SHRINKING)

ODD_TEXTS = st.one_of(
    # What a spreadsheet wraps around a text is not the text's.
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12).filter(
        lambda text: not text.strip().startswith(("=", "'"))
    ),
    st.sampled_from(
        ['5" pipe', '"quoted"', "a\nb", "a\r\nb", "a\rb", "a,b;c\td|e", "\\N", "back\\slash", '\\"', "'", "安培 路", "  x ", ' "x"', "=1+1", ",", "\\\n"]
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Row]]:
    """Some rows of each table of a sample utility."""
    folder = tmp_path_factory.mktemp("sampled")
    generate(SamplePlan(accounts=40, interval_days=1, as_of=dt.date(2026, 10, 15)), FolderSink(folder))
    found: dict[str, list[Row]] = {}
    for name in TABLES:
        path = folder / f"{name}.parquet"
        if name == "interval_reading":
            path = next(folder.rglob("part-0.parquet"))
        table = CONTRACT.tables[name]
        rows = pq.read_table(path).slice(0, 60)
        # What the sample leaves out is empty.
        for column in table.columns:
            if column.name not in rows.column_names:
                rows = rows.append_column(column.name, pa.nulls(len(rows), column.arrow_type))
        rows = rows.select([column.name for column in table.columns])
        found[name] = as_python(table, rows)
    return found


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute(f"SET TimeZone = '{ZONE.key}'")
        yield connection


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return load_settings(tmp_path_factory.mktemp("home"))


def blank_as_read(column: Column, value: Any) -> Any:
    """What a text of white space only is to be: see checks.typed_select."""
    if column.type != "string" or column.key or value is None or value.strip():
        return value
    return None if column.optional else ""


@st.composite
def some_rows(draw: st.DrawFn, sampled: dict[str, list[Row]], *, blank: bool) -> tuple[Table, list[Row]]:
    """Rows of a table of the sample, free texts replaced by odd ones; ``blank`` where empty texts can be told."""
    table = CONTRACT.tables[draw(st.sampled_from(TABLES))]
    rows = [dict(row) for row in draw(st.lists(st.sampled_from(sampled[table.name]), max_size=7))]
    free = [c for c in table.columns if c.type == "string" and not is_code(c)]
    for row in rows:
        for column in free:
            if draw(st.booleans()):
                row[column.name] = draw(ODD_TEXTS)
            elif draw(st.integers(0, 5)) == 0:
                row[column.name] = None if column.optional else ""
        for column in table.columns:
            if column.optional and draw(st.integers(0, 9)) == 0:
                row[column.name] = None
        if not blank:
            for column in free:
                row[column.name] = row[column.name] or (None if column.optional else "")
    return table, rows


def parts_of(draw: st.DrawFn, rows: list[Row]) -> list[list[Row]]:
    """Rows over one to three files, in order."""
    cuts = sorted(draw(st.lists(st.integers(0, len(rows)), max_size=2)))
    return [rows[low:high] for low, high in zip([0, *cuts], [*cuts, len(rows)], strict=True)]


def written(draw: st.DrawFn, folder: Path, table: Table, parts: list[list[Row]], kind: str) -> dict[str, Any]:
    """Write a table's files, each in a dialect of its own; returns what the source's settings must say."""
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "gb18030", "utf-16", "utf-16-be"]))
    escape = draw(st.sampled_from([None, None, "\\"]))
    (folder / table.name).mkdir(parents=True)
    local = draw(st.booleans())
    for at, rows in enumerate(parts):
        columns = draw(st.permutations(table.columns))
        path = folder / table.name / str(at)
        if kind == "csv":
            draw(csv_writings(encoding, escape)).write(path, columns, rows)
        elif draw(st.integers(0, 5)) == 0:
            int96_file(path, columns, rows, local=local)
        else:
            draw(parquet_writings()).write(path, columns, rows)
    if kind == "csv":
        return {"encoding": encoding, "escape": escape}
    return {"int96": "local" if local else "utc"}


def check_same_rows(
    data: st.DataObject,
    kind: str,
    sampled: dict[str, list[Row]],
    duck: duckdb.DuckDBPyConnection,
    home: Settings,
) -> None:
    table, rows = data.draw(some_rows(sampled, blank=kind == "parquet"))
    parts = parts_of(data.draw, rows)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dialect = written(data.draw, folder, table, parts, kind)
        landed = read(folder, table, home, **dialect)
    assert landed["_problem"].to_pylist() == [None] * len(rows)
    expected = [{c.name: blank_as_read(c, row[c.name]) for c in table.columns} for row in rows]
    differing = [
        (column.name, was[column.name], found[column.name])
        for was, found in zip(expected, typed(duck, table, landed), strict=True)
        for column in table.columns
        if was[column.name] != found[column.name]
    ]
    assert differing == []
    files = [Path(name).name.split(".")[0] for name in landed["_file"].to_pylist()]
    assert files == [str(at) for at, part in enumerate(parts) for _ in part]


def damaged(data: st.DataObject, content: bytes) -> bytes:
    """A file's bytes with some of them lost, doubled or others."""
    for _ in range(data.draw(st.integers(1, 3))):
        if not content:
            break
        at = data.draw(st.integers(0, len(content) - 1))
        how = data.draw(st.sampled_from(["cut", "drop", "insert", "repeat"]))
        if how == "cut":
            content = content[:at]
        elif how == "drop":
            content = content[:at] + content[at + data.draw(st.integers(1, 5)) :]
        elif how == "insert":
            content = (
                content[:at]
                + data.draw(st.sampled_from([b'"', b",", b"\n", b"\r", b"\0", b"\xff", b"\\", b";", b" "]))
                + content[at:]
            )
        else:
            content = content[: at + 20] + content[at:]
    return content


def check_damage(data: st.DataObject, kind: str, sampled: dict[str, list[Row]], home: Settings) -> None:
    """A damaged file is refused by its name, or each line that is no row is set aside with its number and text."""
    table, rows = data.draw(some_rows(sampled, blank=False))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        dialect = written(data.draw, folder, table, [rows], kind)
        path = next((folder / table.name).iterdir())
        compressed = path.name.endswith(".gz") and data.draw(st.booleans())
        content = path.read_bytes()
        content = (
            gzip.compress(damaged(data, gzip.decompress(content)), 1)
            if compressed
            else damaged(data, content)
        )
        path.write_bytes(content)
        try:
            landed = read(folder, table, home, **dialect)
        except SourceError as error:
            assert str(path) in error.message
            assert error.remedy
            assert "Error" not in error.message
            return
    if kind == "parquet":
        return
    if path.name.endswith(".gz"):
        content = gzip.decompress(content)
    boms = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
    encoding = next((e for bom, e in boms.items() if content.startswith(bom)), dialect["encoding"])
    lines = re.split(r"\r\n|\r|\n", content.decode(encoding))
    for problem, text in zip(landed["_problem"].to_pylist(), landed["_text"].to_pylist(), strict=True):
        if problem is not None:
            at = re.fullmatch(r"csv line (\d+): .+", problem)
            assert at is not None
            assert lines[int(at.group(1)) - 1] == re.split(r"\r\n|\r|\n", text)[0]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_any_table_in_any_file_is_the_same_rows(
    kind: str, sampled: dict[str, list[Row]], duck: duckdb.DuckDBPyConnection, home: Settings
) -> None:
    QUICK(given(st.data())(lambda data: check_same_rows(data, kind, sampled, duck, home)))()


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_thousand_tables_in_any_file_are_the_same_rows(
    kind: str, sampled: dict[str, list[Row]], duck: duckdb.DuckDBPyConnection, home: Settings
) -> None:
    MANY(given(st.data())(lambda data: check_same_rows(data, kind, sampled, duck, home)))()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_damaged_file_is_refused_or_its_lines_set_aside(
    kind: str, sampled: dict[str, list[Row]], home: Settings
) -> None:
    QUICK(given(st.data())(lambda data: check_damage(data, kind, sampled, home)))()


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_many_damaged_files_are_refused_or_their_lines_set_aside(
    kind: str, sampled: dict[str, list[Row]], home: Settings
) -> None:
    settings(MANY, max_examples=at_length(250))(
        given(st.data())(lambda data: check_damage(data, kind, sampled, home))
    )()
