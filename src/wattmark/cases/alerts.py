"""Alerts about cases: who is told in the morning of what is high, overdue or held by the brake.

Each case is told once for each reason: of an opening, a brake or a due date nobody hears twice, however often a night is
run (``ops.case_alert``). What could not be sent stays to be sent, by the same night run again or by the next one. A message
names numbers and rules and leads to the workbench; it holds no case, account or person.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import psycopg
from psycopg.rows import dict_row

from wattmark import notices
from wattmark.case_settings import IN_DISPUTE
from wattmark.cases.act import RULE
from wattmark.cases.model import TO_DECIDE, TO_MEND
from wattmark.cases.rights import published
from wattmark.code_names import Language
from wattmark.errors import WattmarkError
from wattmark.publish.ops import libpq_url, warehouse_url
from wattmark.run import Run
from wattmark.settings import Settings
from wattmark.user_settings import Users

log = logging.getLogger(__name__)

ALERT_LOCK = 7_226_431_918
"""Two nights' alerts wait for each other: else both would send the same."""
REASONS = ("braked", "high", "overdue", "escalated")
OPENED_DAYS = 7
"""Days for which an opening that could not be told is tried anew."""
TRIES = 2
MOST_FAILED = 3
"""Messages one after the other that are not taken: the server is down, and the rest waits for the next night."""
MOST_RULES = 5

# What waits to be told by one way. A case stands where something is to be decided or mended; an effect ends with its cause.
_WAITING = """
WITH standing AS (
  SELECT c.case_id, c.rule_id, c.subject_type, c.state, c.severity, c.due_on, c.assigned_to,
    CASE WHEN c.state = ANY(%(to_mend)s) THEN c.responsible_org_unit_id ELSE COALESCE(c.assigned_org_unit_id, c.org_unit_id) END AS unit
  FROM ops.audit_case AS c
  WHERE c.state = ANY(%(standing)s) AND c.root_cause_case_id IS NULL AND (c.severity = 'high' OR c.due_on <= %(as_of)s)
),
reasoned AS (
  SELECT s.*, CASE WHEN s.subject_type = %(rule)s THEN 'braked' ELSE 'high' END AS reason, e.event_no::text AS about
  FROM standing AS s JOIN LATERAL (
    SELECT e.event_no, e.on_day FROM ops.audit_case_event AS e
    WHERE e.case_id = s.case_id AND e.step IN ('open', 'reopen') ORDER BY e.event_no DESC LIMIT 1
  ) AS e ON e.on_day <= %(as_of)s AND e.on_day > %(as_of)s - %(days)s
  WHERE s.severity = 'high'
  UNION ALL
  SELECT s.*, 'overdue', s.due_on::text FROM standing AS s WHERE s.due_on <= %(as_of)s
  UNION ALL
  SELECT s.*, 'escalated', s.due_on::text FROM standing AS s
  JOIN ops.case_alert AS t ON t.case_id = s.case_id AND t.reason = 'overdue' AND t.about = s.due_on::text AND t.way = %(way)s
  WHERE t.as_of <= %(as_of)s - %(approver_days)s AND s.due_on <= %(as_of)s
)
SELECT r.case_id, r.rule_id, r.state, r.assigned_to, r.unit, r.reason, r.about FROM reasoned AS r
WHERE r.reason = ANY(%(reasons)s)
  AND NOT EXISTS (SELECT FROM ops.case_alert AS t WHERE (t.case_id, t.reason, t.about, t.way) = (r.case_id, r.reason, r.about, %(way)s))
ORDER BY r.case_id COLLATE "C", r.reason
"""
_TOLD = """
INSERT INTO ops.case_alert (case_id, reason, about, way, as_of, told)
SELECT a.case_id, a.reason, a.about, %(way)s, %(as_of)s, %(told)s
FROM unnest(%(case_ids)s::text[], %(reasons)s::text[], %(abouts)s::text[]) AS a (case_id, reason, about)
ON CONFLICT DO NOTHING
"""
_WORDS: dict[str, dict[Language, str]] = {
    "title": {"en": "Audit cases, night of {as_of}: {what}", "zh": "{as_of} 稽查案件提醒：{what}"},
    "braked": {"en": "rules held by the brake: {count}", "zh": "规则刹车 {count} 项"},
    "high": {"en": "of high severity: {count}", "zh": "新立高风险案件 {count} 件"},
    "overdue": {"en": "overdue: {count}", "zh": "逾期 {count} 件"},
    "escalated": {
        "en": "still overdue {days} days later: {count}",
        "zh": "提醒 {days} 天后仍逾期 {count} 件",
    },
    "of_rules": {"en": "{said} ({rules})", "zh": "{said}（{rules}）"},
    "more": {"en": "other rules {count}", "zh": "其他规则 {count} 件"},
}


