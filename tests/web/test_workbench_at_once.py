"""Eight people take steps on the same cases for a minute while nights are taken in beside them: nothing is lost, all is in order."""

from __future__ import annotations

import datetime as dt
import hashlib
import html
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import Engine

from tests.cases.nights import LOGINS, SOURCE, Nights, finding
from tests.ops_server import ops
from tests.web.desk_data import make_marts, put, who
from tests.web.test_browser import served
from wattmark.cases.log import verify
from wattmark.publish.ops import libpq_url
from wattmark.web.pages import pages_app

__all__ = ["ops"]

SECONDS = 60
PEOPLE = ("b1", "b2", "b3", "m1", "seer", "chief", "deputy", "west")
MORE_LOGINS = (
    ("chief", None, "TOP", "approver"),
    ("deputy", "D1", "CITY", "approver"),
    ("west", "W1", "WEST", "worker"),
)
IDLE = ("note", "move", "extend", "unlink")
"""Steps that lead nowhere, or are offered again and again."""
HOT = 6
"""Cases on top of a list that everybody reaches for."""


@dataclass(frozen=True)
class Try:
    """A step that was asked for: on which case, of which version, and whether the answer says that it was taken."""

    login: str
    case_id: str
    step: str
    version: int
    sentence: str
    is_taken: bool

    @property
    def event(self) -> tuple[str, int, str, str]:
        """The event that it is where it was taken."""
        return self.case_id, self.version + 1, self.login, self.step


@dataclass
class Person:
    """Somebody at the pages, who looks, picks, and sends forms, now and then of what is long past."""

    login: str
    site: str
    until: float
    tries: list[Try] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.login)
        self._said = 0
        self._stale: list[tuple[str, dict[str, str]]] = []

    def work(self) -> None:
        headers = {"x-login": self.login, "Origin": self.site}
        with httpx.Client(base_url=self.site, headers=headers, timeout=120) as self._client:
            while time.monotonic() < self.until:
                try:
                    self._turn()
                except Exception as error:
                    self.wrong.append(repr(error))
                    raise

    def _turn(self) -> None:
        listed = self._listed(
            self._dice.choice(("", "", "&finished=1", "&state=assigned", "&state=proposed"))
        )
        if not listed:
            return
        if self._dice.random() < 0.15:
            self._in_bulk(listed)
            return
        if self._stale and self._dice.random() < 0.15:
            self._send(*self._dice.choice(self._stale))
            return
        case_id, _ = self._dice.choice(listed[:HOT] if self._dice.random() < 0.6 else listed)
        forms = self._forms(self._get(f"/cases/{case_id}/"))
        if not forms:
            return
        leading = [form for form in forms if form["step"] not in IDLE]
        fields = self._dice.choice(leading if leading and self._dice.random() < 0.85 else forms)
        for _ in range(2 if self._dice.random() < 0.2 else 1):
            self._send(case_id, fields)
        self._stale = [*self._stale[-20:], (case_id, fields)]

    def _get(self, path: str) -> str:
        answer = self._client.get(path)
        if answer.status_code not in (200, 404):
            self.wrong.append(f"{path}: {answer.status_code}")
        return answer.text

    def _listed(self, more: str = "") -> list[tuple[str, str]]:
        text = self._get(f"/cases/?view={self._dice.choice(('all', 'mine'))}{more}")
        found = re.findall(r'name="case" value="([^"]+) (\d+)"', text)
        return [(html.unescape(case_id), version) for case_id, version in found]

    def _forms(self, text: str) -> list[dict[str, str]]:
        """Forms of a page, filled in with what they offer and a sentence of their own."""
        made = []
        for form in re.findall(r'<form method="post" action="[^"]*">(.*?)</form>', text, re.DOTALL):
            fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
            for name, options in re.findall(
                r'<select [^>]*name="(\w+)"[^>]*>(.*?)</select>', form, re.DOTALL
            ):
                fields[name] = self._dice.choice(re.findall(r'<option value="([^"]*)"', options))
            for name in re.findall(r'<input (?!type="hidden")[^>]*name="(\w+)"', form):
                fields[name] = self._typed(name)
            if fields.get("step") not in (None, "link"):
                made.append({name: html.unescape(value) for name, value in fields.items()})
        return made

    def _typed(self, name: str) -> str:
        if name in ("why", "note", "reference"):
            self._said += 1
            return f"{self.login} says {self._said}."
        if name == "amount":
            return str(self._dice.choice((0, 20.5, 400, 5000)))
        return "0.5" if name == "hours" else ""

    def _send(self, case_id: str, fields: dict[str, str]) -> None:
        # Each try says something of its own, so that its event is known among all.
        sentences = {name: self._typed(name) for name in fields if name in ("why", "note", "reference")}
        answer = self._client.post(f"/cases/{case_id}/", data={**fields, **sentences})
        if answer.status_code not in (303, 404, 409, 422):
            self.wrong.append(f"{fields['step']} {case_id}: {answer.status_code}")
        self._keep(case_id, {**fields, **sentences}, int(fields["version"]), answer.status_code == 303)

    def _keep(self, case_id: str, fields: dict[str, str], version: int, is_taken: bool) -> None:
        sentence = next((fields[name] for name in ("why", "note", "reference") if fields.get(name)), "")
        self.tries.append(Try(self.login, case_id, fields["step"], version, sentence, is_taken))

    def _in_bulk(self, listed: list[tuple[str, str]]) -> None:
        rule = self._dice.choice(listed)[0].split(":")[0]
        for state in ("assigned", "proposed", "open", "reopened"):
            alike = self._listed(f"&rule_id={rule}&state={state}")[:HOT]
            if alike:
                break
        else:
            return
        chosen = [f"{case_id} {version}" for case_id, version in alike]
        forms = self._forms(self._client.post("/cases/bulk/", data={"case": chosen}).text)
        if not forms:
            return
        fields = self._dice.choice(forms)
        answer = self._client.post("/cases/bulk/", data={**fields, "case": chosen})
        if answer.status_code not in (200, 422):
            self.wrong.append(f"bulk {fields['step']}: {answer.status_code}")
        results = re.findall(r'<li class="(met|not-met)"><a [^>]*>([^<]+)</a>', answer.text)
        for how, case_id in results:
            self._keep(html.unescape(case_id), fields, int(dict(alike)[html.unescape(case_id)]), how == "met")


