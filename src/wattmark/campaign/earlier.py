"""What earlier nights knew, from the versions of the lake that they noted: addresses that have changed since, and words of
consent of people who have left."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from wattmark.contract.types import schema_of
from wattmark.email_address import judge as judge_email
from wattmark.engine.nights import nights_before, rows_at
from wattmark.engine.produced import PRODUCED
from wattmark.engine.session import Session
from wattmark.folding import fold, key_of
from wattmark.telephone import judge_all

_CONTACT = ("customer_id", "updated_at", "mobile", "phone", "email", "postal_address", "postcode")


def addresses_before(session: Session, calling_codes: Sequence[str]) -> pa.Table:
    """Addresses of customers whose record changed after something came back, as they were before.

    Args:
        session: with the events that are known.
        calling_codes: of other countries whose mobile numbers are used, such as ``+852``.

    Returns:
        rows of ``ask.address_before``: customer_id, address_kind, address (empty where there was none), from_at
        (empty for the first that is known) and until_at, the moment of the change.
    """
    schema = schema_of(PRODUCED["ask.address_before"])
    if not session.stored:
        return schema.empty_table()
    session.see(["accepted.customer", "known.campaign_event"])
    changed = session.duck.sql(
        """SELECT customer.customer_id, customer.updated_at, MIN(campaign_event.occurred_at) AS first_at
        FROM known.campaign_event JOIN accepted.customer ON customer.customer_id = campaign_event.customer_id
        WHERE campaign_event.kind IN ('bounced', 'unsubscribed', 'complained') AND customer.updated_at > campaign_event.occurred_at
        GROUP BY customer.customer_id, customer.updated_at"""
    ).to_arrow_table()
    if not len(changed):
        return schema.empty_table()
    open_ = {row["customer_id"]: row["first_at"] for row in changed.to_pylist()}
    found: dict[str, dict[dt.datetime, dict[str, Any]]] = {}
    seen: set[int] = set()
    for versions in nights_before(session, session.known_on):
        version = versions.get("accepted.customer")
        if version is None or version in seen or not open_:
            continue
        seen.add(version)
        for row in rows_at(session, "accepted.customer", version, _CONTACT, changed).to_pylist():
            found.setdefault(row["customer_id"], {})[row["updated_at"]] = row
            if row["customer_id"] in open_ and row["updated_at"] <= open_[row["customer_id"]]:
                del open_[row["customer_id"]]
    now = {row["customer_id"]: row["updated_at"] for row in changed.to_pylist()}
    records = []
    for customer, known in found.items():
        moments = sorted(moment for moment in known if moment < now[customer])
        for at, moment in enumerate(moments):
            records.append((known[moment], moments[at] if at else None, [*moments, now[customer]][at + 1]))
    return pa.Table.from_pylist(_kinds(session, records, calling_codes), schema=schema)


def _kinds(
    session: Session,
    records: Sequence[tuple[dict[str, Any], dt.datetime | None, dt.datetime]],
    calling_codes: Sequence[str],
) -> list[dict[str, Any]]:
    """The rows of ``campaign.address`` that such records would have had."""
    raws = sorted({row[column] for row, _, _ in records for column in ("mobile", "phone") if row[column]})
    judged = {
        row["raw"]: row
        for row in judge_all(pa.array(raws, pa.string()), session.settings.utility.country).to_pylist()
    }
    rows = []
    for row, from_at, until_at in records:
        mobile, phone = judged.get(row["mobile"], {}), judged.get(row["phone"], {})
        usable = mobile.get("is_mobile") and (
            mobile["is_valid"] or any(mobile["e164"].startswith(code) for code in calling_codes)
        )
        place = key_of(fold(row["postal_address"] or "")) or None
        mail = judge_email(row["email"]) if row["email"] else None
        number = mobile.get("e164") if usable else None
        addresses = {
            "mobile": number,
            "telephone": phone["e164"] if phone.get("is_valid") else number,
            "email": mail.lower() if mail else None,
            "place": place,
            "postal": f"{place}|{row['postcode'] or ''}" if place else None,
        }
        rows += [
            {
                "customer_id": row["customer_id"],
                "address_kind": kind,
                "address": address,
                "from_at": from_at,
                "until_at": until_at,
            }
            for kind, address in addresses.items()
        ]
    return rows


def refusals_of_the_gone(session: Session, key: str) -> list[dict[str, Any]]:
    """What customers who left lately had refused, as rows of ``ops.suppression`` under their records' hashes."""
    if not session.stored:
        return []
    session.see(["core.gone_customer"])
    gone = session.duck.sql(
        "SELECT customer_id FROM core.gone_customer WHERE gone_on > CAST(? AS DATE) - 8",
        params=[session.run.as_of],
    ).to_arrow_table()
    rows: list[dict[str, Any]] = []
    seen: set[int] = set()
    for versions in nights_before(session, session.known_on + dt.timedelta(days=1)):
        version = versions.get("accepted.consent")
        if version is None or version in seen or not len(gone):
            continue
        seen.add(version)
        words = rows_at(
            session,
            "accepted.consent",
            version,
            ("customer_id", "channel", "purpose", "status", "changed_at"),
            gone,
        ).to_pylist()
        newest: dict[tuple[str, str, str], tuple[dt.datetime, bool]] = {}
        for word in words:
            what = (word["customer_id"], word["channel"], word["purpose"])
            newest[what] = max(
                newest.get(what, (word["changed_at"], False)),
                (word["changed_at"], word["status"] != "granted"),
            )
        for (customer, channel, _), (moment, is_refusal) in newest.items():
            if is_refusal:
                said = chr(31).join((key, "record", customer))
                rows.append(
                    {
                        "channel": channel,
                        "address_hash": hashlib.sha256(said.encode()).hexdigest(),
                        "reason": "withdrawn",
                        "since": moment.astimezone(session.settings.zone).date(),
                    }
                )
        known = {word["customer_id"] for word in words}
        left = [customer for customer in gone.column("customer_id").to_pylist() if customer not in known]
        gone = pa.table({"customer_id": pa.array(left, pa.string())})
    return rows
