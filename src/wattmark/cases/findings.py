"""Tonight's findings as cases take them: which case each belongs to, what was compared, whose own work it is."""

from __future__ import annotations

import datetime as dt
import decimal
import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from wattmark.audit.runner import FINDINGS
from wattmark.cases.log import canonical
from wattmark.cases.model import case_id_of
from wattmark.cases.rulebook import Rulebook
from wattmark.engine.session import Session


@dataclass(slots=True)
class Finding:
    """One finding; ``period`` is that of its case, ``evidence`` its JSON text."""

    case_id: str
    rule_id: str
    subject_type: str
    subject_id: str
    period: dt.date | None
    account_id: str | None
    customer_id: str | None
    org_unit_id: str | None
    severity: str
    at_stake_amount: decimal.Decimal | None
    evidence: str
    evidence_hash: str
    kind: str
    message_en: str | None
    message_zh: str | None


def read_json(text: str | None) -> dict[str, Any]:
    """Evidence, its numbers as they are written."""
    found: dict[str, Any] = json.loads(text or "{}", parse_float=decimal.Decimal)
    return found


def hash_of(evidence: Mapping[str, Any], left_out: Collection[str]) -> str:
    """SHA-256 (hex) over the canonical JSON of what was compared.

    Args:
        evidence: of a finding.
        left_out: keys that are limits, or that the calendar alone moves.
    """
    compared = {key: value for key, value in evidence.items() if key not in left_out}
    return hashlib.sha256(canonical(compared).encode()).hexdigest()


def finding_of(row: Mapping[str, Any], book: Rulebook) -> Finding:
    """A finding from a row of ``findings.audit_exception``, its evidence as text or as a mapping."""
    given = row["evidence"]
    evidence = given if isinstance(given, Mapping) else read_json(given)
    rule_id = row["rule_id"]
    period = book.month_of(rule_id, row["period"])
    return Finding(
        case_id=case_id_of(rule_id, row["subject_type"], row["subject_id"], period),
        rule_id=rule_id,
        subject_type=row["subject_type"],
        subject_id=row["subject_id"],
        period=period,
        account_id=row["account_id"],
        customer_id=row["customer_id"],
        org_unit_id=row["org_unit_id"],
        severity=row["severity"],
        at_stake_amount=row["at_stake_amount"],
        evidence=canonical(evidence) if isinstance(given, Mapping) else (given or "{}"),
        evidence_hash=hash_of(evidence, book.left_out(rule_id)),
        kind=row["kind"],
        message_en=row["message_en"],
        message_zh=row["message_zh"],
    )


def tonight(session: Session, book: Rulebook, known: Collection[str]) -> dict[str, Finding]:
    """Tonight's findings by case: exceptions, and listings of which somebody opened a case.

    Args:
        session: of the night.
        book: its rules.
        known: cases of rules that give listings.
    """
    session.see([FINDINGS])
    session.give("cases.known", pa.table({"case_id": pa.array(sorted(known), pa.string())}))
    session.give("cases.month_rule", pa.table({"rule_id": pa.array(book.of_months, pa.string())}))
    reader = session.query(
        f"SELECT f.* FROM {FINDINGS} AS f LEFT JOIN cases.month_rule AS m ON m.rule_id = f.rule_id "
        "WHERE f.kind = 'exception' OR CONCAT(f.rule_id, ':', f.subject_type, ':', f.subject_id, "
        "CASE WHEN m.rule_id IS NULL THEN '' ELSE STRFTIME(f.period, ':%Y-%m') END) IN (SELECT k.case_id FROM cases.known AS k)"
    )
    found: dict[str, Finding] = {}
    for batch in reader:
        for row in batch.to_pylist():
            finding = finding_of(row, book)
            found[finding.case_id] = finding
    return found


def listing_rules(session: Session) -> list[str]:
    """Rules that found something tonight that opens no case by itself."""
    rows = session.query(
        f"SELECT DISTINCT f.rule_id FROM {FINDINGS} AS f WHERE f.kind <> 'exception' ORDER BY f.rule_id"
    ).read_all()
    return [str(rule_id) for rule_id in rows["rule_id"].to_pylist()]


# --- whose own work it is --------------------------------------------------------------------------------

_SUBJECT_TABLE = {
    "order": "service_order",
    "violation": "violation_case",
}
"""Tables of subjects that are not named as they are."""


