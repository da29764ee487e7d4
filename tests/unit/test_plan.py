"""``wattmark plan``: what a change would build anew on the last night and why, and what would differ; nothing is written."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner

from wattmark.audit.rules import all_rules
from wattmark.audit.runner import run_family
from wattmark.engine import catalog as catalogs
from wattmark.engine.catalog import load_catalog
from wattmark.engine.python_table import python_tables
from wattmark.engine.session import DuckDBSession
from wattmark.errors import SqlFileError, WattmarkError
from wattmark.golden import rows_given
from wattmark.lake import Lake
from wattmark.plan import command
from wattmark.plan.command import Plan, as_json, plan
from wattmark.plan.compare import FindingChange, RowChange
from wattmark.run import Run
from wattmark.settings import PROJECT_ROOT, Settings, load_settings

RUN = Run.of(dt.date(2026, 11, 4), "Asia/Shanghai")
FILES = {
    "core/payer.sql": """/*
grain: one row per customer of a kind
key: [customer_id]
purpose: Customers who pay.
columns: {customer_id: {type: string, doc: The customer.}, name: {type: string, doc: Its name.}}
params: {kind: {type: string, default: person, doc: Kind of customer.}}
*/
SELECT customer.customer_id, customer.name FROM source.customer WHERE customer.kind = $kind
""",
    "core/open_account.sql": """/*
grain: one row per account that is open
key: [account_id]
purpose: Accounts that are open.
columns: {account_id: {type: string, doc: The account.}, customer_id: {type: string, doc: Its customer.}}
view: true
*/
SELECT account.account_id, account.customer_id FROM source.account WHERE account.status <> 'closed'
""",
    "facts/payer_account.sql": """/*
grain: one row per open account of a payer
key: [account_id]
purpose: Accounts and who pays.
columns: {account_id: {type: string, doc: The account.}, name: {type: string, doc: Who pays.}}
*/
SELECT open_account.account_id, payer.name
FROM core.open_account
INNER JOIN core.payer ON payer.customer_id = open_account.customer_id
""",
    "facts/tariff_count.sql": """/*
grain: one row per status
key: [status]
purpose: Accounts by status.
columns: {status: {type: string, doc: Status.}, accounts: {type: integer, doc: Accounts.}}
*/
SELECT account.status, COUNT(*) AS accounts FROM source.account GROUP BY account.status
""",
    "audit/ACC-90.sql": """/*
title: Name too short
zh: 名称过短
kind: exception
modes: [nightly]
subject: account
severity: low
judges: state
proof: same
flags: a name of fewer than min_letters letters.
flags_zh: 名称少于 min_letters 个字。
what_to_do: {en: Ask for the name., zh: 补录名称。}
params: {min_letters: {type: integer, default: 3, minimum: 1, doc: Letters that a name has.}}
messages: {en: "{letters} letters.", zh: "{letters} 个字。"}
*/
SELECT
  payer_account.account_id AS subject_id,
  payer_account.account_id,
  LENGTH(payer_account.name) < $min_letters AS flagged,
  LENGTH(payer_account.name) AS letters
FROM facts.payer_account
""",
    "mart/found.sql": """/*
grain: one row per finding
key: [rule_id, subject_id]
purpose: What was found.
columns: {rule_id: {type: string, doc: The rule.}, subject_id: {type: string, doc: The subject.}}
*/
SELECT audit_exception.rule_id, audit_exception.subject_id FROM findings.audit_exception
""",
}
CUSTOMERS = [
    {"customer_id": "C1", "name": "Li", "kind": "person", "registered_on": "2020-01-01"},
    {"customer_id": "C2", "name": "Wang", "kind": "person", "registered_on": "2020-01-01"},
    {"customer_id": "C3", "name": "Works", "kind": "organisation", "registered_on": "2020-01-01"},
]
ACCOUNTS = [
    {"account_id": f"A{number}", "customer_id": f"C{number}", "account_name": "N", "status": "active", "opened_on": "2020-01-01"}
    for number in (1, 2, 3)
]  # fmt: skip


class Utility:
    """A night of a small project of its own, whose files and settings a test changes."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.project = folder, folder / "project"
        include = self.project / "include"
        shutil.copytree(PROJECT_ROOT / "include" / "contract", include / "contract")
        for name in ("settings.default.yaml", "code-names.yaml"):
            shutil.copy(PROJECT_ROOT / "include" / name, include)
        for name, text in FILES.items():
            self.write(name, text)
        self.write(
            "core/top_unit.sql", (PROJECT_ROOT / "include" / "sql" / "core" / "top_unit.sql").read_text()
        )

    def write(self, name: str, text: str) -> None:
        path = self.project / "include" / "sql" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def change(self, name: str, old: str, new: str) -> None:
        assert old in FILES[name]
        self.write(name, FILES[name].replace(old, new))

    def settings(self, **parameters: Any) -> Settings:
        """Settings of the home, whose file sets some parameters by owner and name."""
        changed = {
            owner: {name: {"value": value, "since": "2026-11-01", "reason": "the test"} for name, value in values.items()}
            for owner, values in parameters.items()
        }  # fmt: skip
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        (home / "settings.yaml").write_text(yaml.safe_dump({"parameters": changed}))
        return load_settings(home).model_copy(update={"project": self.project})

    def accept(self, **tables: list[dict[str, Any]]) -> None:
        settings = self.settings()
        catalog = load_catalog(settings.include)
        for name, rows in tables.items():
            Lake(settings.lake).replace(
                f"accepted.{name}", rows_given(f"source.{name}", rows, catalog, settings)
            )

    def night(self, run: Run = RUN) -> None:
        with DuckDBSession(self.settings(), run) as session:
            for name in ("core.calendar", "core.payer", "facts.payer_account", "facts.tariff_count"):
                session.build(name)
            run_family(session, all_rules(session.catalog).values(), "ACC")
            session.build("mart.found")

    def state(self) -> dict[str, tuple[int, int]]:
        """Every file of the home, so that another one shows."""
        home = self.folder / "home"
        return {
            str(path.relative_to(home)): (path.stat().st_size, path.stat().st_mtime_ns)
            for path in sorted(home.rglob("*"))
            if path.is_file()
        }


