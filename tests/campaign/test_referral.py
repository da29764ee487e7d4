"""A new account that names a code is a conversion of the contact that the code is of."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
from sqlalchemy import Engine

from tests.campaign.test_results import events_of, result_session
from tests.campaign.test_steps import alone, leave, night, put, settings_of
from tests.campaign.world import AS_OF
from wattmark.campaign.keys import campaign_key
from wattmark.campaign.message import reply_code
from wattmark.contract import load_contract


def test_who_recommended_a_new_account_has_converted(tmp_path: Path, ops: Engine, warehouse_url: str) -> None:
    put(tmp_path, control_share=0, schedule={"dates": [AS_OF.isoformat()]})
    settings = alone(settings_of(tmp_path, services={"warehouse_url": warehouse_url}))
    (outcome,) = night(settings, ops, AS_OF)
    sent = sorted(leave(settings, ops, outcome, AS_OF))
    key = campaign_key(settings.home)
    codes = {who: reply_code(key, outcome.campaign_run_id, who, "") for who in sent}
    friend, herself, late, unknown = sent[:4]
    opened = dt.date(2026, 11, 20)
    new = [
        # As somebody writes it down: small letters, no hyphens, an O for a 0.
        ("N1", "D1", opened, f"code {codes[friend].lower().replace('-', ' ').replace('0', 'o')}"),
        ("N2", herself, opened, codes[herself]),
        # Sixty days after, of thirty.
        ("N3", "D3", dt.date(2027, 1, 3), codes[late]),
        ("N4", "D4", opened, "0000-0000-0000"),
        ("N5", "D5", opened, None),
    ]
    accounts = [
        {"account_id": account, "customer_id": customer, "opened_on": day, "referral_code": code}
        for account, customer, day, code in new
    ]
    with result_session(settings, dt.date(2027, 1, 31), events_of([])) as session:
        schema = load_contract().tables["account"].arrow_schema
        session.give("accepted.account", pa.Table.from_pylist(accounts, schema=schema))
        found = session.query("SELECT * FROM campaign.referral").read_all().to_pylist()
        rows = session.query("SELECT customer_id, converted FROM campaign.contact").read_all().to_pylist()
    assert {(row["account_id"], row["customer_id"], row["campaign_id"]) for row in found} == {
        ("N1", friend, "one"), ("N3", late, "one"),
    }  # fmt: skip
    assert {row["customer_id"] for row in rows if row["converted"]} == {friend}
    assert unknown in {row["customer_id"] for row in rows}