def own_staff(session: Session, findings: Iterable[Finding]) -> dict[str, tuple[str, ...]]:
    """Staff whose own work a finding is, by case, sorted: they may not judge it.

    These are the staff that the subject's row and the rows its evidence names carry, who edited a month's reading of a
    point named, and who is in charge of the account's reading area.

    Args:
        session: of the night; its source tables are read.
        findings: those that open a case or say something new of one.
    """
    by_key, staff_columns = _staffed(session)
    named: dict[str, set[str]] = {}
    asked: dict[str, list[tuple[str, str, dt.date | None]]] = {
        key: [] for key in [*by_key, "account_id", "point"]
    }
    for finding in findings:
        _ask(finding, by_key, named, asked)
    for key, table in by_key.items():
        columns = staff_columns[table]
        for column in columns:
            _answer(
                session, asked[key], named,
                f"SELECT a.case_id, s.{column} AS staff_id FROM cases.asked AS a JOIN source.{table} AS s ON s.{key} = a.id",
            )  # fmt: skip
    _answer(
        session, asked["account_id"], named,
        "SELECT a.case_id, s.staff_id FROM cases.asked AS a JOIN source.account AS c ON c.account_id = a.id "
        "JOIN source.reading_area AS s ON s.reading_area_id = c.reading_area_id",
    )  # fmt: skip
    _answer(
        session, asked["point"], named,
        "SELECT DISTINCT a.case_id, s.edited_by AS staff_id FROM cases.asked AS a JOIN source.register_reading AS s "
        "ON s.metering_point_id = a.id AND s.period = a.period WHERE s.edited_by IS NOT NULL",
    )  # fmt: skip
    return {case_id: tuple(sorted(staff)) for case_id, staff in named.items()}


def _staffed(session: Session) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Tables of one key whose rows name staff, by that key; and their columns that do."""
    by_key: dict[str, str] = {}
    columns: dict[str, list[str]] = {}
    for table in session.contract.tables.values():
        staff = [column.name for column in table.columns if column.ref == "staff" and not column.key]
        if staff and len(table.key) == 1:
            by_key[table.key[0]] = table.name
            columns[table.name] = staff
    return by_key, columns


def _ask(
    finding: Finding,
    by_key: Mapping[str, str],
    named: dict[str, set[str]],
    asked: dict[str, list[tuple[str, str, dt.date | None]]],
) -> None:
    """Note the staff that a finding names itself, and the rows that may name more."""
    own = named.setdefault(finding.case_id, set())
    subject_table = _SUBJECT_TABLE.get(finding.subject_type, finding.subject_type)
    for key, table in by_key.items():
        if table == subject_table:
            asked[key].append((finding.case_id, finding.subject_id, None))
    if finding.subject_type == "staff":
        own.add(finding.subject_id)
    if finding.account_id is not None:
        asked["account_id"].append((finding.case_id, finding.account_id, None))
    points = {finding.subject_id} if finding.subject_type == "metering_point" else set()
    for name, value in read_json(finding.evidence).items():
        if not isinstance(value, str) or not value:
            continue
        if name == "edited_by" or name == "staff_id" or name.endswith("_staff_id"):
            own.add(value)
        elif name.endswith("metering_point_id"):
            points.add(value)
        elif name.endswith("_id"):
            for key in by_key:
                if name == key or name.endswith(f"_{key}"):
                    asked[key].append((finding.case_id, value, None))
    if finding.period is not None:
        asked["point"] += [(finding.case_id, point, finding.period) for point in sorted(points)]


def _answer(
    session: Session, asked: list[tuple[str, str, dt.date | None]], named: dict[str, set[str]], sql: str
) -> None:
    if not asked:
        return
    cases, ids, periods = zip(*asked, strict=True)
    session.give(
        "cases.asked",
        pa.table(
            {
                "case_id": pa.array(cases, pa.string()),
                "id": pa.array(ids, pa.string()),
                "period": pa.array(periods, pa.date32()),
            }
        ),
    )
    for batch in session.query(sql):
        for case_id, staff_id in zip(
            batch.column("case_id").to_pylist(), batch.column("staff_id").to_pylist(), strict=True
        ):
            if staff_id is not None:
                named[case_id].add(staff_id)
