"""What the warehouse's refusals become: a code and a remedy, and whether trying again may help."""

from __future__ import annotations

import psycopg
import pytest
from adbc_driver_manager import AdbcStatusCode
from adbc_driver_manager import dbapi as adbc

from wattmark.errors import PublishUnavailableError
from wattmark.publish.refusal import named


@pytest.mark.parametrize(
    ("state", "code", "passes"),
    [
        ("53100", "publish.disk_full", False),
        ("42501", "publish.forbidden", False),
        ("28P01", "publish.password", False),
        ("22021", "publish.value", False),
        ("22P05", "publish.value", False),
        ("22008", "publish.value", False),
        ("42P01", "publish.refused", False),
        ("XX000", "publish.refused", False),
        ("55P03", "publish.locked", True),
        ("53300", "publish.unavailable", True),
        ("57P01", "publish.unavailable", True),
        ("40P01", "publish.unavailable", True),
        ("08006", "publish.unavailable", True),
    ],
)
def test_each_state_has_a_code_and_says_whether_it_passes(state: str, code: str, passes: bool) -> None:
    for error in (
        psycopg.errors.lookup(state)("first line\nDETAIL: Failing row contains (Zhang San)."),
        adbc.DatabaseError(
            f"IO: [libpq] ERROR:  first line\nDETAIL: Failing row contains (Zhang San). SQLSTATE: {state}",
            status_code=AdbcStatusCode.IO, sqlstate=state,
        ),
    ):  # fmt: skip
        found = named(error, "mart.x")
        assert found.code == code
        assert isinstance(found, PublishUnavailableError) is passes
        assert found.message.startswith("mart.x: ")
        assert "still stands" in found.remedy
        assert "Zhang" not in str(found)


def test_no_answer_passes_and_names_the_column_where_it_is_known() -> None:
    assert isinstance(named(psycopg.OperationalError("connection refused")), PublishUnavailableError)
    error = adbc.DataError('ERROR:  invalid byte sequence for encoding "UTF8": 0x00', status_code=AdbcStatusCode.IO)  # fmt: skip
    assert named(error, "mart.x", "name").message.startswith("mart.x, column name: ")
