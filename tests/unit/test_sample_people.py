"""How the sample's people work on cases: allowed steps with all that they need, by who may take them; the seed decides."""

from __future__ import annotations

import ast
import datetime as dt
import decimal
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from wattmark import night
from wattmark.cases.model import Case, load_steps
from wattmark.contract import load_contract
from wattmark.home import Home
from wattmark.local.airflow import airflow_users
from wattmark.settings import PROJECT_ROOT, Settings, load_settings
from wattmark.user_settings import User
from wattmark_sample import played, quickstart
from wattmark_sample.logins import users, users_text
from wattmark_sample.organisation import POSTS, common_tables
from wattmark_sample.plan import SamplePlan
from wattmark_sample.policy import Move, Person, Policy
from wattmark_sample.twins import Twins

DAY = dt.date(2026, 3, 6)
PLAN = SamplePlan(accounts=60, months=14, interval_days=1, as_of=dt.date(2026, 11, 4), faults=True)
STEPS = load_steps(PROJECT_ROOT / "include")
ABOVE = {
    "ORG-P": ("ORG-P",), "ORG-C000000": ("ORG-C000000", "ORG-P"), "ORG-S000001": ("ORG-S000001", "ORG-C000000", "ORG-P"),
}  # fmt: skip
PEOPLE = [
    Person(login, user.get("staff_id"), user["org_unit_id"], user["role"])
    for login, user in users(PLAN).items()
]
ROLES = {person.login: person.role for person in PEOPLE}
STAFF = {person.login: person.staff_id for person in PEOPLE}


def case(number: int, **values: object) -> Case:
    made = Case(
        case_id=f"TAR-01:metering_point:M{number}:2026-02", rule_id="TAR-01", subject_type="metering_point", subject_id=f"M{number}",
        period=dt.date(2026, 2, 1), account_id=f"A{number}", customer_id=None, org_unit_id="ORG-S000001",
        first_seen_on=DAY, last_seen_on=DAY, state="assigned", severity=("high", "medium", "low")[number % 3],
        at_stake_amount=decimal.Decimal("-120.50"), opened_at=dt.datetime(2026, 3, 5, tzinfo=dt.UTC), opened_on=DAY, version=2,
        assigned_org_unit_id="ORG-C000000", assigned_to="ST80000004", due_on=DAY + dt.timedelta(days=10),
    )  # fmt: skip
    return replace(made, **values)  # type: ignore[arg-type]


def policy(seed: int = 1) -> Policy:
    return Policy(
        seed,
        PEOPLE,
        ABOVE,
        lambda case_: int(case_.subject_id[1:]) % 2 == 0,
        lambda case_: case_.rule_id != "TAR-01",
    )


def moves(given: list[Case], seed: int = 1) -> list[Move | None]:
    return [policy(seed).next(case_, DAY) for case_ in given]


STANDING = [
    case(number, state=state, version=version, **more)
    for number in range(40)
    for version in (3, 9)
    for state, more in (
        ("open", {"assigned_to": None, "assigned_org_unit_id": None}),
        ("assigned", {}),
        ("proposed", {"proposed_by": "manager", "proposed_step": "propose_confirm"}),
        ("confirmed", {"responsible_org_unit_id": "ORG-S000001"}),
        ("rectifying", {"responsible_org_unit_id": "ORG-S000001"}),
        ("rectified", {"rectified_by": "manager", "rule_id": "TAR-03"}),
        ("verified", {}),
        ("dismissed", {}),
        ("reopened", {"reopened_by": "chief", "assigned_to": None}),
        ("open", {"subject_type": "rule"}),
    )
]


def test_every_move_is_a_step_from_that_state_by_a_role_that_takes_it_with_what_it_needs() -> None:
    taken = Counter[str]()
    for case_, move in zip(STANDING, moves(STANDING), strict=True):
        if move is None:
            continue
        step = STEPS.steps[move.step]
        assert case_.state in {before for before, _ in step.moves}, (case_.state, move)
        allowed = {*step.by, *(("approver",) if "worker" in step.by else ())}
        assert ROLES[move.login] in allowed, move
        given = {*move.detail, *(("note",) if move.note else ())}
        assert set(step.needs) <= given, move
        assert set(move.detail) <= {*step.needs, *step.may}, move
        assert move.detail.get("reason", "other") in STEPS.dismissals
        assert move.detail.get("treatment", "other") in STEPS.treatments
        taken[move.step] += 1
    wanted = {
        "take", "assign", "propose_confirm", "propose_dismiss", "approve", "return", "start", "done", "hand_back", "accept", "file",
        "reopen", "note", "release",
    }  # fmt: skip
    assert wanted <= set(taken)


def test_nobody_decides_on_their_own_proposal_or_work() -> None:
    proposed = [case_ for case_ in STANDING if case_.state in ("proposed", "rectified")]
    assert {move.login for move in moves(proposed) if move} == {"manager2"}
    own = [replace(case_, own_staff_ids=("ST80000015",)) for case_ in proposed]
    assert {move.login for move in moves(own) if move} == {"chief"}
    taken = [
        case(number, state="open", assigned_to=None, own_staff_ids=("ST80000004",)) for number in range(60)
    ]
    logins = {move.login for move in moves(taken) if move}
    assert "billing" not in logins
    assert len(logins) > 3


def test_effects_and_what_waits_for_the_night_are_left_alone() -> None:
    assert moves(
        [case(1, root_cause_case_id="another"), case(1, state="rectified", rectified_by="manager")]
    ) == [
        None,
        None,
    ]


def test_the_seed_decides_alone() -> None:
    assert moves(STANDING) == moves(STANDING)
    assert moves(STANDING) != moves(STANDING, seed=2)


