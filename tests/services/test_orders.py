"""Orders by day on real servers: a source in PostgreSQL or in files, schema ops in the warehouse."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from tests.services.homes import a_home
from tests.unit.test_counter import ACCOUNT, CUSTOMER, LAKE, ORDER, put
from wattmark.audit import orders as orders_module
from wattmark.audit.orders import renew_look_up, take_orders
from wattmark.contract import load_contract
from wattmark.errors import SourceUnavailableError
from wattmark.home import warehouse_url
from wattmark.local import services
from wattmark.publish.ops import upgrade
from wattmark.settings import Settings
from wattmark.source_settings import SourceSettings

pytestmark = pytest.mark.slow

ZONE = dt.timezone(dt.timedelta(hours=8))
TYPES = {"string": sa.Text, "integer": sa.BigInteger, "decimal": sa.Numeric(18, 2), "double": sa.Double, "date": sa.Date,
         "timestamp": sa.DateTime, "boolean": sa.Boolean}  # fmt: skip
READ = (
    "service_order", "account", "customer", "supply_point", "fee", "metering_point", "meter", "instrument_transformer",
    "transformer",
)  # fmt: skip


def at(clock: str, day: str = "2026-11-04") -> dt.datetime:
    return dt.datetime.fromisoformat(f"{day} {clock}").replace(tzinfo=ZONE)


class World:
    """A source and a warehouse of one server; the source's times have no zone, as in many systems."""

    def __init__(self, settings: Settings) -> None:
        source = SourceSettings(location=services.source_url(settings))
        self.settings = settings.model_copy(update={"sources": (source,)})
        self.source = sa.create_engine(source.location)
        self.ops = sa.create_engine(warehouse_url(settings))
        self.metadata = sa.MetaData()
        contract = load_contract()
        for name in READ:
            columns = [sa.Column(column.name, TYPES[column.type]) for column in contract.tables[name].columns]
            sa.Table(name, self.metadata, *columns)

    def empty(self) -> None:
        self.metadata.drop_all(self.source)
        self.metadata.create_all(self.source)
        with self.ops.begin() as connection:
            connection.execute(sa.text("TRUNCATE ops.order_intake, ops.order_check, ops.order_finding"))

    def put(self, table: str, *rows: dict[str, Any], moment: dt.datetime | None = None) -> None:
        """Put rows in place of those with the same key."""
        key = load_contract().tables[table].key[0]
        target = self.metadata.tables[table]
        with self.source.begin() as connection:
            for row in rows:
                connection.execute(target.delete().where(target.c[key] == row[key]))
                naive = (
                    {"updated_at": (moment or at("08:00")).replace(tzinfo=None)}
                    if "updated_at" in target.c
                    else {}
                )
                connection.execute(target.insert().values({**naive, **row}))

    def order(self, clock: str, order_id: str = "O1", **changes: Any) -> None:
        moment = at(clock)
        row = {**ORDER, "order_id": order_id, "submitted_at": at("08:00").replace(tzinfo=None), **changes}
        self.put("service_order", row, moment=moment)

    def take(self, clock: str) -> dict[str, int]:
        return take_orders(self.settings, at(clock))

    def findings(self) -> list[tuple[str, str, dt.datetime, dt.datetime | None]]:
        with self.ops.connect() as connection:
            rows = connection.execute(
                sa.text(
                    "SELECT order_id, rule_id, found_for, cleared_for FROM ops.order_finding ORDER BY 1, 2, 3"
                )
            )
            return [tuple(row) for row in rows]  # type: ignore[misc]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self.ops.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(sql))]


@pytest.fixture(scope="module")
def server() -> Iterator[World]:
    with a_home() as settings:
        services.up(settings, airflow=False)
        upgrade(warehouse_url(settings))
        put(settings, {name: LAKE[name] for name in ("tariff", "address_reference")})
        world = World(settings)
        yield world
        world.source.dispose()
        world.ops.dispose()


@pytest.fixture
def world(server: World) -> World:
    server.empty()
    for name, rows in LAKE.items():
        if name in READ and name != "service_order":
            server.put(name, *rows, moment=at("08:00", "2026-10-01"))
    return server


