"""The past list of a sample utility stands in the warehouse as a release leaves it, and is evaluated like any other."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
from sqlalchemy import Engine, text

from tests.campaign.test_results import events_of, result_session
from wattmark.campaign.keys import check_key
from wattmark.campaign.stored import stored_lists
from wattmark.contract import load_contract
from wattmark.settings import load_settings
from wattmark_sample.history import PAST_CAMPAIGN, PastList
from wattmark_sample.past import put_past_list

AS_OF = dt.date(2026, 8, 24)
MEMBERS = [
    {"customer_id": f"C{at:08}", "channel": "sms" if at % 3 else "email", "cell": ("control", "plain", "first_bill_bonus")[at % 3 if at % 4 else 0]}
    for at in range(400)
]  # fmt: skip


def test_it_is_released_once_and_evaluated(tmp_path: Path, ops: Engine, warehouse_url: str) -> None:
    settings = load_settings(tmp_path, services={"warehouse_url": warehouse_url})
    past = PastList(AS_OF, AS_OF + dt.timedelta(days=1), MEMBERS)
    assert put_past_list(settings, ops, past)
    assert not put_past_list(settings, ops, past)
    with ops.connect() as connection:
        # The lists of the next night find a key that ops knows.
        check_key(settings.home, connection)
    (row,) = stored_lists(ops)
    control = sum(member["cell"] == "control" for member in MEMBERS)
    assert (row["state"], row["listed"], row["control"]) == ("released", 400 - control, control)
    assert row["released_at"].date() == AS_OF + dt.timedelta(days=1)
    with ops.connect() as connection:
        kept = connection.execute(
            text("SELECT COUNT(*), COUNT(DISTINCT customer_id) FROM ops.campaign_member")
        ).one()
    assert tuple(kept) == (400, 400)
    contract = load_contract()
    took = [
        {"account_id": f"A{at:08}", "product_code": "e_bill", "since_on": dt.date(2026, 9, 10)}
        for at in range(0, 400, 5)
    ]
    held_by = [{"account_id": f"A{at:08}", "customer_id": f"C{at:08}"} for at in range(400)]
    with result_session(settings, dt.date(2026, 11, 28), events_of([])) as session:
        for name, rows in (("product_holding", took), ("account", held_by)):
            schema = contract.tables[name].arrow_schema
            session.give(f"accepted.{name}", pa.Table.from_pylist(rows, schema=schema))
        (total,) = (
            session.query("SELECT * FROM mart.campaign_result WHERE cell = 'all'").read_all().to_pylist()
        )
    assert total["campaign_id"] == PAST_CAMPAIGN
    assert (total["listed"], total["control"], total["is_final"]) == (400 - control, control, True)
    assert total["converted"] == sum(member["cell"] != "control" for member in MEMBERS[::5])
    assert total["lift"] is not None