@pytest.fixture(autouse=True)
def few_python_tables(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The project's Python tables read tables that the small project has not."""
    few = {name: table for name, table in python_tables().items() if name == "core.calendar"}
    monkeypatch.setattr(catalogs, "python_tables", lambda: few)
    load_catalog.cache_clear()
    yield
    load_catalog.cache_clear()


@pytest.fixture
def utility(tmp_path: Path) -> Utility:
    made = Utility(tmp_path)
    made.accept(customer=CUSTOMERS, account=ACCOUNTS)
    made.night()
    return made


def reasons(found: Plan) -> dict[str, list[str]]:
    return {step.shown_name: [reason.text for reason in step.reasons] for step in found.anew}


def seen(utility: Utility, *names: str, settings: Settings | None = None, **options: Any) -> Plan:
    """The plan, which leaves the home as it was."""
    settings = settings or utility.settings()
    before = utility.state()
    load_catalog.cache_clear()
    found = plan(settings, names, **options)
    assert utility.state() == before
    return found


def test_an_unchanged_home_has_nothing_to_build(utility: Utility) -> None:
    found = seen(utility)
    assert (found.anew, found.changes, found.run) == ([], {}, RUN)
    assert {step.shown_name for step in found.steps} == {
        "core.calendar", "core.payer", "facts.payer_account", "facts.tariff_count", "ACC-90", "mart.found",
    }  # fmt: skip
    # Another form, a comment and another doc say nothing of the rows.
    utility.change(
        "core/payer.sql",
        "SELECT customer.customer_id, customer.name",
        "SELECT\n  customer.customer_id, -- key\n  customer.name",
    )
    assert seen(utility).anew == []


def test_a_changed_rule_file(utility: Utility) -> None:
    utility.change(
        "audit/ACC-90.sql",
        "LENGTH(payer_account.name) < $min_letters",
        "LENGTH(payer_account.name) > $min_letters",
    )
    found = seen(utility)
    assert reasons(found) == {
        "ACC-90": ["statement ACC-90 changed (include/sql/audit/ACC-90.sql)"],
        "mart.found": ["reads findings"],
    }
    assert found.changes == {
        "audit.ACC-90": FindingChange(appear=("A2",), go=("A1",)),
        "mart.found": RowChange(added=1, removed=1),
    }


def test_a_changed_parameter_and_what_rests_on_it(utility: Utility) -> None:
    found = seen(utility, settings=utility.settings(**{"core.payer": {"kind": "organisation"}}))
    [payer] = reasons(found)["core.payer"]
    assert payer == f"parameter core.payer.kind changed ({utility.folder / 'home' / 'settings.yaml'}:3)"
    assert reasons(found)["facts.payer_account"] == ["reads core.payer"]
    assert found.changes == {
        "core.payer": RowChange(added=1, removed=2),
        "facts.payer_account": RowChange(added=1, removed=2),
        "audit.ACC-90": FindingChange(go=("A1",)),
        "mart.found": RowChange(removed=1),
    }
    rule = seen(utility, settings=utility.settings(**{"ACC-90": {"min_letters": 5}}))
    assert rule.changes["audit.ACC-90"] == FindingChange(appear=("A2",))


def test_a_changed_core_table_and_a_view(utility: Utility) -> None:
    utility.change("core/payer.sql", "customer.name FROM", "CONCAT(customer.name, '?') AS name FROM")
    found = seen(utility)
    assert found.changes["core.payer"] == RowChange(changed=2)
    assert found.changes["audit.ACC-90"] == FindingChange(go=("A1",))
    utility.write("core/payer.sql", FILES["core/payer.sql"])
    utility.change("core/open_account.sql", "<> 'closed'", "<> 'active'")
    found = seen(utility)
    assert reasons(found)["facts.payer_account"] == [
        "statement core.open_account changed (include/sql/core/open_account.sql)"
    ]
    assert "core.payer" not in reasons(found) and found.changes["facts.payer_account"] == RowChange(removed=2)


def test_what_comes_out_the_same_spares_what_rests_on_it(utility: Utility) -> None:
    utility.change("core/payer.sql", "customer.kind = $kind", "customer.kind = $kind AND TRUE")
    found = seen(utility)
    assert set(reasons(found)) == {"core.payer", "facts.payer_account", "ACC-90", "mart.found"}
    assert not any(change.differs for change in found.changes.values())


def test_columns_that_come_and_a_table_that_was_never_built(utility: Utility) -> None:
    text = FILES["core/payer.sql"].replace("customer.name FROM", "customer.name, customer.kind FROM")
    utility.write(
        "core/payer.sql", text.replace("columns: {", "columns: {kind: {type: string, doc: Kind.}, ")
    )
    utility.write("facts/another.sql", FILES["facts/tariff_count.sql"])
    found = seen(utility)
    assert found.changes["core.payer"] == RowChange(columns=("kind",))
    assert reasons(found)["facts.another"] == ["never built (include/sql/facts/another.sql)"]
    assert found.changes["facts.another"] == RowChange(added=1)


def test_inputs_that_were_written_since(utility: Utility) -> None:
    utility.accept(account=ACCOUNTS[:2])
    found = seen(utility)
    assert reasons(found)["facts.tariff_count"] == ["accepted.account was written since"]
    assert found.changes["facts.tariff_count"] == RowChange(changed=1)
    # A published night's own versions are what is asked about.
    versions = utility.folder / "home" / "state" / "versions"
    versions.mkdir(parents=True)
    (versions / f"{RUN.run_id}.json").write_text(json.dumps({"accepted.account": 0, "accepted.customer": 0}))
    assert seen(utility).anew == []


def test_some_tables_alone_and_no_rows(utility: Utility) -> None:
    utility.change("core/payer.sql", "customer.kind = $kind", "customer.kind <> $kind")
    some = seen(utility, "ACC-90")
    assert [step.shown_name for step in some.steps] == ["ACC-90", "mart.found"]
    assert some.changes["audit.ACC-90"] == FindingChange(go=("A1",))
    assert [step.shown_name for step in seen(utility, "facts.tariff_count").steps] == ["facts.tariff_count"]
    told = seen(utility, rows=False)
    assert told.changes == {} and set(reasons(told)) == {
        "core.payer",
        "facts.payer_account",
        "ACC-90",
        "mart.found",
    }


def test_mistakes_are_told(utility: Utility, tmp_path: Path) -> None:
    with pytest.raises(SqlFileError, match=r"Is core\.payer meant"):
        plan(utility.settings(), ["core.payr"])
    with pytest.raises(SqlFileError, match=r"source\.account is not made by a file"):
        plan(utility.settings(), ["source.account"])
    with pytest.raises(WattmarkError, match="no audit has run"):
        plan(load_settings(tmp_path / "empty").model_copy(update={"project": utility.project}))
    utility.change(
        "core/payer.sql", "customer.kind = $kind", "customer.kind = $kind AND LENGTH(customer.nothing) > 1"
    )
    settings, before = utility.settings(), utility.state()
    load_catalog.cache_clear()
    with pytest.raises(SqlFileError, match=r"payer\.sql:\d+: "):
        plan(settings)
    assert utility.state() == before


def test_the_command(utility: Utility, monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer()
    app.callback()(lambda: None)
    command.register(app)
    monkeypatch.setattr(command, "load_settings", lambda home: utility.settings())
    where = ["--home", str(utility.folder / "home")]
    ended = CliRunner().invoke(app, ["plan", *where], env={"COLUMNS": "200"})
    assert (
        ended.exit_code == 0
        and "Nothing to build: tables (5) and rules (1) are those of the night of 2026-11-04" in ended.stdout
    )
    utility.change("audit/ACC-90.sql", "< $min_letters", "<= $min_letters + 1")
    load_catalog.cache_clear()
    ended = CliRunner().invoke(app, ["plan", *where], env={"COLUMNS": "200"})
    assert "statement ACC-90 changed (include/sql/audit/ACC-90.sql)" in ended.stdout, ended.output
    assert "Findings that would appear: 1; that would go: 0." in ended.stdout
    ended = CliRunner().invoke(app, ["plan", "ACC-90", "--json", *where])
    told = json.loads(ended.stdout)
    assert [(rule["name"], rule["state"], rule["findings"]["appear"]) for rule in told["rules"]] == [
        ("ACC-90", "anew", ["A2"])
    ]
    assert told == json.loads(json.dumps(as_json(plan(utility.settings(), ["ACC-90"]))))


def test_scratch_files_go_when_it_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "scratch"
    folder.mkdir()
    (folder / "rows.parquet").write_bytes(b"x")
    code = (
        "import sys, time; from pathlib import Path; from wattmark.engine.leftover import Leftover\n"
        "with Leftover() as left:\n    left.folder(Path(sys.argv[1])); print('ready', flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout and process.stdout.readline() == "ready\n" and folder.exists()
        os.kill(process.pid, signal.SIGKILL)
    until = time.monotonic() + 60
    while folder.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not folder.exists()