def the_night(nights: Nights, first: dt.date, until: float, wrong: list[str], taken: list[str]) -> None:
    """Nights one after the other: most findings again, some with other values, some not any more, now and then new ones."""
    dice = random.Random(7)
    day = first
    while time.monotonic() < until:
        found = [
            finding(
                rule, kind, f"{name}{n}", account_id=f"A{n % 9 + 1}", org_unit_id="EAST" if n % 9 < 5 else "WEST",
                severity=("low", "medium", "high")[n % 3], at_stake_amount=dice.choice((50, 50, 60)) * n, evidence={"value": dice.choice((1, 1, 1, 2))},
            )
            for rule, kind, name in (("TAR-20", "bill", "BILL"), ("MET-02", "meter", "M"))
            for n in range(16)
            if dice.random() < 0.8
        ]  # fmt: skip
        with nights.connected() as connection:
            known = [
                row["case_id"] for row in connection.execute("SELECT case_id FROM ops.audit_case").fetchall()
            ]
        try:
            nights.take(
                day.isoformat(),
                found,
                not_found=[known_finding for known_finding in known if dice.random() < 0.1],
            )
        except Exception as error:
            wrong.append(f"night {day}: {error!r}")
            raise
        taken.append(day.isoformat())
        day += dt.timedelta(days=1)


@pytest.fixture
def nights(tmp_path: Path, ops: Engine, warehouse_url: str) -> Iterator[Nights]:
    """A home for made-up nights, its units, staff and accounts published, and a case for each finding of a first night."""
    made = Nights(tmp_path / "home", warehouse_url)
    with psycopg.connect(libpq_url(warehouse_url), autocommit=True) as connection:
        make_marts(connection)
        paths = {"TOP": "TOP", "CITY": "TOP/CITY", "EAST": "TOP/CITY/EAST", "WEST": "TOP/CITY/WEST"}
        put(
            connection,
            "mart.dim_org_unit",
            *({**unit, "path": paths[unit["org_unit_id"]]} for unit in SOURCE["org_unit"]),
        )
        staff = [
            {name: value for name, value in member.items() if name != "name"} for member in SOURCE["staff"]
        ]
        more = [
            {"staff_id": staff_id, "org_unit_id": unit, "post": "billing"}
            for _, staff_id, unit, _ in MORE_LOGINS
            if staff_id
        ]
        put(connection, "mart.dim_staff", *staff, *more)
        put(
            connection,
            "mart.dim_account",
            *(
                {
                    "account_id": account["account_id"],
                    "customer_id": account["customer_id"],
                    "org_unit_id": account["org_unit_id"],
                }
                for account in SOURCE["account"]
            ),
        )
        for login, staff_id, unit, role in MORE_LOGINS:
            put(
                connection,
                "ops.staff_login",
                {"login": login, "staff_id": staff_id, "org_unit_id": unit, "role": role},
            )
        yield made
        connection.execute("DROP SCHEMA mart CASCADE; DROP SCHEMA mart_pii CASCADE")


