"""What a landing row becomes in contract types."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from wattmark.contract import Table, load_contract
from wattmark.errors import SettingsError
from wattmark.quality.reading import Reading, reading_of
from wattmark.quality.typed import typed_select
from wattmark.source_settings import SourceSettings

CONTRACT = load_contract()
REFUSED = "refused"


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as connection:
        yield connection


def read(
    duck: duckdb.DuckDBPyConnection, place: str, *given: Any, kind: str = "VARCHAR", **settings: Any
) -> list[Any]:
    """What values of one column (``table.column``) are read as; REFUSED where they are not."""
    table_name, column_name = place.split(".")
    whole = CONTRACT.tables[table_name]
    # Planning the other columns takes longer than reading this one.
    table = Table(whole.name, (whole.column(column_name),))
    zone = settings.pop("zone", "Asia/Shanghai")
    reading = reading_of(SourceSettings(location="x", **settings), table, ZoneInfo(zone))
    assert Reading.from_json(reading.to_json()) == reading
    duck.execute(f"SET TimeZone = '{zone}'")
    duck.execute(f"CREATE OR REPLACE TABLE landing (number INTEGER, {column_name} {kind})")
    duck.execute(
        f"INSERT INTO landing SELECT generate_subscripts(given, 1), CAST(UNNEST(given) AS {kind}) FROM (SELECT $given AS given)",
        {"given": list(given)},
    )
    typed = typed_select(table, "landing", {column_name: kind}, ("number",), reading=reading)
    rows = duck.execute(f"SELECT {column_name}, _bad_{column_name} FROM ({typed}) ORDER BY number").fetchall()
    return [REFUSED if bad else value for value, bad in rows]


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[misc, arg-type]


BLANK = ["", "  ", "\t", "\n", "\u3000", "\u00a0 \t"]


def test_a_blank_text_is_empty_where_it_may_be_and_has_no_length_where_it_may_not(duck: Any) -> None:
    assert read(duck, "payment.bill_id", *BLANK, None) == [None] * 7
    assert read(duck, "meter.model", *BLANK, None) == [None] * 7
    assert read(duck, "customer.name", *BLANK, None) == [""] * 6 + [None]
    assert read(duck, "payment.payment_id", *BLANK, None) == [None] * 7
    assert read(duck, "meter.phases", *BLANK, None) == [None] * 7


def test_white_space_around_a_code_means_nothing_and_stays_in_other_texts(duck: Any) -> None:
    given = ["B1", " B1", "B1\t", "B1        ", "\ufeffB1"[1:] + "\u3000", "a\u3000b"]
    assert read(duck, "payment.bill_id", *given) == ["B1"] * 5 + ["a\u3000b"]
    assert read(duck, "payment.payment_id", *given) == ["B1"] * 5 + ["a\u3000b"]
    assert read(duck, "line.head_metering_point_id", *given) == ["B1"] * 5 + ["a\u3000b"]
    assert read(duck, "customer.name", *given) == given


def test_codes_are_read_whatever_their_case_and_blanks(duck: Any) -> None:
    given = ["person", "PERSON", "Person  ", "\tperson", "organisation", "robot ", ""]
    assert read(duck, "customer.kind", *given) == [*["person"] * 4, "organisation", "robot", None]


def test_codes_of_a_source_are_mapped_by_setting(duck: Any) -> None:
    codes = {"account": {"values": {"status": {"A": "active", "x": "closed", "9": "suspended"}}}}
    given = ["A", "a ", "X", "9", "active", "B"]
    wanted = ["active", "active", "closed", "suspended", "active", "B"]
    assert read(duck, "account.status", *given, rename=codes) == wanted
    flags = {"account": {"values": {"is_temporary": {"\u662f": "true", "\u5426": "false"}}}}
    assert read(duck, "account.is_temporary", "\u662f", "\u5426 ", "y", rename=flags) == [True, False, True]
    assert read(
        duck,
        "account.is_temporary",
        "9",
        "1",
        kind="INTEGER",
        rename={"account": {"values": {"is_temporary": {"9": "true"}}}},
    ) == [True, True]
    cased = {"account": {"values": {"status": {"a": "active", "A": "closed"}}}}
    assert read(duck, "account.status", "a", "A", rename=cased) == ["active", "closed"]


@pytest.mark.parametrize("values", [{"status": {"A": "abolished"}}, {"state": {"A": "active"}}])
def test_a_mapping_to_what_the_contract_has_not_is_named(values: dict[str, dict[str, str]]) -> None:
    source = SourceSettings(location="x", rename={"account": {"values": values}})  # type: ignore[dict-item]
    with pytest.raises(SettingsError, match=r"sources\[\].rename.account.values."):
        reading_of(source, CONTRACT.tables["account"], ZoneInfo("UTC"))


def test_spreadsheet_texts_are_read_as_their_content(duck: Any) -> None:
    given = ['="00123"', "'00123", ' ="00123" ', '="a""b"', "'t Hoen", "=1+1"]
    assert read(duck, "account.customer_id", *given) == ["00123"] * 3 + ['a"b', "'t Hoen", "=1+1"]
    assert read(duck, "customer.name", *given) == ["00123"] * 3 + ['a"b', "'t Hoen", "=1+1"]
    assert read(duck, "account.contracted_kva", '="8.5"', "'8.5", "'-8") == [8.5, 8.5, -8.0]
    assert read(duck, "customer.registered_on", '="2026-10-14"', "'2026-10-14") == [dt.date(2026, 10, 14)] * 2


def test_a_nul_character_is_refused_in_any_text(duck: Any) -> None:
    for place in ("customer.name", "customer.region_code", "customer.customer_id", "customer.kind"):
        assert read(duck, place, "a\x00b", "\x00", "ab") == [REFUSED, REFUSED, "ab"]


def test_markers_for_nothing_are_those_of_the_setting(duck: Any) -> None:
    given = ["\\N", " NULL ", "n/a", "0000-00-00", "null"]
    nothing = ("\\N", "NULL", "n/a", "0000-00-00")
    assert read(duck, "meter.model", *given, nothing=nothing) == [None] * 4 + ["null"]
    assert read(duck, "customer.name", *given, nothing=nothing) == [""] * 4 + ["null"]
    assert read(duck, "account.opened_on", *given, nothing=nothing) == [None] * 4 + [REFUSED]
    assert read(duck, "account.opened_on", *given) == [REFUSED] * 5
    assert read(duck, "account.supply_kv", *given, nothing=nothing) == [None] * 4 + [REFUSED]
    assert read(duck, "account.metering_kv", "-9999", "-999", nothing="-9999") == [None, -999.0]
    assert read(duck, "bill.issued_at", "1900-01-01 00:00:00", nothing="1900-01-01 00:00:00") == [None]


NUMBERS: list[tuple[str, Any]] = [
    ("12.5", 12.5), (" 12.5 ", 12.5), ("+5", 5.0), ("5.", 5.0), (".5", 0.5), ("1e-3", 0.001), ("-0", 0.0), ("NaN", None),
    ("1_000", REFUSED), ("0x10", REFUSED), ("0b1", REFUSED), ("+-5", REFUSED), ("inf", REFUSED), ("1e400", REFUSED),
    ("1,5", REFUSED), ("1,234.50", REFUSED), ("1 000", REFUSED), ("\uff11\uff12", REFUSED), ("5-", REFUSED), ("5%", REFUSED),
]  # fmt: skip


def test_a_number_is_read_in_plain_digits_only(duck: Any) -> None:
    found = read(duck, "account.contracted_kva", *[given for given, _ in NUMBERS])
    assert dict(zip(NUMBERS, found, strict=True)) == {number: number[1] for number in NUMBERS}


INTEGERS: list[tuple[str, Any]] = [
    ("3", 3), ("003", 3), ("3.0", 3), ("1e2", 100), ("+3", 3), ("9007199254740993", 2**53 + 1), ("9007199254740993.0", 2**53 + 1),
    ("9223372036854775807", 2**63 - 1), ("9223372036854775808", REFUSED), ("9007199254740993.4", REFUSED), ("3.5", REFUSED),
    ("1e30", REFUSED), ("9.007199254740993e15", REFUSED), ("1e-1", REFUSED), ("0x10", REFUSED), ("1_0", REFUSED), ("nan", None),
]  # fmt: skip


def test_an_integer_is_exact_or_refused(duck: Any) -> None:
    found = read(duck, "meter.phases", *[given for given, _ in INTEGERS])
    assert dict(zip(INTEGERS, found, strict=True)) == {integer: integer[1] for integer in INTEGERS}


AMOUNTS: list[tuple[str, Any]] = [
    ("50.05", Decimal("50.05")), ("50", Decimal(50)), ("1E+2", Decimal(100)), ("50.050", Decimal("50.05")),
    ("50.005", REFUSED), ("0.001", REFUSED), ("1000000000000000.005", REFUSED), ("9999999999999999.99", Decimal("9999999999999999.99")),
    ("10000000000000000", REFUSED), ("1_0.5", REFUSED), ("1e400", REFUSED), ("inf", REFUSED),
]  # fmt: skip


def test_an_amount_has_two_places(duck: Any) -> None:
    found = read(duck, "bill.total_amount", *[given for given, _ in AMOUNTS])
    assert dict(zip(AMOUNTS, found, strict=True)) == {amount: amount[1] for amount in AMOUNTS}


def test_numbers_as_people_write_them_by_setting(duck: Any) -> None:
    comma = {"numbers": {"decimal": ",", "thousands": "."}}
    given = ["1.234,50", "1234,5", "1.234", "12.34", "1.23,4", "1,234.50", "-1.234.567,89", ",5"]
    wanted = [1234.5, 1234.5, 1234.0, REFUSED, REFUSED, REFUSED, -1234567.89, 0.5]
    assert read(duck, "account.contracted_kva", *given, **comma) == wanted
    assert read(duck, "bill.total_amount", "1.234,50", "1.234", **comma) == [
        Decimal("1234.50"),
        Decimal(1234),
    ]
    assert read(duck, "meter.phases", "1.234", "1,5", **comma) == [1234, REFUSED]
    assert read(duck, "account.contracted_kva", "1,234.50", "1234", "1,23", numbers={"thousands": ","}) == [
        1234.5,
        1234.0,
        REFUSED,
    ]
    assert read(
        duck,
        "account.contracted_kva",
        "1\u202f234,5",
        "1 234",
        numbers={"decimal": ",", "thousands": "\u202f"},
    ) == [1234.5, REFUSED]
    assert read(duck, "account.contracted_kva", "1,5", "1.5", numbers={"decimal": ","}) == [1.5, REFUSED]


def test_yes_and_no(duck: Any) -> None:
    yes = ["true", "TRUE ", "t", "Yes", "Y", "1", "1.0"]
    no = ["false", "F", "no", "N", "0", "0.0"]
    assert read(duck, "account.is_temporary", *yes) == [True] * len(yes)
    assert read(duck, "account.is_temporary", *no, "", None) == [False] * len(no) + [None, None]
    assert read(duck, "account.is_temporary", "2", "perhaps", "\u662f") == [REFUSED] * 3
    assert read(duck, "account.is_temporary", 1, 0, 5, None, kind="INTEGER") == [True, False, REFUSED, None]
    assert read(duck, "account.is_temporary", 1.0, 0.0, float("nan"), 0.5, kind="DOUBLE") == [
        True,
        False,
        None,
        REFUSED,
    ]


def test_numbers_as_ids(duck: Any) -> None:
    given = [3300000026.0, float("nan"), None, 2.0**60, 12.5]
    wanted = ["3300000026", None, None, REFUSED, "12.5"]
    assert read(duck, "transformer.account_id", *given, kind="DOUBLE") == wanted
    assert read(
        duck, "transformer.account_id", Decimal("3300000026.00"), Decimal("12.50"), kind="DECIMAL(20,2)"
    ) == ["3300000026", "12.5"]
    assert read(duck, "transformer.account_id", 33, kind="BIGINT") == ["33"]
    assert read(duck, "transformer.account_id", 2.0**24, 2.0**25, kind="FLOAT") == ["16777216", REFUSED]


def test_native_numbers_are_exact_or_refused(duck: Any) -> None:
    assert read(duck, "meter.phases", 3.0, 3.5, float("nan"), 2.0**60, float("inf"), kind="DOUBLE") == [
        3,
        REFUSED,
        None,
        REFUSED,
        REFUSED,
    ]
    assert read(duck, "bill.total_amount", 50.1, 50.005, 0.1 + 0.2, 1e15, kind="DOUBLE") == [
        Decimal("50.10"),
        REFUSED,
        Decimal("0.30"),
        REFUSED,
    ]
    assert read(duck, "bill.total_amount", Decimal("50.0050"), Decimal("50.0500"), kind="DECIMAL(18,4)") == [
        REFUSED,
        Decimal("50.05"),
    ]
    assert read(duck, "account.supply_kv", 1.5, float("nan"), float("inf"), kind="DOUBLE") == [
        1.5,
        None,
        REFUSED,
    ]


D = dt.date(2026, 10, 14)


DATES: list[tuple[str, Any]] = [
    ("2026-10-14", D), ("2026/10/14", D), (" 2026-10-14 ", D), ("2026-10-14 00:00:00", D), ("2026-10-14T00:00", D),
    ("2026-1-5", dt.date(2026, 1, 5)), ("0001-01-01", dt.date(1, 1, 1)), ("9999-12-31", dt.date(9999, 12, 31)), ("1699-02-28", dt.date(1699, 2, 28)),
    ("16-12-28", REFUSED), ("22/07/16", REFUSED), ("1/5/26", REFUSED), ("76-06-12", REFUSED), ("15/10/2026", REFUSED),
    ("15.10.2024", REFUSED), ("46310", REFUSED), ("20261014", REFUSED), ("1900-01-00", REFUSED), ("0000-00-00", REFUSED),
    ("0000-01-01", REFUSED), ("10000-01-01", REFUSED), ("2026-02-30", REFUSED), ("2026-10-14 08:30:00", REFUSED), ("infinity", REFUSED),
    ("epoch", REFUSED), ("2026-10-14 (BC)", REFUSED), ("-2026-10-14", REFUSED), ("2026-10", REFUSED), ("2026-10/14", REFUSED),
    ("2026-10-14T00:00:00Z", REFUSED), ("\uff12\uff10\uff12\uff16-10-14", REFUSED),
]  # fmt: skip


def test_a_date_has_a_year_of_four_digits_and_comes_first(duck: Any) -> None:
    found = read(duck, "customer.registered_on", *[given for given, _ in DATES])
    assert dict(zip(DATES, found, strict=True)) == {date: date[1] for date in DATES}


AT = utc(2026, 10, 14, 0, 30)


TIMES: list[tuple[str, Any]] = [
    ("2026-10-14 08:30:00", AT), ("2026-10-14 08:30", AT), ("2026-10-14T08:30:00", AT), ("2026-10-14T08:30", AT), ("2026/10/14 8:30", AT),
    ("2026-10-14 08:30:00.000000", AT), ("2026-10-14 08:30:00.25", utc(2026, 10, 14, 0, 30, 0, 250_000)),
    ("2026-10-14 08:30:00.1234567", utc(2026, 10, 14, 0, 30, 0, 123_456)), ("2026-10-14", utc(2026, 10, 13, 16)),
    ("2026-10-14 00:30:00Z", AT), ("2026-10-14T00:30Z", AT), ("2026-10-14 00:30:00 UTC", AT), ("2026-10-14 08:30:00+08", AT),
    ("2026-10-14 08:30:00+0800", AT), ("2026-10-14 08:30:00 +08:00", AT), ("2026-10-14T08:30:00.000+08:00", AT),
    ("2026-10-13 19:00:00-05:30", AT), ("2026-10-14 08:30:00 GMT+8", AT), ("2026-10-14 08:30:00 UTC+8", AT), ("2026-10-14 08:30 UTC+08:00", AT),
    ("2026-10-14 08:30:00 Asia/Shanghai", AT), ("2026-10-14T02:30:00 Europe/Berlin", AT), ("2026-10-13 21:30:00 America/Argentina/Buenos_Aires", AT),
    ("2026-10-14 08:30:00 CST", REFUSED), ("2026-10-14 08:30:00 IST", REFUSED), ("2026-10-14 08:30:00 BST", REFUSED),
    ("2026-10-14 08:30:00 EST", REFUSED), ("2026-10-14 08:30:00 PRC", REFUSED), ("2026-10-14 08:30:00 EST5EDT", REFUSED), ("2026-10-14 08:30:00 AM", REFUSED),
    ("2026-10-14 08:30:00 Foo/Bar", REFUSED), ("2026-10-14 08:30:00+99", REFUSED), ("2026-10-14 08:30:00+24:00", REFUSED),
    ("26-10-14 08:30:00", REFUSED), ("2026-10-14 24:00:00", REFUSED), ("2026-10-14 23:59:60", REFUSED), ("2026-10-14 25:00", REFUSED),
    ("0000-00-00 00:00:00", REFUSED), ("0000-01-01 00:00:00", REFUSED), ("infinity", REFUSED), ("epoch", REFUSED), ("294247-01-10 00:00:00", REFUSED),
    ("2026-10-14+08", REFUSED), ("2026-10-14 08", REFUSED), ("14/10/2026 08:30", REFUSED), ("1760428800", REFUSED), ("9999-12-31 23:59:59", REFUSED),
    ("1699-02-28 00:00:00+00", utc(1699, 2, 28)), ("2300-07-01 00:00:00", utc(2300, 6, 30, 16)), ("1950-01-01 00:00:00", utc(1949, 12, 31, 16)),
]  # fmt: skip


def test_a_time_is_iso_with_a_zone_that_means_one_thing(duck: Any) -> None:
    found = read(duck, "bill.issued_at", *[given for given, _ in TIMES])
    assert dict(zip(TIMES, found, strict=True)) == {time: time[1] for time in TIMES}


def test_an_order_of_day_month_and_year_by_setting(duck: Any) -> None:
    given = ["14/10/2026", "14.10.2026", "14-10-2026", "14102026", "2026-10-14", "10/14/2026", "14/10/26"]
    assert read(duck, "customer.registered_on", *given, date_format="DMY") == [D] * 5 + [REFUSED] * 2
    assert read(duck, "customer.registered_on", "10/14/2026", "14/10/2026", date_format="MDY") == [D, REFUSED]
    assert read(duck, "customer.registered_on", "26-10-14", "20261014", date_format="YMD") == [REFUSED, D]
    given = ["26-10-14", "49-1-1", "50-1-1"]
    wanted = [D, dt.date(2049, 1, 1), dt.date(1950, 1, 1)]
    assert read(duck, "customer.registered_on", *given, date_format="YMD", century=1950) == wanted
    times = [
        "14/10/2026 08:30",
        "14.10.2026 08:30:00",
        "14-10-2026T08:30:00+08:00",
        "14/10/2026 00:30:00Z",
        "2026-10-14 08:30:00",
    ]
    assert read(duck, "bill.issued_at", *times, date_format="DMY") == [AT] * 5
    assert (
        read(duck, "bill.issued_at", "14/10/2026 25:00", "31/02/2026 08:30", date_format="DMY")
        == [REFUSED] * 2
    )


def test_patterns_by_setting(duck: Any) -> None:
    wanted = [D, REFUSED, dt.date(1999, 2, 1)]
    assert (
        read(
            duck,
            "customer.registered_on",
            "14-OCT-26",
            "14-XXX-26",
            "01-Feb-99",
            date_format="%d-%b-%y",
            century=1950,
        )
        == wanted
    )
    assert read(
        duck, "customer.registered_on", "2026\u5e7410\u670814\u65e5", date_format="%Y\u5e74%m\u6708%d\u65e5"
    ) == [D]
    assert read(duck, "bill.issued_at", "20261014083000", date_format="%Y%m%d%H%M%S") == [AT]
    given = ["10/14/2026 8:30 AM", "10/14/2026 12:05 AM", "10/14/2026 12:05 PM", "10/14/2026 13:05 PM"]
    wanted = [AT, utc(2026, 10, 13, 16, 5), utc(2026, 10, 14, 4, 5), REFUSED]
    assert read(duck, "bill.issued_at", *given, date_format="%m/%d/%Y %I:%M %p") == wanted
    assert read(
        duck, "bill.issued_at", "14.10.2026 02:30:00.5 +0200", date_format=["DMY", "%d.%m.%Y %T.%f %z"]
    ) == [utc(2026, 10, 14, 0, 30, 0, 500_000)]


def test_zones_as_letters_by_setting(duck: Any) -> None:
    zones = {"CST": "Asia/Shanghai", "CET": "+01:00", "CEST": "+02:00"}
    given = [
        "2026-10-14 08:30:00 CST",
        "2026-10-14 08:30CST",
        "2026-10-14 02:30:00 CEST",
        "2026-10-14 01:30:00 CET",
    ]
    assert read(duck, "bill.issued_at", *given, "2026-10-14 08:30:00 IST", zones=zones) == [AT] * 4 + [
        REFUSED
    ]
    both = {"zones": zones, "date_format": "DMY"}
    given = ["14.10.2026 02:30:00", "14.10.2026 08:30 CST", "14.10.2026 02:30CEST"]
    assert read(duck, "bill.issued_at", *given, zone="Europe/Berlin", **both) == [AT] * 3
    assert (
        read(duck, "bill.issued_at", "14.10.2026 08:30 IST", "14.10.2026 08:30 AM", **both) == [REFUSED] * 2
    )
    pattern = {"zones": zones, "date_format": "%d.%m.%Y %H:%M %z"}
    assert (
        read(duck, "bill.issued_at", "14.10.2026 08:30 CST", "14.10.2026 08:30 +0800", **pattern) == [AT] * 2
    )


def test_times_without_a_zone_may_be_of_another_clock_than_the_utility_s(duck: Any) -> None:
    given = ["2026-01-14 10:00:00", "2026-07-14 10:00:00", "2026-10-04 02:30:00"]
    wanted = [utc(2026, 1, 14), utc(2026, 7, 14), utc(2026, 10, 3, 16, 30)]
    assert read(duck, "bill.issued_at", *given, zone="Australia/Sydney", time_zone="+10:00") == wanted


CHANGES = [
    # zone, twice: local, the earlier moment; not at all: local
    ("Europe/Berlin", "2026-10-25 02:30:00", utc(2026, 10, 25, 0, 30), "2026-03-29 02:30:00"),
    ("America/New_York", "2026-11-01 01:30:00", utc(2026, 11, 1, 5, 30), "2026-03-08 02:00:00"),
    ("Australia/Lord_Howe", "2026-04-05 01:45:00", utc(2026, 4, 4, 14, 45), "2026-10-04 02:15:00"),
    ("Asia/Shanghai", "1991-09-15 01:30:00", utc(1991, 9, 14, 16, 30), "1991-04-14 02:30:00"),
    ("Europe/Berlin", "1949-10-02 02:30:00", utc(1949, 10, 2, 0, 30), "1949-04-10 02:30:00"),
    ("Europe/Berlin", "2150-10-25 02:30:00", utc(2150, 10, 25, 0, 30), "2150-03-29 02:30:00"),
]


@pytest.mark.parametrize(("zone", "twice", "earlier", "never"), CHANGES)
def test_of_a_time_that_exists_twice_the_first_is_meant_and_one_that_does_not_exist_is_refused(
    duck: Any, zone: str, twice: str, earlier: dt.datetime, never: str
) -> None:
    assert read(duck, "bill.issued_at", twice, never, zone=zone) == [earlier, REFUSED]
    assert read(duck, "bill.issued_at", f"{twice} {zone}", f"{never} {zone}", zone="UTC") == [
        earlier,
        REFUSED,
    ]
    native = [dt.datetime.fromisoformat(text) for text in (twice, never)]
    assert read(duck, "bill.issued_at", *native, kind="TIMESTAMP", zone=zone) == [earlier, REFUSED]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])
def test_every_other_hour_is_the_one_that_python_reads(duck: Any, zone: str) -> None:
    start = dt.datetime(2026, 1, 1)
    hours = [start + dt.timedelta(minutes=90 * number) for number in range(5900)]
    found = read(duck, "bill.issued_at", *map(str, hours), zone=zone)
    info = ZoneInfo(zone)
    for hour, value in zip(hours, found, strict=True):
        wanted = hour.replace(tzinfo=info).astimezone(dt.UTC)
        exists = wanted.astimezone(info).replace(tzinfo=None) == hour
        assert value == (wanted if exists else REFUSED), hour


def test_a_day_that_begins_at_a_time_that_does_not_exist_begins_when_it_does(duck: Any) -> None:
    assert read(duck, "bill.issued_at", "2026-03-29", zone="Asia/Beirut") == [utc(2026, 3, 28, 22)]


def test_native_dates_and_times_out_of_range_are_refused(duck: Any) -> None:
    duck.execute("SET TimeZone = 'UTC'")
    far = ["infinity", "294247-01-10 00:00:00", "-infinity"]
    assert read(duck, "bill.issued_at", *far, kind="TIMESTAMPTZ") == [REFUSED] * 3
    assert read(duck, "bill.issued_at", *far, kind="TIMESTAMP") == [REFUSED] * 3
    assert read(duck, "customer.registered_on", "infinity", "10000-01-01", "2026-10-14", kind="DATE") == [
        REFUSED,
        REFUSED,
        D,
    ]
    given = [dt.datetime(2026, 10, 14), dt.datetime(2026, 10, 14, 8, 30)]
    assert read(duck, "customer.registered_on", *given, kind="TIMESTAMP") == [D, REFUSED]
