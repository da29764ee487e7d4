"""Every value of the contract, written in any accepted form, is read as itself."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.examples import at_length
from wattmark.contract import Table, load_contract
from wattmark.quality.reading import reading_of
from wattmark.quality.typed import typed_select
from wattmark.source_settings import SourceSettings

CONTRACT = load_contract()
ZONES = ("Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
PLACES = {
    "integer": "meter.phases",
    "decimal": "bill.total_amount",
    "double": "account.contracted_kva",
    "date": "customer.registered_on",
    "timestamp": "bill.issued_at",
    "boolean": "account.is_temporary",
    "string": "customer.name",
    "code": "payment.payment_id",
}
SETTINGS: dict[str, dict[str, Any]] = {
    "none": {},
    "german": {
        "date_format": "DMY",
        "numbers": {"decimal": ",", "thousands": "."},
        "zones": {"CET": "+01:00"},
    },
    "oracle": {"date_format": "%d-%b-%Y", "nothing": ["NULL"]},
}


class World:
    """A connection, and the SELECT of each column, zone and settings, made once."""

    def __init__(self) -> None:
        self.duck = duckdb.connect(config={"threads": 1})
        self.duck.execute("CREATE TABLE landing AS SELECT CAST(NULL AS VARCHAR) AS given")
        self._made: dict[tuple[str, str, str], str] = {}

    def read(self, kind: str, zone: str, how: str, text: str) -> tuple[Any, bool]:
        """The value of a text and whether it was refused; moments in microseconds since 1970."""
        table_name, name = PLACES[kind].split(".")
        if (kind, zone, how) not in self._made:
            whole = CONTRACT.tables[table_name]
            # Planning the other columns takes longer than reading this one.
            table = Table(whole.name, (whole.column(name),))
            reading = reading_of(SourceSettings(location="x", **SETTINGS[how]), table, ZoneInfo(zone))
            value = f"epoch_us({name})" if kind == "timestamp" else name
            typed = typed_select(
                table, f"(SELECT given AS {name} FROM landing)", {name: "VARCHAR"}, reading=reading
            )
            statement = f"read_{len(self._made)}"
            self.duck.execute(f"SET TimeZone = '{zone}'")
            self.duck.execute(f"PREPARE {statement} AS SELECT {value}, _bad_{name} FROM ({typed})")
            self._made[kind, zone, how] = statement
        self.duck.execute(f"SET TimeZone = '{zone}'")
        self.duck.execute("UPDATE landing SET given = ?", [text])
        found = self.duck.execute(f"EXECUTE {self._made[kind, zone, how]}").fetchall()[0]
        return found[0], found[1]


@pytest.fixture(scope="module")
def world() -> World:
    return World()


moments = st.datetimes(dt.datetime(1, 1, 3), dt.datetime(9999, 12, 28))
around = st.sampled_from(["", " ", "\t", "\u3000"])


@st.composite
def written(draw: st.DrawFn) -> tuple[str, str, str, Any, str]:
    """Kind, zone, settings, the value and a text that means it."""
    kind = draw(st.sampled_from(sorted(PLACES)))
    zone = draw(st.sampled_from(ZONES))
    how = draw(st.sampled_from(sorted(SETTINGS)))
    value: Any
    german = how == "german"
    if kind == "integer":
        value = draw(st.integers(-(2**63), 2**63 - 1))
        forms = [str(value), f"{value},0" if german else f"{value}.0", f"'{value}", f'="{value}"']
        if german:
            forms.append(f"{value:,}".replace(",", "."))
        if abs(value) < 2**53:
            forms.append(f"{value}e0")
    elif kind == "decimal":
        value = Decimal(draw(st.integers(-(10**18) + 1, 10**18 - 1))).scaleb(-2)
        forms = [f"{value:.2f}", f"{value:.4f}", f'="{value:.2f}"']
        if german:
            forms = [form.replace(".", ",") for form in forms] + [
                f"{value:,.2f}".translate(str.maketrans(",.", ".,"))
            ]
    elif kind == "double":
        value = draw(st.floats(allow_nan=False, allow_infinity=False))
        forms = [repr(value), repr(value).upper(), f"'{value!r}"]
        if german:
            forms = [form.replace(".", ",") for form in forms]
    elif kind == "date":
        value = draw(st.dates())
        forms = [
            value.isoformat(),
            f"{value.year:04}/{value.month}/{value.day}",
            f"{value} 00:00:00",
            f"{value}T00:00",
        ]
        if german:
            forms += [
                f"{value.day}.{value.month}.{value.year:04}",
                f"{value.day:02}{value.month:02}{value.year:04}",
            ]
        if how == "oracle":
            forms.append(f"{value.day:02}-{value:%b}-{value.year:04}")
    elif kind == "timestamp":
        value = draw(moments).replace(tzinfo=dt.UTC)
        offset = draw(st.integers(-15 * 60, 15 * 60))
        shifted = (value + dt.timedelta(minutes=offset)).replace(tzinfo=None)
        sign, hours, minutes = "-" if offset < 0 else "+", abs(offset) // 60, abs(offset) % 60
        forms = [
            f"{shifted.isoformat(sep=' ')}{sign}{hours:02}:{minutes:02}",
            f"{shifted.isoformat()} {sign}{hours:02}{minutes:02}",
            f"{value.replace(tzinfo=None).isoformat()}Z",
            f"{value.replace(tzinfo=None).isoformat(sep=' ')} UTC",
        ]
        local = value.astimezone(ZoneInfo(zone))
        # zoneinfo knows seconds of the time before there were zones, as DuckDB does; its own text only whole minutes.
        if local.fold == 0 and 1970 <= value.year < 2100:
            forms.append(local.replace(tzinfo=None).isoformat(sep=" "))
        if german:
            forms.append(
                f"{shifted:%d.%m.}{shifted.year:04} {shifted.time().isoformat()}{sign}{hours:02}:{minutes:02}"
            )
        value = (value - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)
    elif kind == "boolean":
        value = draw(st.booleans())
        forms = ["true", "T", "Yes", "y", "1"] if value else ["FALSE", "f", "no", "N", "0"]
    else:
        alphabet = st.characters(codec="utf-8", exclude_characters="\0")
        value = draw(st.text(alphabet, min_size=1, max_size=12)).strip() or "x"
        if value[0] in "='" or value == "NULL":
            value = f"x{value}"
        forms = [value, '="' + value.replace('"', '""') + '"']
        if kind == "string":
            # White space around a text that names nothing is its own.
            return kind, zone, how, value, draw(st.sampled_from(forms))
    text = draw(around) + draw(st.sampled_from(forms)) + draw(around)
    return kind, zone, how, value, text


def check(world: World, case: tuple[str, str, str, Any, str]) -> None:
    kind, zone, how, value, text = case
    found, refused = world.read(kind, zone, how, text)
    assert not refused, (case, "refused")
    assert found == value, (case, found)


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(written())
def test_what_is_written_in_an_accepted_form_is_read_as_itself(
    world: World, case: tuple[str, str, str, Any, str]
) -> None:
    check(world, case)


@pytest.mark.slow
@settings(
    max_examples=at_length(2500),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(written())
def test_many_more_are_read_as_themselves(world: World, case: tuple[str, str, str, Any, str]) -> None:
    check(world, case)


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.sampled_from(sorted(PLACES)),
    st.sampled_from(sorted(SETTINGS)),
    st.text(st.sampled_from("0123456789-/.:,+ TZeE_x'=\"N\0"), max_size=20),
)
def test_no_text_breaks_a_night_off(world: World, kind: str, how: str, text: str) -> None:
    value, refused = world.read(kind, "Europe/Berlin", how, text)
    assert not refused or kind in ("string", "code") or value is None