def test_a_wrong_order_is_found_once_and_mending_it_is_noted(world: World) -> None:
    world.order("09:01", works_materials_entered=False)
    first = world.take("09:05")
    assert first == {
        "read_orders": 1, "unchanged_orders": 0, "checked_orders": 1, "refused_orders": 0, "again_orders": 0,
        "found": 1, "cleared": 0,
    }  # fmt: skip
    standing = world.rows("SELECT * FROM ops.order_finding")
    assert world.findings() == [("O1", "ACC-10", at("09:05"), None)]
    assert world.rows("SELECT message_en, message_zh FROM ops.order_finding") == [
        ("The materials of the customer's works are not entered.", "受电工程材料信息未录入。")
    ]
    # The same moment again, and the next one, change nothing.
    assert world.take("09:05")["found"] == 0
    assert world.take("09:10") == {**first, "unchanged_orders": 1, "checked_orders": 0, "found": 0}
    assert world.rows("SELECT * FROM ops.order_finding") == standing
    world.order("09:11")
    assert world.take("09:15")["cleared"] == 1
    assert world.findings() == [("O1", "ACC-10", at("09:05"), at("09:15"))]
    world.order("09:16", works_materials_entered=False)
    world.take("09:20")
    assert world.findings() == [
        ("O1", "ACC-10", at("09:05"), at("09:15")),
        ("O1", "ACC-10", at("09:20"), None),
    ]


def test_an_interval_ends_before_its_end(world: World) -> None:
    world.order("09:05", works_materials_entered=False)
    assert world.take("09:05")["read_orders"] == 0
    assert world.take("09:10")["found"] == 1


def test_late_rows_are_taken_and_too_late_ones_left_to_the_night(world: World) -> None:
    world.take("09:05")
    world.order("08:05", "EDGE", works_materials_entered=False)
    world.order("08:04", "LATE", works_materials_entered=False)
    world.take("09:10")
    assert [row[:2] for row in world.findings()] == [("EDGE", "ACC-10")]


def test_a_gap_is_taken_up_by_the_next_run(world: World) -> None:
    world.take("01:05")
    world.order("02:00", works_materials_entered=False)
    assert world.take("23:55")["found"] == 1


def test_an_ended_order_has_no_findings_and_clears_those_it_had(world: World) -> None:
    world.order("09:01", works_materials_entered=False)
    world.take("09:05")
    world.order("09:06", works_materials_entered=False, outcome="withdrawn")
    assert world.take("09:10")["cleared"] == 1
    assert world.rows("SELECT state FROM ops.order_check") == [("ended",)]


def test_an_order_whose_account_or_customer_changes_is_looked_at_again(world: World) -> None:
    world.put("account", {**ACCOUNT, "has_load_control": False}, moment=at("08:00", "2026-10-01"))
    world.put("customer", {**CUSTOMER, "contact_name": None}, moment=at("08:00", "2026-10-01"))
    world.order("09:01")
    world.take("09:05")
    assert [row[1] for row in world.findings()] == ["ACC-01", "ACC-18"]
    world.put("account", ACCOUNT, moment=at("11:01"))
    assert world.take("11:05")["again_orders"] == 1
    assert [row[3] for row in world.findings()] == [None, at("11:05")]
    world.put("customer", CUSTOMER, moment=at("13:01"))
    assert world.take("13:05")["cleared"] == 1
    assert [row[3] for row in world.findings()] == [at("13:05"), at("11:05")]


def test_a_bad_order_is_refused_with_its_reason_and_others_are_checked(world: World) -> None:
    world.order("09:01", "BOGUS", kind="bogus")
    world.order("09:01", "HALF", submitted_at=None)
    world.order("09:01", "STRANGER", account_id="NOBODY")
    world.order("09:01", "WRONG", works_materials_entered=False)
    world.put("account", {**ACCOUNT, "account_id": "BAD", "status": "abolished"})
    world.order("09:01", "BROKEN", account_id="BAD")
    counts = world.take("09:05")
    assert (counts["read_orders"], counts["checked_orders"], counts["refused_orders"]) == (5, 1, 4)
    assert world.rows("SELECT order_id, reason FROM ops.order_check WHERE state = 'refused' ORDER BY 1") == [
        ("BOGUS", "service_order: values:kind"),
        ("BROKEN", "account: values:status; service_order[0].account_id: no such account, and the application brings none"),
        ("HALF", "service_order: required:submitted_at"),
        ("STRANGER", "service_order[0].account_id: no such account, and the application brings none"),
    ]  # fmt: skip
    assert [row[:2] for row in world.findings()] == [("WRONG", "ACC-10")]