@dataclass(frozen=True)
class Alert:
    """A case that somebody is to be told of, for one reason."""

    case_id: str
    rule_id: str
    state: str
    assigned_to: str | None
    unit: str | None
    reason: str
    about: str


@dataclass(frozen=True)
class Addressee:
    """Who gets a message: owner, approver, those of ``notify.mail.to`` (common) or the webhook's channel."""

    told: str
    to: tuple[str, ...] = ()


@dataclass(frozen=True)
class Directory:
    """Whom alerts reach: addresses of logins, the logins of staff, approvers of units, and units by the one above."""

    address: Mapping[str, str]
    login_of_staff: Mapping[str, str]
    approvers: Mapping[str, tuple[str, ...]]
    above: Mapping[str, str | None]

    def of(self, alert: Alert) -> list[Addressee]:
        """Who is told of a case: its owner, while it waits for one, else the approvers of the nearest unit that has any with
        an address; where there are none, those whom ``notify.mail`` names."""
        if alert.reason in ("high", "overdue") and alert.state in (*TO_DECIDE, *TO_MEND):
            owner = self.address.get(self.login_of_staff.get(alert.assigned_to or "", ""))
            if owner is not None:
                return [Addressee("owner", (owner,))]
        unit, seen = alert.unit, set[str]()
        while unit is not None and unit not in seen:
            found = [self.address[login] for login in self.approvers.get(unit, ()) if login in self.address]
            if found:
                return [Addressee("approver", (address,)) for address in found]
            seen.add(unit)
            unit = self.above.get(unit)
        return [Addressee("common")]


def tell_cases(settings: Settings, run: Run) -> dict[str, int]:
    """Tell what a night's cases ask of people; never fails the night.

    Only for the newest night that cases have taken in.

    Returns:
        messages that were taken, and alerts told and not told by them, over all ways.
    """
    counts = {"messages": 0, "told": 0, "untold": 0}
    ways: list[notices.Way] = []
    if settings.notify.mail:
        ways.append("mail")
    if settings.notify.webhook:
        ways.append("webhook")
    if not ways:
        log.info("Nobody is named in notify of the settings, so nobody is told of cases.")
        return counts
    try:
        with psycopg.connect(
            libpq_url(warehouse_url(settings)), row_factory=dict_row, autocommit=True
        ) as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", [ALERT_LOCK])
            newest = connection.execute("SELECT MAX(as_of) AS as_of FROM ops.case_night").fetchone()
            if newest is None or newest["as_of"] != run.as_of:
                log.info(
                    "Cases have taken in a newer night than %s, or not this one: nobody is told.", run.as_of
                )
                return counts
            for way in ways:
                for name, count in _tell(settings, run, connection, way).items():
                    counts[name] += count
    except Exception as error:  # a notice that fails must not fail anything else
        said = str(error) if isinstance(error, WattmarkError) else type(error).__name__
        log.error("Not everybody was told of cases: %s", said)
    return counts


def _tell(
    settings: Settings, run: Run, connection: psycopg.Connection[Any], way: notices.Way
) -> dict[str, int]:
    waiting = _waiting(settings, run, connection, way)
    titles = _titles(connection, settings.utility.speaks)
    messages: dict[Addressee, list[Alert]] = {}
    if way == "webhook" and waiting:
        messages[Addressee("channel")] = waiting
    elif waiting:
        directory = _directory(connection, settings.users)
        for alert in waiting:
            for addressee in directory.of(alert):
                messages.setdefault(addressee, []).append(alert)
    told: set[tuple[str, str]] = set()
    sent = failed = 0
    for addressee, alerts in messages.items():
        if failed == MOST_FAILED:
            break
        notice = notice_of(settings, run, addressee, alerts, titles)
        if not any(notices.send(settings, notice, ways=(way,), to=addressee.to) for _ in range(TRIES)):
            failed += 1
            continue
        sent, failed = sent + 1, 0
        _note(connection, run, way, addressee, alerts)
        told |= {(alert.case_id, alert.reason) for alert in alerts}
    untold = len(waiting) - len(told)
    if untold:
        log.error("%s alerts about cases were not told by %s; the next night tries again.", untold, way)
    return {"messages": sent, "told": len(told), "untold": untold}


def _waiting(
    settings: Settings, run: Run, connection: psycopg.Connection[Any], way: notices.Way
) -> list[Alert]:
    wanted = settings.notify.cases
    reasons = {"high": wanted.high, "braked": wanted.braked, "overdue": wanted.overdue, "escalated": wanted.overdue}  # fmt: skip
    rows = connection.execute(
        _WAITING,
        {
            "to_mend": list(TO_MEND), "standing": list(IN_DISPUTE), "as_of": run.as_of, "rule": RULE, "days": OPENED_DAYS, "way": way,
            "approver_days": wanted.approver_days, "reasons": [reason for reason, is_on in reasons.items() if is_on],
        },
    ).fetchall()  # fmt: skip
    return [Alert(**row) for row in rows]