def test_faults_are_mostly_confirmed_and_what_is_none_mostly_dismissed() -> None:
    many = [case(number) for number in range(2_000)]
    decided = Counter(
        (number % 2 == 0, move.step)
        for number, move in enumerate(moves(many))
        if move is not None and move.step.startswith("propose")
    )
    assert (
        0.85
        < decided[True, "propose_confirm"]
        / (decided[True, "propose_confirm"] + decided[True, "propose_dismiss"])
        < 0.98
    )
    assert (
        0.15
        < decided[False, "propose_confirm"]
        / (decided[False, "propose_confirm"] + decided[False, "propose_dismiss"])
        < 0.35
    )


def test_every_login_of_the_sample_is_one_of_its_staff_who_did_none_of_the_work(tmp_path: Path) -> None:
    read = yaml.safe_load(users_text(PLAN))["users"]
    assert Settings(home=tmp_path, users=read).users == {
        login: User(**user)
        for login, user in users(PLAN).items()  # type: ignore[arg-type]
    }
    staff = {row["staff_id"]: row for row in common_tables(PLAN)["staff"].to_pylist()}
    posts = Counter[str]()
    for login, user in read.items():
        if "staff_id" in user:
            assert staff[user["staff_id"]]["org_unit_id"] == user["org_unit_id"], login
            posts[staff[user["staff_id"]]["post"]] += 1
    assert {post: count for post, count in posts.items() if post != "manager"} == {
        post: 2 for post in POSTS if post not in ("manager", "meter_reader")
    }
    assert posts["manager"] == 3
    assert {user["role"] for user in read.values()} == {"viewer", "worker", "approver"}


@pytest.mark.parametrize("text", [played.SETTINGS_TEXT, "".join(quickstart.SETTINGS.values())])
def test_the_settings_of_a_sample_home_name_its_users(tmp_path: Path, text: str) -> None:
    home = Home(tmp_path / "home")
    home.folder.mkdir()
    home.settings.write_text(
        text.format(folder=tmp_path / "source", users=users_text(PLAN)), encoding="utf-8"
    )
    settings = load_settings(home.folder)
    assert list(settings.users) == list(users(PLAN))
    assert airflow_users(settings)["billing"] == "user"
    assert str(tmp_path / "source") in {source.location for source in settings.sources}


@pytest.mark.parametrize(
    "said", ["services:\n  postgres_port: 15999\nschedule:\n  nightly: 0 3 * * *", "# Nothing yet.\n", ""]
)
def test_a_home_with_settings_of_its_own_is_given_what_it_does_not_say(tmp_path: Path, said: str) -> None:
    home = Home(tmp_path)
    home.settings.write_text(said, encoding="utf-8")
    assert load_settings(tmp_path).sources == ()
    quickstart.add_settings(home, PLAN)
    settings = load_settings(tmp_path)
    assert [source.location for source in settings.sources][1] == str(home.sample)
    assert list(settings.users) == list(users(PLAN))
    assert settings.schedule.nightly == ("0 3 * * *" if "schedule" in said else None)
    assert home.settings.read_text(encoding="utf-8").startswith(said)


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory) -> Twins:
    return Twins(PLAN, tmp_path_factory.mktemp("twins") / "source")


def test_who_is_mended_has_no_fault_left_and_every_row_once(twins: Twins) -> None:
    contract = load_contract()
    assert len(twins.faulty_accounts) > 5
    half = set(twins.faulty_accounts[::2])

    def rows(name: str) -> list[dict[str, object]]:
        return pq.read_table(twins.folder / f"{name}.parquet").to_pylist()

    kept: dict[str, dict[str, list[dict[str, object]]]] = {}
    for word, broken in (("all", set(twins.faulty_accounts)), ("none", set()), ("half", half)):
        twins.write(broken)
        kept[word] = {
            name: rows(name) for name in ("account", "bill", "bill_line", "metering_point", "service_order")
        }
        for name, found in kept[word].items():
            keys = [tuple(row[column] for column in contract.tables[name].key) for row in found]
            assert len(keys) == len(set(keys)), (word, name)
    for name in ("account", "bill", "service_order"):
        for row in kept["half"][name]:
            assert row in kept["all" if row["account_id"] in half else "none"][name]
    assert kept["all"]["account"] != kept["none"]["account"]
    # Each line still belongs to a bill, each account to the utility.
    bills = {row["bill_id"] for row in kept["half"]["bill"]}
    assert {row["bill_id"] for row in kept["half"]["bill_line"]} <= bills
    assert len(kept["half"]["account"]) == 60


def test_units_above_lead_from_the_unit_to_the_top(twins: Twins) -> None:
    above = twins.units_above()
    assert above["ORG-S000003"] == ("ORG-S000003", "ORG-D000001", "ORG-C000000", "ORG-P")
    assert above["ORG-P"] == ("ORG-P",)


def test_a_played_night_builds_what_a_night_of_the_dag_builds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer that the DAG gets, and the player does not, would stop a played year."""
    tree = ast.parse((PROJECT_ROOT / "dags" / "nightly.py").read_text(encoding="utf-8"))
    wired = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "built":
            given = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            wired.add((given[0], given[2] if len(given) > 2 else None))
    done = []
    for name, value in vars(night).items():
        if callable(value) and getattr(value, "__module__", "") == night.__name__:
            monkeypatch.setattr(
                night, name,
                lambda *given, name=name, **more: done.append((name, *given[2:], *more.values())) or {"read": 0},
            )  # fmt: skip
    monkeypatch.setattr(night, "tables", lambda settings: [])
    settings, run = object(), object()
    played._night(settings, run, published=True)  # type: ignore[arg-type]
    assert {(step[1], step[2] if len(step) > 2 else None) for step in done if step[0] == "build"} == wired
