"""A small published utility whose figures, targets and cases a test sets by hand, for reviews to look at."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import psycopg

from tests.web.desk_data import a_case, columns_of, put
from wattmark.cases.review.make import Made, Taken, make_due, periods, snapshot, take
from wattmark.cases.review.spans import SPANS, SpanName
from wattmark.settings import Settings, load_settings

TABLES = (
    "dim_org_unit", "dim_staff", "dim_kpi", "dim_rule", "audit_kpi", "audit_kpi_change", "audit_kpi_target", "audit_case", "rule_performance",
    "audit_coverage", "audit_coverage_unit",
)  # fmt: skip
SEPTEMBER, OCTOBER = dt.date(2026, 9, 1), dt.date(2026, 10, 1)


class ReviewWorld:
    """The warehouse as one night after another leaves it; each ``night`` names the day that is published."""

    def __init__(self, connection: psycopg.Connection[Any], url: str, home: Path) -> None:
        self.connection, self.home = connection, home
        self.settings: Settings = load_settings(home, services={"warehouse_url": url})
        connection.execute("CREATE SCHEMA mart; CREATE SCHEMA IF NOT EXISTS mart_store")
        for table in TABLES:
            columns = columns_of(f"mart.{table}")
            connection.execute(
                f"CREATE TABLE mart.{table} ({', '.join(f'{name} {kind}' for name, kind in columns.items())})"
            )
        for name in ("current_run", "closing_run"):
            connection.execute(f"DROP TABLE IF EXISTS mart_store.{name}")
            connection.execute(f"CREATE TABLE mart_store.{name} (run_id text, as_of date)")

    def night(self, as_of: dt.date, closed: bool = True) -> None:
        """What readers see is of this day; without ``closed`` what rests on cases is still of the night before."""
        self._names("current_run", as_of)
        if closed:
            self._names("closing_run", as_of)

    def _names(self, table: str, as_of: dt.date) -> None:
        self.connection.execute(f"DELETE FROM mart_store.{table}")
        put(self.connection, f"mart_store.{table}", {"run_id": f"{as_of:%Y%m%d}", "as_of": as_of})

    def utility(self) -> None:
        """A province with two stations, two figures and two rules; an approver at the top and one in the north."""
        for unit, parent, name, path, depth in (
            ("P", None, "Province", "P", 0),
            ("U1", "P", "North station", "P/U1", 1),
            ("U2", "P", "South station", "P/U2", 1),
        ):
            put(
                self.connection, "mart.dim_org_unit",
                {"org_unit_id": unit, "parent_id": parent, "name": name, "path": path, "depth": depth},
            )  # fmt: skip
        for staff_id, unit, post in (
            ("S1", "P", "manager"),
            ("S2", "U1", "billing"),
            ("S3", "U1", "manager"),
        ):
            put(self.connection, "mart.dim_staff", {"staff_id": staff_id, "org_unit_id": unit, "post": post})
        for kpi, title, title_zh, better, form, standard, floor in (
            ("reading_rate", "Points read", "实抄率", "high", "share", 0.995, 0.95),
            ("receivable_days", "Days of receivables", "应收余额天数", "low", "days", 15, 60),
        ):
            put(self.connection, "mart.dim_kpi", {
                "kpi": kpi, "title_en": title, "title_zh": title_zh, "better": better, "form": form, "standard": standard, "floor": floor, "weight": 2,
                "post": "meter_reader",
            })  # fmt: skip
        for rule_id, title, title_zh in (
            ("TAR-01", "Reading does not continue", "抄见示数不连续"),
            ("COL-01", "Money not remitted", "解款不及时"),
        ):
            put(
                self.connection, "mart.dim_rule", {"rule_id": rule_id, "title_en": title, "title_zh": title_zh}
            )  # fmt: skip

    def login(self, login: str, staff_id: str | None, unit: str, role: str = "approver") -> None:
        put(
            self.connection, "ops.staff_login",
            {"login": login, "staff_id": staff_id, "org_unit_id": unit, "role": role},
        )  # fmt: skip

    def figure(
        self, unit: str, period: dt.date, value: float | None, score: float | None, kpi: str = "reading_rate", span: str = "month", **more: Any
    ) -> None:  # fmt: skip
        """A row of mart.audit_kpi, in the place of one that stands."""
        key = {"level": "org_unit", "id": unit, "span": span, "period": period, "kpi": kpi}
        where = " AND ".join(f"{name} = %s" for name in key)
        self.connection.execute(f"DELETE FROM mart.audit_kpi WHERE {where}", list(key.values()))
        row = {**key, "value": value, "score": score, "standard": 0.995, "too_few": False, **more}
        put(self.connection, "mart.audit_kpi", row)

    def target(self, unit: str, period: dt.date, target: float, value: float, **more: Any) -> None:
        put(self.connection, "mart.audit_kpi_target", {
            "level": "org_unit", "id": unit, "span": "month", "period": period, "kpi": "reading_rate", "target": target, "value": value, "is_over": True,
            "reached": value >= target, "distance": value - target, **more,
        })  # fmt: skip

    def case(self, subject_id: str, *steps: Any, **more: Any) -> str:
        """A case in ops, and as the night published it."""
        case_id = a_case(self.connection, subject_id, list(steps), **more)
        mart = columns_of("mart.audit_case")
        shared = ", ".join(mart)
        self.connection.execute(
            f"INSERT INTO mart.audit_case ({shared}) SELECT {shared} FROM ops.audit_case WHERE case_id = %s", [case_id]
        )  # fmt: skip
        return case_id

    def make(self, *spans: SpanName, wanted: dt.date | None = None) -> list[Made]:
        return make_due(self.settings, spans or SPANS, wanted)

    def take(self, *spans: SpanName) -> list[Taken]:
        """The same without files, which take longest."""
        taken = []
        for span in spans or SPANS:
            for period in periods(self.connection, span):
                with snapshot(self.connection):
                    taken += take(self.connection, self.settings, period)
        return taken

    def items(self, span: str, period: dt.date, *columns: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(
            f"SELECT {', '.join(columns)} FROM ops.review_item WHERE span = %s AND period = %s ORDER BY item_no", [span, period]
        ).fetchall()  # fmt: skip

    def reviews(self) -> list[tuple[str, str, str]]:
        return self.connection.execute(
            "SELECT span, period::text, org_unit_id FROM ops.review ORDER BY period, span, org_unit_id"
        ).fetchall()

    def everything(self) -> tuple[Any, ...]:
        """All that reviews have left, but for the moments at which it was written."""
        reviews = self.connection.execute(
            "SELECT to_jsonb(r) - 'made_at' FROM ops.review AS r ORDER BY 1"
        ).fetchall()
        items = self.connection.execute(
            "SELECT to_jsonb(i) - 'closed_at' FROM ops.review_item AS i ORDER BY 1"
        ).fetchall()
        folder = self.home / "reviews"
        files = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        return reviews, items, files