def _note(
    connection: psycopg.Connection[Any],
    run: Run,
    way: notices.Way,
    addressee: Addressee,
    alerts: Sequence[Alert],
) -> None:
    connection.execute(
        _TOLD,
        {
            "way": way, "as_of": run.as_of, "told": addressee.told, "case_ids": [alert.case_id for alert in alerts],
            "reasons": [alert.reason for alert in alerts], "abouts": [alert.about for alert in alerts],
        },
    )  # fmt: skip


def _titles(connection: psycopg.Connection[Any], language: Language) -> dict[str, str]:
    if not published(connection, "dim_rule"):
        return {}
    rows = connection.execute("SELECT rule_id, title_en, title_zh FROM mart.dim_rule").fetchall()
    return {row["rule_id"]: row[f"title_{language}"] or "" for row in rows}


def _directory(connection: psycopg.Connection[Any], users: Users) -> Directory:
    logins = connection.execute(
        "SELECT login, staff_id, org_unit_id, role FROM ops.staff_login WHERE role <> 'viewer' ORDER BY login"
    ).fetchall()
    units = (
        connection.execute("SELECT org_unit_id, parent_id FROM mart.dim_org_unit").fetchall()
        if published(connection, "dim_org_unit")
        else []
    )
    approvers: dict[str, tuple[str, ...]] = {}
    for row in logins:
        if row["role"] == "approver":
            approvers[row["org_unit_id"]] = (*approvers.get(row["org_unit_id"], ()), row["login"])
    return Directory(
        {login: user.email for login, user in users.items() if user.email is not None},
        {row["staff_id"]: row["login"] for row in logins if row["staff_id"] is not None},
        approvers,
        {row["org_unit_id"]: row["parent_id"] for row in units},
    )


# --- what a message says ---------------------------------------------------------------------------------


def notice_of(
    settings: Settings, run: Run, addressee: Addressee, alerts: Iterable[Alert], titles: Mapping[str, str]
) -> notices.Notice:
    """One message about many cases: how many for each reason, of which rules, and the list in the workbench.

    Args:
        settings: whose language it is in.
        run: the night.
        addressee: who gets it; an owner is led to their own list.
        alerts: what they are told of.
        titles: of rules, in that language.
    """
    language = settings.utility.speaks
    rules: dict[str, Counter[str]] = {}
    for alert in alerts:
        rules.setdefault(alert.reason, Counter())[alert.rule_id] += 1
    said = {
        reason: _WORDS[reason][language].format(
            count=f"{rules[reason].total():,}", days=settings.notify.cases.approver_days
        )
        for reason in REASONS
        if reason in rules
    }
    lines = []
    for reason, what in said.items():
        most = rules[reason].most_common()
        named = [f"{rule_id} {titles.get(rule_id, '')}".strip() + f" {count:,}" for rule_id, count in most[:MOST_RULES]]  # fmt: skip
        if rest := sum(count for _, count in most[MOST_RULES:]):
            named.append(_WORDS["more"][language].format(count=f"{rest:,}"))
        listed = ("; " if language == "en" else "；").join(named)
        lines.append(_WORDS["of_rules"][language].format(said=what, rules=listed))
        if link := _link(reason, addressee, rules[reason], language):
            lines.append(link)
    what = (", " if language == "en" else "，").join(said.values())
    title = _WORDS["title"][language].format(as_of=run.as_of, what=what)
    # Airflow names the run in the environment of its tasks.
    dag_id = os.environ.get("AIRFLOW_CTX_DAG_ID", "nightly")
    run_id = os.environ.get("AIRFLOW_CTX_DAG_RUN_ID", run.run_id)
    return notices.Notice("cases", dag_id, run_id, title, tuple(lines), run.as_of.isoformat())


def _link(reason: str, addressee: Addressee, rules: Mapping[str, int], language: Language) -> str | None:
    """The workbench's list of such cases; None where Airflow's address is not known."""
    base = os.environ.get("AIRFLOW__API__BASE_URL", "").rstrip("/")
    if not base:
        return None
    query: dict[str, str] = {"view": "mine" if addressee.told == "owner" else "all"}
    if reason == "braked" and len(rules) == 1:
        query["find"] = next(iter(rules))
    elif reason in ("high", "braked"):
        query |= {"severity": "high", "age": "d7"}
    else:
        query["due"] = "over"
    return f"{base}/wattmark/cases/?{urlencode({'language': language, **query})}"