@pytest.mark.slow
def test_eight_people_and_the_nights_lose_nothing_and_keep_the_order(nights: Nights) -> None:
    assert {login for login, *_ in (*LOGINS, *MORE_LOGINS)} == set(PEOPLE)
    # All nights lie in the past, as they do where people work: a night's events are of the end of its day.
    first = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=300)
    wrong: list[str] = []
    taken: list[str] = []
    the_night(nights, first, time.monotonic() + 0.001, wrong, taken)
    with nights.connected() as connection:
        before = connection.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
    until = time.monotonic() + SECONDS
    with served(pages_app(nights.settings, guards=[], who=who)) as site:
        people = [Person(login, site, until) for login in PEOPLE]
        working = [threading.Thread(target=person.work) for person in people]
        working.append(
            threading.Thread(
                target=the_night, args=(nights, first + dt.timedelta(days=1), until, wrong, taken)
            )
        )
        for thread in working:
            thread.start()
        for thread in working:
            thread.join(timeout=SECONDS + 300)
        assert not any(thread.is_alive() for thread in working)
    assert wrong == [] and [said for person in people for said in person.wrong] == []
    tries = [each for person in people for each in person.tries]
    with nights.connected() as connection:
        stand(connection, tries)
        after = connection.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone()
    steps = Counter(each.step for each in tries if each.is_taken)
    print(len(taken), "nights;", len(tries), "tries;", dict(steps), "deadlocks:", before, after)
    # It was a minute's work of several people in which some came too late, not a minute of waiting.
    assert len(taken) > 2 and len(steps) > 4 and sum(steps.values()) > 20
    assert sum(not each.is_taken for each in tries) > 5
    assert not [each for each in tries if each.login == "seer"]
    assert before == after


def stand(connection: psycopg.Connection[Any], tries: list[Try]) -> None:
    """See that the log is what was answered, whole and in order, and that the cases are what it says."""
    events = connection.execute("SELECT * FROM ops.audit_case_event ORDER BY case_id, event_no").fetchall()
    people = [event for event in events if event["actor"] != "night"]
    # Each step that was answered as taken is one event, each one that was refused is none.
    assert Counter((e["case_id"], e["event_no"], e["actor"], e["step"]) for e in people) == Counter(
        each.event for each in tries if each.is_taken
    )
    said = Counter(
        text
        for e in people
        for text in (e["note"], e["detail"].get("why"), e["detail"].get("reference"))
        if text
    )
    assert said == Counter(each.sentence for each in tries if each.is_taken and each.sentence)
    # No gap, no event older than the one before, and what the rows say is what the events lead to.
    rows = {row["case_id"]: row for row in connection.execute("SELECT * FROM ops.audit_case").fetchall()}
    by_case: dict[str, list[dict[str, Any]]] = {}
    for event in events:
        by_case.setdefault(event["case_id"], []).append(event)
    assert set(by_case) == set(rows)
    for case_id, of_case in by_case.items():
        assert [event["event_no"] for event in of_case] == list(range(1, len(of_case) + 1))
        times = [event["at"] for event in of_case]
        assert times == sorted(times), case_id
        assert [event["from_state"] for event in of_case] == [
            "",
            *(event["to_state"] for event in of_case[:-1]),
        ]
        assert (rows[case_id]["state"], rows[case_id]["version"]) == (of_case[-1]["to_state"], len(of_case))
        due = [event["detail"]["due_on"] for event in of_case if "due_on" in event["detail"]]
        hung = any(event["step"] == "link" for event in of_case)
        assert hung or str(rows[case_id]["due_on"]) == due[-1], case_id
    connection.rollback()
    proof = verify(connection)
    assert (proof.cases, proof.events) == (len(rows), len(events)) and proof.run_id is not None
    # Each night's chain is over what stood when it ended, not the newest night's alone.
    for night in connection.execute(
        "SELECT run_id, case_chain, case_chain_seq FROM ops.pipeline_run WHERE case_chain IS NOT NULL"
    ).fetchall():
        newest = {
            event["case_id"]: event["hash"] for event in events if event["seq"] <= night["case_chain_seq"]
        }
        in_order = [newest[case_id] for case_id in sorted(newest, key=lambda case_id: case_id.encode())]
        assert night["case_chain"] == hashlib.sha256("".join(in_order).encode()).hexdigest(), night["run_id"]