def test_findings_of_an_order_that_cannot_be_read_any_more_stay_open(world: World) -> None:
    world.order("09:01", works_materials_entered=False)
    world.take("09:05")
    world.order("09:06", kind="bogus")
    assert world.take("09:10")["refused_orders"] == 1
    assert world.findings() == [("O1", "ACC-10", at("09:05"), None)]


def test_an_earlier_run_leaves_alone_what_a_later_one_looked_at(world: World) -> None:
    world.order("09:01", works_materials_entered=False)
    world.take("09:10")
    before = world.rows("SELECT * FROM ops.order_finding"), world.rows("SELECT * FROM ops.order_check")
    assert world.take("09:05")["unchanged_orders"] == 1
    assert (
        world.rows("SELECT * FROM ops.order_finding"),
        world.rows("SELECT * FROM ops.order_check"),
    ) == before


def test_a_killed_run_done_again_ends_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        world.order("09:01", f"O{number}", works_materials_entered=False)
    monkeypatch.setattr(orders_module, "BATCH", 2)
    real = orders_module._Intake._look
    calls = []

    def dies(self: Any, part: Any) -> Any:
        calls.append(part)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(self, part)

    monkeypatch.setattr(orders_module._Intake, "_look", dies)
    with pytest.raises(KeyboardInterrupt):
        world.take("09:05")
    assert len(world.findings()) == 2
    assert world.rows("SELECT * FROM ops.order_intake") == []
    world.take("09:05")
    assert [row[0] for row in world.findings()] == ["O0", "O1", "O2", "O3", "O4"]
    assert world.rows("SELECT read_orders, checked_orders FROM ops.order_intake") == [(5, 5)]


def test_an_empty_source_is_a_run_of_nothing(world: World) -> None:
    world.metadata.drop_all(world.source)
    world.metadata.create_all(world.source)
    assert set(world.take("09:05").values()) == {0}
    assert world.rows("SELECT read_orders FROM ops.order_intake") == [(0,)]


def test_a_source_that_is_down_changes_nothing(world: World) -> None:
    url = sa.make_url(world.settings.sources[0].location).set(port=1)
    down = SourceSettings(location=url.render_as_string(hide_password=False))
    with pytest.raises(SourceUnavailableError):
        take_orders(world.settings.model_copy(update={"sources": (down,)}), at("09:05"))
    assert world.rows("SELECT * FROM ops.order_intake") == []


def test_findings_are_never_deleted(world: World) -> None:
    world.order("09:01", works_materials_entered=False)
    world.take("09:05")
    with pytest.raises(sa.exc.DBAPIError, match="never deleted"), world.ops.begin() as connection:
        connection.execute(sa.text("DELETE FROM ops.order_finding"))


def test_orders_come_from_files_too(world: World, tmp_path: Path) -> None:
    contract = load_contract()
    rows = {**{name: LAKE.get(name, []) for name in READ}}
    base = {**ORDER, "submitted_at": "2026-11-04 08:00:00", "works_materials_entered": False}
    rows["service_order"] = [
        {**base, "order_id": "F1", "updated_at": "2026-11-04 09:04:59"},
        {**base, "order_id": "F2", "updated_at": "2026-11-04 09:05:00"},
        {**base, "order_id": "F3", "updated_at": "yesterday"},
        {**base, "order_id": "", "updated_at": "2026-11-04 09:00:00"},
    ]
    for name in READ:
        names = [column.name for column in contract.tables[name].columns]
        with (tmp_path / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, names)
            writer.writeheader()
            writer.writerows(
                {"updated_at": "2026-10-01 08:00:00", **row} if "updated_at" in names else row
                for row in rows[name]
            )
    settings = world.settings.model_copy(update={"sources": (SourceSettings(location=str(tmp_path)),)})
    counts = take_orders(settings, at("09:05"))
    assert (counts["checked_orders"], counts["refused_orders"]) == (1, 2)
    assert [row[:2] for row in world.findings()] == [("F1", "ACC-10")]
    assert sorted(
        row[0] for row in world.rows("SELECT reason FROM ops.order_check WHERE state = 'refused'")
    ) == [
        "service_order: required:order_id",
        "service_order: type:updated_at",
    ]
    assert take_orders(settings, at("09:05"))["unchanged_orders"] == 0
    assert take_orders(settings, at("09:10"))["unchanged_orders"] == 3


def test_the_look_up_file_is_made_anew_when_the_lake_changes(world: World) -> None:
    before = renew_look_up(world.settings)
    assert renew_look_up(world.settings) == before
    put(world.settings, {"tariff": LAKE["tariff"]})
    assert renew_look_up(world.settings) != before
