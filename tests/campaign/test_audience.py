"""Conditions: what is published may be asked, whatever else is refused, and nothing gets past the list."""

from __future__ import annotations

import datetime as dt
import string

import duckdb
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from wattmark.campaign.audience import (
    FUNCTION_NAMES,
    SCHEMA,
    Asked,
    Checker,
    Refused,
    _dry_run,
    columns_of,
    relations,
    select_members,
    text_of,
)
from wattmark.settings import PROJECT_ROOT

KNOWN = relations(PROJECT_ROOT / "include")
VALUES = {"as_of": dt.date(2026, 11, 2), "period": dt.date(2026, 10, 1)}


def accept(grain: str, text: str) -> Asked:
    asked = Checker(KNOWN, grain).condition(text)
    _dry_run(KNOWN, grain, asked)
    return asked


@pytest.mark.parametrize(
    ("grain", "text"),
    [
        ("customer", "customer.grade IN ('A', 'B')"),
        ("customer", "holds('e_bill') AND NOT holds('auto_debit')"),
        ("customer", "segment('behaviour') = 'steady'"),
        ("customer", "any_account(contract.days_to_expiry BETWEEN 1 AND 30 AND NOT holds('e_bill'))"),
        ("customer", "CASE WHEN customer.kind = 'person' THEN TRUE ELSE customer.live_accounts > 3 END"),
        ("customer", "customer.segment = 'a ''quoted'' -- name'"),
        ("customer", "customer.segment = '$as_of; DROP TABLE x'"),
        ("account", "DATE_DIFF('day', $as_of, contract.expires_on) BETWEEN 30 AND 60"),
        ("account", "account.opened_on + 30 > $as_of AND YEAR(account.opened_on) >= 2020"),
        ("account", "CAST(account.contracted_kva AS INTEGER) >= 100 AND account.tariff_code LIKE 'R%'"),
        ("account", "customer.segment IS NOT NULL AND account.leave_probability IS DISTINCT FROM 0.5"),
    ],
)
def test_what_is_published_may_be_asked(grain: str, text: str) -> None:
    accept(grain, text)


@pytest.mark.parametrize(
    "text",
    [
        "1 = 1; DROP TABLE relation.customer",
        "customer.grade = (SELECT MIN(grade) FROM relation.customer)",
        "EXISTS (SELECT 1)",
        "customer.customer_id IN (SELECT customer_id FROM night.person)",
        "read_text('/etc/passwd') = 'x'",
        "read_csv('x') IS NULL",
        "getenv('HOME') = 'x'",
        "current_setting('temp_directory') = 'x'",
        "customer.name = 'x'",
        "person.born_on IS NULL",
        "night.person.household = 'x'",
        "grade = 'A'",
        "customer.*",
        "*",
        "customer.grade = $1",
        "customer.grade = $run_id",
        "customer.grade = ?",
        "random() < 0.5",
        "now() > customer.registered_on",
        "current_date > customer.registered_on",
        "customer.grade SIMILAR TO 'A'",
        "regexp_matches(customer.grade, '(a+)+')",
        "customer.grade = 'A' UNION SELECT 1",
        "customer.grade = 'A' ORDER BY 1",
        "COUNT(*) > 1",
        "ROW_NUMBER() OVER () = 1",
        "customer.grade = e'\\x41'",
        "customer.segment",
        "customer.value_score > 'high'",
        "[x for x in [1,2]] = [1]",
        "{'a': 1}.a = 1",
        "customer.grade::MAP(VARCHAR, VARCHAR) IS NULL",
        "TRY_CAST(customer.grade AS INTEGER) = 1",
        "any_account(any_account(account.contracted_kva > 1))",
        "any_account(customer.grade = 'A')",
        "account.contracted_kva > 1",
        "holds(customer.grade)",
        "holds('a', 'b')",
        "holding.product_code = 'x'",
        "segment('x' || 'y') = 'a'",
        "",
        "   ",
        "SELECT",
        "CREATE TABLE x (y INT)",
        "ATTACH 'x'",
        "customer.grade = 'A' -- */ ; DROP TABLE x",
        "customer.grade COLLATE NOCASE = 'a'",
        "\x00",
    ],
)
def test_whatever_else_is_refused(text: str) -> None:
    if text == "customer.grade = 'A' -- */ ; DROP TABLE x":
        # A comment is no part of the tree; it must not come out again.
        query = select_members(KNOWN, "customer", accept("customer", text), VALUES, {}, [])
        assert "DROP" not in text_of(query)
        return
    with pytest.raises(Refused):
        accept("customer", text)


def test_nesting_ends_somewhere() -> None:
    with pytest.raises(Refused, match="deep"):
        accept("customer", "(" * 300 + "1 = 1" + ")" * 300)


COLUMNS = [f"{name}.{column}" for name, one in KNOWN.items() for column in columns_of(one)]
ATOMS = st.one_of(
    st.sampled_from(
        [*COLUMNS, "1", "-2.5e3", "'x'", "''''", "NULL", "TRUE", "$as_of", "$period", "DATE '2026-01-01'"]
    ),
    st.text(string.ascii_letters + "._\"'$;-*/()[]{},: \n", max_size=12),
    st.sampled_from(
        [
            "night.person",
            "read_text",
            "SELECT",
            "FROM relation.customer",
            "information_schema.tables",
            "--",
            "/*",
            "*/",
            "::",
            "$$",
            "\\",
        ]
    ),
)
JOINS = st.sampled_from(
    [
        " AND ",
        " OR ",
        " = ",
        " < ",
        " + ",
        " IN ",
        ", ",
        " ",
        " BETWEEN ",
        " LIKE ",
        " IS ",
        "||",
        ";",
        " UNION ",
        " NOT ",
    ]
)
CALLS = st.sampled_from(
    [*FUNCTION_NAMES, "holds", "segment", "any_account", "list", "read_csv", "nextval", "eval", "CAST"]
)
CONDITIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, JOINS, inner).map("".join),
        inner.map(lambda text: f"({text})"),
        st.tuples(CALLS, inner).map(lambda pair: f"{pair[0]}({pair[1]})"),
        inner.map(lambda text: f"CASE WHEN {text} THEN TRUE ELSE FALSE END"),
    ),
    max_leaves=8,
)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(["customer", "account"]), CONDITIONS)
def test_nothing_gets_past_the_list(grain: str, text: str) -> None:
    try:
        asked = accept(grain, text)
    except Refused:
        return
    query = select_members(KNOWN, grain, asked, VALUES, {}, [])
    again = sqlglot.parse_one(text_of(query), read="duckdb")
    assert isinstance(again, exp.Select)
    assert {table.db for table in again.find_all(exp.Table)} == {SCHEMA}
    assert {table.name for table in again.find_all(exp.Table)} <= set(KNOWN)
    asked_functions = {one.sql_name().lower() for one in again.find_all(exp.Func)} - {
        "cast",
        "case",
        "if",
        "max",
        "exists",
        "and",
        "or",
    }
    assert asked_functions <= set(FUNCTION_NAMES), asked_functions
    statements = duckdb.extract_statements(text_of(query))
    assert [one.type.name for one in statements] == ["SELECT"]
