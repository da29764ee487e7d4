"""No composite segment that nobody can be in, and none that hangs on the model of leaving."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from wattmark.engine.session import DuckDBSession
from wattmark.engine.sqlfile import SqlFile
from wattmark.run import Run
from wattmark.settings import load_settings

from .test_segment_layer import DAY

CHOICES: dict[str, tuple[Any, ...]] = {
    "is_key_account": (False, True),
    "emerging_key_account": (False, True),
    "is_business": (False, True),
    "grade": ("A", "C", "E"),
    "arrears_band": (1, 4, 5),
    "payer": ("prompt", "automatic"),
    "value_cell": ("base", "climber", "sleeper"),
    "time_of_use": ("day", "night"),
    "tenure_band": ("long", "new"),
    "expected_take_up": (None, 0.5),
    "cluster": ("evening household", "night shift"),
    "trend": ("steady", "growing", "falling"),
    "has_closing_order": (False, True),
}
"""Values of each fact that a condition of the decision table can tell apart."""


TABLES = {
    "segment.customer_grade": "customer_id, is_graded, is_key_account, emerging_key_account, grade",
    "segment.customer_static": "customer_id, is_business, tenure_band",
    "segment.customer_conduct": "customer_id, payer, time_of_use",
    "segment.customer_value_cell": "customer_id, value_cell AS segment",
    "segment.customer_cluster": "customer_id, cluster AS segment",
    "segment.customer_association": "customer_id, expected_take_up",
    "segment.customer_sign": "customer_id, trend, has_closing_order",
    "segment.arrears_score": "account_id, arrears_band AS band",
    "segment.leave_score": "account_id, leave_band AS band",
    "core.live_account": "account_id, customer_id",
}
"""Where the decision table reads the facts."""
POSSIBLE = "(grade <> 'A' OR is_key_account) AND NOT (emerging_key_account AND grade = 'A')"
"""What one customer can be at once, by the definitions of the tables that the facts come from."""


@pytest.fixture(scope="module")
def reached(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[int, str]]:
    """The rows of the decision table that decided on somebody, with their segment: by ``proven``, ``unproven``, and ``all``."""
    home = load_settings(tmp_path_factory.mktemp("home"))
    with DuckDBSession(home, Run.of(DAY, "Asia/Shanghai"), stored=False) as session:
        duck = session.duck
        for name, values in {**CHOICES, "leave_band": (None, 4)}.items():
            session.give(f"choice.{name}", pa.table({name: list(values)}))
        every = " CROSS JOIN ".join(f"choice.{name}" for name in (*CHOICES, "leave_band"))
        duck.execute(
            "CREATE TABLE fact AS SELECT *, TRUE AS is_graded, 'C' || ROW_NUMBER() OVER () AS customer_id, "
            f"'A' || ROW_NUMBER() OVER () AS account_id FROM {every} WHERE {POSSIBLE}"
        )
        duck.execute(
            "INSERT INTO fact BY NAME SELECT 'GONE' AS customer_id, FALSE AS is_graded, FALSE AS is_key_account, "
            "FALSE AS emerging_key_account, 'E' AS grade, FALSE AS is_business, FALSE AS has_closing_order"
        )
        for table, columns in TABLES.items():
            supplied = "WHERE account_id IS NOT NULL" if columns.startswith("account_id") else ""
            session.give(table, duck.sql(f"SELECT {columns} FROM fact {supplied}").to_arrow_table())
        found = session.query(
            "SELECT DISTINCT c.leave_band, c.rule_no, c.segment FROM segment.customer_composite AS c"
        ).read_all()
        file = session.catalog.tables["segment.customer_composite"]
    assert isinstance(file, SqlFile)
    rows = found.to_pylist()
    return {
        "all": {row[0]: row[1] for row in file.parameters["decision"].default},
        "proven": {row["rule_no"]: row["segment"] for row in rows if row["leave_band"] == 4},
        "unproven": {row["rule_no"]: row["segment"] for row in rows if row["leave_band"] is None},
    }


def test_somebody_can_be_in_each_segment_without_the_model_of_leaving(
    reached: dict[str, dict[int, str]],
) -> None:
    assert set(reached["unproven"].values()) == set(reached["all"].values())
    assert set(reached["all"]) - set(reached["unproven"]) == {4, 9}, (
        "only the rows that ask the model fit nobody"
    )


def test_where_the_model_is_good_enough_its_rows_fit(reached: dict[str, dict[int, str]]) -> None:
    assert (reached["proven"][4], reached["proven"][9]) == ("key at risk", "leaving")
