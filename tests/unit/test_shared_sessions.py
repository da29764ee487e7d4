"""Sessions that share a DuckDB: each sees its own tables alone, however the others come and go."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from wattmark.engine.catalog import load_catalog
from wattmark.engine.session import DuckDBSession
from wattmark.run import Run
from wattmark.settings import load_settings

Opener = Callable[[str], DuckDBSession]


@pytest.fixture
def opened(tmp_path: Path) -> Opener:
    settings = load_settings(tmp_path)
    catalog = load_catalog(settings.include)

    def shared(zone: str) -> DuckDBSession:
        own = settings.model_copy(update={"utility": settings.utility.model_copy(update={"time_zone": zone})})
        return DuckDBSession(own, Run.of(dt.date(2026, 11, 2), zone), catalog, stored=False, shared=True)

    return shared


def holidays_of(session: DuckDBSession) -> int:
    return int(
        session.query("SELECT COUNT(*) AS n FROM core.calendar WHERE is_holiday").read_all()["n"][0].as_py()
    )


def test_none_sees_what_another_holds(opened: Opener) -> None:
    with opened("Asia/Shanghai") as first, opened("Europe/Berlin") as second:
        first.give("core.phone", pa.table({"raw": ["1"]}))
        second.give("core.phone", pa.table({"raw": ["2", "3"]}))
        assert [
            session.query("SELECT COUNT(*) AS n FROM core.phone").read_all()["n"][0].as_py()
            for session in (first, second)
        ] == [1, 2]
        zone = "SELECT current_setting('TimeZone')"
        assert [session.duck.execute(zone).fetchall() for session in (first, second)] == [
            [("Asia/Shanghai",)],
            [("Europe/Berlin",)],
        ]
        # A table that gives way to a view of the same name is this session's alone.
        first.forget("core.phone")
        assert len(second.query("SELECT * FROM core.phone").read_all()) == 2


def test_closing_takes_its_own_tables_and_no_others(opened: Opener) -> None:
    first = opened("Asia/Shanghai")
    with opened("Asia/Shanghai") as second:
        second.give("core.phone", pa.table({"raw": ["2"]}))
        first.close()
        first.close()
        assert len(second.query("SELECT * FROM core.phone").read_all()) == 1
        names = second.duck.execute(
            "SELECT COUNT(*) FROM duckdb_databases() WHERE database_name LIKE 'session%'"
        )
        before = names.fetchall()
        with opened("Asia/Shanghai"):
            pass
        names = second.duck.execute(
            "SELECT COUNT(*) FROM duckdb_databases() WHERE database_name LIKE 'session%'"
        )
        assert names.fetchall() == before


def test_a_process_that_was_forked_begins_its_own(opened: Opener) -> None:
    with opened("Asia/Shanghai") as session:
        days = holidays_of(session)
    child = os.fork()
    if not child:
        # The parent's threads are not here, so that a question to its DuckDB would wait for ever.
        with opened("Asia/Shanghai") as session:
            os._exit(0 if holidays_of(session) == days else 1)
    assert os.waitpid(child, 0)[1] == 0
