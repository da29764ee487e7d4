"""Addresses are shown without their secrets."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from wattmark.urls import masked, without_secrets

SECRET = "s3cr3t"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://u:s3cr3t@host:5432/db", "postgresql://u:***@host:5432/db"),
        ("postgresql://:s3cr3t@host/db", "postgresql://:***@host/db"),
        ("postgresql://u@host/db?password=s3cr3t&sslmode=require", "postgresql://u@host/db?password=***&sslmode=require"),
        ("postgresql://host/db?user=u&sslpassword=s3cr3t", "postgresql://host/db?user=u&sslpassword=***"),
        ("mysql+pymysql://u:p%40s3cr3t@host/db?charset=utf8", "mysql+pymysql://u:***@host/db?charset=utf8"),
        ("mssql+pyodbc:///?odbc_connect=DRIVER%3Dx%3BPWD%3Ds3cr3t", "mssql+pyodbc:///?odbc_connect=***"),
        ("snowflake://u@acc/db?token=s3cr3t&private_key=s3cr3t", "snowflake://u@acc/db?token=***&private_key=***"),
        ("https://hook.example/x?sig=s3cr3t&api_key=s3cr3t&Access-Token=s3cr3t", "https://hook.example/x?sig=***&api_key=***&Access-Token=***"),
        ("postgresql://u:p@s3cr3t/s3cr3t@host/db", "postgresql://u:***@host/db"),
        ("postgresql://u:p?s3cr3t@host/db", "postgresql://u:***@host/db"),
        ("postgresql://u:s3cr3t@host/db?application_name=a@b", "postgresql://u:***@host/db?application_name=a@b"),
        ("postgresql://u:s3cr3t@host:port/db", "postgresql://u:***@host:port/db"),
        ("sqlite:////data/crm.db", "sqlite:////data/crm.db"),
        ("host=h password=s3cr3t user=u", "host=h password=*** user=u"),
        ("Driver={X};Server=h;UID=u;PWD=s3cr3t;", "Driver={X};Server=h;UID=u;PWD=***;"),
        ("/data/meter-export", "/data/meter-export"),
        ("postgresql://h/db?keepalives=1&sslcert=/c.pem", "postgresql://h/db?keepalives=1&sslcert=/c.pem"),
    ],
)  # fmt: skip
def test_no_secret_of_an_address_is_shown(url: str, shown: str) -> None:
    assert masked(url) == shown
    assert SECRET not in masked(url)


def test_a_parsed_address_is_shown_like_its_text() -> None:
    url = sa.make_url("postgresql+psycopg://u:s3cr3t@host/db?password=s3cr3t")
    assert masked(url) == "postgresql+psycopg://u:***@host/db?password=***"


@pytest.mark.parametrize(
    "error",
    [
        'invalid integer value "s3cr3t@host" for connection option "port"',
        "cannot open postgresql://other:s3cr3t@elsewhere/db?token=abc",
        "refused: s3cr3t%21x, s3cr3t!x",
        "connection string user=u password='s3cr3t' host=h",
    ],
)
def test_no_error_gives_a_secret_away(error: str) -> None:
    shown = without_secrets(error, ["postgresql://u:s3cr3t@host/db", "x://u:s3cr3t%21x@h"])
    assert SECRET not in shown
    assert "***" in shown


def test_a_short_secret_does_not_tear_words_apart() -> None:
    assert without_secrets('no table "a", a table', ["x://u:a@h"]) == 'no table "***", *** table'
    assert without_secrets("a table", ["x://u:tab@h"]) == "a table"
