"""Lists end to end on PostgreSQL: stored, written, approved, released once, corrected."""

from __future__ import annotations

import csv
import datetime as dt
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyrage
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from tests.campaign.world import AS_OF, TABLES, open_world
from wattmark.campaign import deliver as delivery
from wattmark.campaign.definition import CampaignError
from wattmark.campaign.feedback import suppress_customer
from wattmark.campaign.files import sha256_of
from wattmark.campaign.keys import make_identity
from wattmark.campaign.lists import make_lists, store_feedback
from wattmark.campaign.night import answer, questions
from wattmark.campaign.outcome import CampaignOutcome
from wattmark.campaign.people import look_at_people
from wattmark.campaign.release import correct, refuse
from wattmark.campaign.release import release as let_go
from wattmark.run import Run
from wattmark.settings import Settings, load_settings

TWO = ["auto-debit-and-e-bill", "contract-renewal"]
NOW = dt.datetime(2026, 11, 3, 1, tzinfo=dt.UTC)
PEOPLE = 600


def make(
    settings: Settings, ops: Engine, only: list[str], as_of: dt.date = AS_OF, **instead: str
) -> dict[str, CampaignOutcome]:
    """The lists of a date, made early on the day after it."""
    now = dt.datetime.combine(as_of + dt.timedelta(days=1), dt.time(2), tzinfo=settings.zone)
    with open_world(settings, PEOPLE, as_of, **instead) as session:
        return {
            outcome.campaign_id: outcome
            for outcome in make_lists(settings, session.run, session, ops, only, now)
        }


def release(
    settings: Settings, ops: Engine, name: str, who: str, said: str, now: dt.datetime, **instead: str
) -> bool:
    """Release a list, with what is known at that moment in ``instead``."""
    with open_world(settings, PEOPLE, **instead) as session:
        return let_go(settings, ops, name, who, said, now, session)


def rows_of(path: str) -> list[dict[str, str]]:
    if path.endswith(".pdf"):
        # Letters of the list beside it.
        return []
    with Path(path).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def encrypting(folder: Path) -> dict[str, Any]:
    """Settings of a utility whose lists are encrypted, and opened by a mail house too."""
    if not (folder / "own").exists():
        make_identity(folder / "own")
        make_identity(folder / "house")
    public = (folder / "house").read_text().splitlines()[0].removeprefix("# public key: ")
    return {"list_identity_file": str(folder / "own"), "list_recipients": {"*": [public]}}


def opened(folder: Path, path: Path) -> str:
    """A list as the mail house opens it, with age and its own key."""
    key = (folder / "house").read_text().splitlines()[-1]
    return pyrage.decrypt(path.read_bytes(), [pyrage.x25519.Identity.from_str(key)]).decode()


def everything(ops: Engine) -> list[Any]:
    with ops.connect() as connection:
        members = connection.execute(text("SELECT * FROM ops.campaign_member ORDER BY 1, 2, 3")).all()
        return [*members, *connection.execute(text("SELECT * FROM ops.campaign_run ORDER BY 1")).all()]


def state_of(ops: Engine, name: str) -> str:
    with ops.connect() as connection:
        return str(
            connection.execute(
                text("SELECT state FROM ops.campaign_run WHERE campaign_run_id = :n"), {"n": name}
            ).scalar()
        )


def digest(outcome: CampaignOutcome) -> str:
    return str(json.loads((Path(outcome.files[0]).parent / "manifest.json").read_text())["list_sha256"])


def test_lists_up_to_awaiting_approval(tmp_path: Path, ops: Engine) -> None:
    settings = load_settings(tmp_path)
    made = make(settings, ops, TWO)
    assert {outcome.state for outcome in made.values()} == {"awaiting_approval"}
    assert set(made) == set(TWO)
    for outcome in made.values():
        assert (
            outcome.considered == outcome.listed + outcome.control + outcome.excluded + outcome.over_limit > 0
        )
        manifest = json.loads((Path(outcome.files[0]).parent / "manifest.json").read_text())
        assert [Path(path).name for path in outcome.files] == [entry["file"] for entry in manifest["files"]]
        listed = [row for path in outcome.files for row in rows_of(path)]
        seeds = [row for row in listed if row["is_seed"] == "true"]
        assert len(listed) - len(seeds) == outcome.listed
        assert seeds
        for path, entry in zip(outcome.files, manifest["files"], strict=True):
            if path.endswith(".pdf"):
                assert entry["rows"] == len(rows_of(path.replace(".pdf", ".csv")))
                continue
            rows = rows_of(path)
            assert list(rows[0]) == entry["columns"]
            assert len(rows) == entry["rows"]
            assert [(row["is_seed"], row["customer_id"], row["account_id"]) for row in rows] == sorted(
                (row["is_seed"], row["customer_id"], row["account_id"]) for row in rows
            )
        with ops.connect() as connection:
            counted = dict(
                connection.execute(
                    text(
                        "SELECT outcome, COUNT(*) FROM ops.campaign_member WHERE campaign_run_id = :n AND NOT is_seed GROUP BY 1"
                    ),
                    {"n": outcome.campaign_run_id},
                ).all()
            )
        assert sum(counted.values()) == outcome.considered
        assert counted["listed"] == outcome.listed


def test_again_for_the_same_date_is_the_same_list(tmp_path: Path, ops: Engine) -> None:
    settings = load_settings(tmp_path)
    first = make(settings, ops, TWO)
    stored, files = (
        everything(ops),
        {path: Path(path).read_bytes() for outcome in first.values() for path in outcome.files},
    )
    assert make(settings, ops, TWO) == first
    assert everything(ops) == stored
    assert {path: Path(path).read_bytes() for path in files} == files


def test_files_lost_before_approval_are_written_again_from_what_was_stored(
    tmp_path: Path, ops: Engine
) -> None:
    settings = load_settings(tmp_path)
    first = make(settings, ops, TWO)
    files = {path: Path(path).read_bytes() for outcome in first.values() for path in outcome.files}
    for path in files:
        Path(path).unlink()
    make(settings, ops, TWO)
    assert {path: Path(path).read_bytes() for path in files} == files


def test_killed_before_the_files_were_written(
    tmp_path: Path, ops: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    from wattmark.campaign import lists

    settings = load_settings(tmp_path)

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(lists, "write_files", killed)
        with pytest.raises(KeyboardInterrupt):
            make(settings, ops, TWO)
    assert state_of(ops, "contract-renewal.20261102.1") == "listed"
    with ops.connect() as connection:
        before = connection.execute(text("SELECT * FROM ops.campaign_member ORDER BY 1, 2, 3")).all()
    made = make(settings, ops, TWO)
    assert {outcome.state for outcome in made.values()} == {"awaiting_approval"}
    with ops.connect() as connection:
        assert connection.execute(text("SELECT * FROM ops.campaign_member ORDER BY 1, 2, 3")).all() == before


def test_no_personal_data_in_ops(tmp_path: Path, ops: Engine) -> None:
    made = make(load_settings(tmp_path), ops, TWO)
    name = next(
        row for path in made["contract-renewal"].files for row in rows_of(path) if row["is_seed"] == "false"
    )
    said = json.dumps([[str(value) for value in row] for row in everything(ops)])
    assert name["name"] not in said
    assert "@example.com" not in said
    assert "+86" not in said
    assert "campaign.desk" not in said


def test_who_was_contacted_is_not_asked_again_too_soon(tmp_path: Path, ops: Engine) -> None:
    settings = load_settings(tmp_path)
    first = make(settings, ops, ["auto-debit-and-e-bill"])["auto-debit-and-e-bill"]
    second = make(settings, ops, ["auto-debit-and-e-bill"], AS_OF + dt.timedelta(days=7))[
        "auto-debit-and-e-bill"
    ]
    with ops.connect() as connection:
        again = connection.execute(
            text(
                "SELECT COUNT(*) FROM ops.campaign_member a JOIN ops.campaign_member b USING (customer_id) "
                "WHERE a.campaign_run_id = :a AND b.campaign_run_id = :b AND a.outcome IN ('listed', 'control') "
                "AND b.outcome IN ('listed', 'control') AND NOT a.is_seed"
            ),
            {"a": first.campaign_run_id, "b": second.campaign_run_id},
        ).scalar()
    # Nobody answered the first list within its 48 hours: it is refused, and nobody was contacted by it.
    assert state_of(ops, first.campaign_run_id) == "refused"
    assert again == first.listed + first.control


def test_a_released_list_counts(tmp_path: Path, ops: Engine) -> None:
    settings = load_settings(tmp_path)
    first = make(settings, ops, ["auto-debit-and-e-bill"])["auto-debit-and-e-bill"]
    release(settings, ops, first.campaign_run_id, "head-of-marketing", digest(first), NOW)
    second = make(settings, ops, ["auto-debit-and-e-bill"], AS_OF + dt.timedelta(days=7))[
        "auto-debit-and-e-bill"
    ]
    assert second.listed + second.control == 0


def test_released_once(tmp_path: Path, ops: Engine) -> None:
    target = tmp_path / "out"
    settings = load_settings(tmp_path / "home", campaigns={"delivery": str(target)})
    outcome = make(settings, ops, TWO)["contract-renewal"]
    assert release(settings, ops, outcome.campaign_run_id, "head-of-contracts", digest(outcome), NOW)
    delivered = {path.relative_to(target): path.read_bytes() for path in target.rglob("*") if path.is_file()}
    assert {str(path) for path in delivered if not str(path).startswith(".")} == {
        f"{outcome.campaign_run_id}/{name}"
        for name in ("email.csv", "sms.csv", "post.csv", "post.pdf", "manifest.json")
    }
    assert not release(
        settings,
        ops,
        outcome.campaign_run_id,
        "head-of-contracts",
        digest(outcome),
        NOW + dt.timedelta(hours=1),
    )
    assert {
        path.relative_to(target): path.read_bytes() for path in target.rglob("*") if path.is_file()
    } == delivered
    assert state_of(ops, outcome.campaign_run_id) == "released"
    assert make(settings, ops, TWO)["contract-renewal"].state == "released"


@pytest.mark.parametrize(
    "dies_at", [at if at in (2, 3, 12) else pytest.param(at, marks=pytest.mark.slow) for at in range(1, 13)]
)
def test_a_killed_release_rerun_releases_once(
    tmp_path: Path, ops: Engine, monkeypatch: pytest.MonkeyPatch, dies_at: int
) -> None:
    target = tmp_path / "out"
    settings = load_settings(tmp_path / "home", campaigns={"delivery": str(target)})
    outcome = make(settings, ops, ["contract-renewal"])["contract-renewal"]
    steps = 0

    def dying(real: Any) -> Any:
        def step(*arguments: Any) -> None:
            nonlocal steps
            steps += 1
            if steps == dies_at:
                raise KeyboardInterrupt
            real(*arguments)

        return step

    with monkeypatch.context() as patch:
        patch.setattr(delivery.FolderTarget, "write", dying(delivery.FolderTarget.write))
        patch.setattr(delivery.FolderTarget, "rename", dying(delivery.FolderTarget.rename))
        with pytest.raises(KeyboardInterrupt):
            release(settings, ops, outcome.campaign_run_id, "head-of-contracts", digest(outcome), NOW)
    assert state_of(ops, outcome.campaign_run_id) == "releasing"
    # Whoever fetches lists takes what is there away at once; it must not come a second time.
    fetched = (
        [path.name for path in (target / outcome.campaign_run_id).glob("*")]
        if (target / outcome.campaign_run_id).exists()
        else []
    )
    for name in fetched:
        (target / outcome.campaign_run_id / name).unlink()
    assert release(settings, ops, outcome.campaign_run_id, "head-of-contracts", digest(outcome), NOW)
    fetched += [path.name for path in (target / outcome.campaign_run_id).glob("*")]
    assert sorted(fetched) == ["email.csv", "manifest.json", "post.csv", "post.pdf", "sms.csv"]
    assert state_of(ops, outcome.campaign_run_id) == "released"


def test_an_object_store_is_handed_a_list_once(tmp_path: Path) -> None:
    target = delivery.target_of("memory://lists")
    (tmp_path / "sms.csv").write_text("customer_id\n")
    entries = [{"file": "sms.csv", "file_sha256": sha256_of(tmp_path / "sms.csv")}]
    said = ["run.1/sms.csv", "run.1/manifest.json"]
    assert delivery.deliver(target, "run.1", tmp_path, entries, {"manifest.json": b"{}"}) == said
    assert target.exists("run.1/sms.csv")
    target.files.rm("/lists/run.1/sms.csv")
    assert delivery.deliver(target, "run.1", tmp_path, entries, {"manifest.json": b"{}"}) == []
    assert not target.exists("run.1/sms.csv")


@pytest.mark.parametrize(
    ("url", "code", "said"),
    [
        ("sftp://host/lists", "delivery.not_installed", "wattmark[sftp]"),
        ("s3://bucket/lists", "delivery.not_installed", "wattmark[s3]"),
        ("gopher://host", "delivery.unknown", "gopher"),
    ],
)
def test_what_delivery_needs_is_told(monkeypatch: pytest.MonkeyPatch, url: str, code: str, said: str) -> None:
    # As where the library is not installed.
    for name in ("paramiko", "s3fs", "fsspec.implementations.sftp"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(CampaignError) as raised:
        delivery.target_of(url)
    assert raised.value.code == code
    assert said in str(raised.value)


def test_who_may_release_and_until_when(tmp_path: Path, ops: Engine) -> None:
    settings = load_settings(tmp_path)
    made = make(settings, ops, TWO)
    outcome, other = made["contract-renewal"], made["auto-debit-and-e-bill"]
    # 48 hours after the end of 2 November in Shanghai.
    late = dt.datetime(2026, 11, 4, 16, tzinfo=dt.UTC)
    for who, said, code in (
        ("somebody", digest(outcome), "not_approver"),
        ("head-of-contracts", "another", "not_what_was_approved"),
    ):
        with pytest.raises(CampaignError) as raised:
            release(settings, ops, outcome.campaign_run_id, who, said, NOW)
        assert raised.value.code == f"campaign.{code}"
    assert release(
        settings,
        ops,
        outcome.campaign_run_id,
        "head-of-contracts",
        digest(outcome),
        late - dt.timedelta(seconds=1),
    )
    # Too late is a no, and the list waits for nobody any more.
    with pytest.raises(CampaignError, match=r"campaign\.too_late"):
        release(settings, ops, other.campaign_run_id, "head-of-marketing", digest(other), late)
    assert state_of(ops, other.campaign_run_id) == "refused"


@pytest.mark.parametrize("encrypted", [False, True])
def test_another_file_is_neither_released_nor_delivered(tmp_path: Path, ops: Engine, encrypted: bool) -> None:
    key = encrypting(tmp_path) if encrypted else {}
    settings = load_settings(tmp_path / "home", campaigns={"delivery": str(tmp_path / "out"), **key})
    made = make(settings, ops, TWO)
    outcome, other = made["contract-renewal"], made["auto-debit-and-e-bill"]
    mine = Path(next(path for path in outcome.files if "sms.csv" in path))
    theirs = Path(next(path for path in other.files if "sms.csv" in path))
    approved = digest(outcome)
    right = {path: path.read_bytes() for path in mine.parent.iterdir()}
    spoiled: dict[str, dict[Path, bytes]] = {
        "garbage": {mine: b"garbage" * 1000},
        "one more": {mine: right[mine] + b"one more\n"},
        "another list": {mine: theirs.read_bytes()},
        # All of another list, its manifest too, under this one's name.
        "another manifest": {mine.parent / path.name: path.read_bytes() for path in theirs.parent.iterdir()},
        "nothing": {},
    }
    for what, put_there in spoiled.items():
        if not put_there:
            mine.unlink()
        for path, content in put_there.items():
            path.write_bytes(content)
        with pytest.raises(CampaignError, match="not_what_was_approved"):
            release(settings, ops, outcome.campaign_run_id, "head-of-contracts", approved, NOW)
        assert state_of(ops, outcome.campaign_run_id) == "awaiting_approval", what
        assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()], what
        # The list is made again as it was.
        assert make(settings, ops, TWO)["contract-renewal"] == outcome, what
        assert digest(outcome) == approved, what
    assert release(settings, ops, outcome.campaign_run_id, "head-of-contracts", approved, NOW)
    sent = tmp_path / "out" / outcome.campaign_run_id
    for entry in json.loads((sent / "manifest.json").read_text())["files"]:
        assert sha256_of(sent / entry["file"]) == entry["file_sha256"]


def test_what_does_not_arrive_as_it_was_sent_is_not_released(
    tmp_path: Path, ops: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(tmp_path / "home", campaigns={"delivery": str(tmp_path / "out")})
    outcome = make(settings, ops, TWO)["contract-renewal"]
    real = delivery.FolderTarget.write

    def cut(self: delivery.FolderTarget, path: str, content: bytes) -> None:
        real(self, path, content[:-1] if path.endswith("sms.csv") else content)

    with monkeypatch.context() as patch:
        patch.setattr(delivery.FolderTarget, "write", cut)
        with pytest.raises(CampaignError, match=r"delivery\.damaged"):
            release(settings, ops, outcome.campaign_run_id, "head-of-contracts", digest(outcome), NOW)
    assert state_of(ops, outcome.campaign_run_id) == "releasing"
    assert not (tmp_path / "out" / outcome.campaign_run_id / "sms.csv").exists()
    assert release(settings, ops, outcome.campaign_run_id, "head-of-contracts", digest(outcome), NOW)
    assert rows_of(str(tmp_path / "out" / outcome.campaign_run_id / "sms.csv"))
    assert not (tmp_path / "out" / ".drafts" / outcome.campaign_run_id).exists()


def test_what_a_kill_left_behind_is_cleared(tmp_path: Path, ops: Engine) -> None:
    settings = load_settings(tmp_path / "home", campaigns={"delivery": str(tmp_path / "out")})
    outcome = make(settings, ops, TWO)["contract-renewal"]
    folder = Path(outcome.files[0]).parent
    # A writer that was killed, and one that still writes.
    killed = subprocess.Popen(["true"])
    killed.wait()
    dead, alive = folder / f".sms.csv.{killed.pid}.0123abcd", folder / f".sms.csv.{os.getpid()}.0123abcd"
    left = tmp_path / "out" / ".drafts" / outcome.campaign_run_id / "sms.csv"
    left.parent.mkdir(parents=True)
    for path in (dead, alive, left):
        path.write_text("a name")
    make(settings, ops, TWO)
    assert (dead.exists(), alive.exists()) == (False, True)
    refuse(settings, ops, outcome.campaign_run_id, "head-of-contracts", "not now")
    assert not left.exists()


def test_refused_is_refused(tmp_path: Path, ops: Engine) -> None:
    settings = load_settings(tmp_path)
    outcome = make(settings, ops, TWO)["contract-renewal"]
    with pytest.raises(CampaignError, match=r"campaign\.not_approver"):
        refuse(settings, ops, outcome.campaign_run_id, "a-viewer", "no")
    assert state_of(ops, outcome.campaign_run_id) == "awaiting_approval"
    refuse(settings, ops, outcome.campaign_run_id, "head-of-contracts", "wrong season")
    with pytest.raises(CampaignError, match=r"campaign\.not_awaiting"):
        refuse(settings, ops, outcome.campaign_run_id, "head-of-contracts", "again")
    with pytest.raises(CampaignError, match="not_awaiting"):
        release(settings, ops, outcome.campaign_run_id, "head-of-contracts", digest(outcome), NOW)
    assert make(settings, ops, TWO)["contract-renewal"].state == "refused"


def test_no_answer_means_no(tmp_path: Path, ops: Engine) -> None:
    settings = load_settings(tmp_path)
    outcome = make(settings, ops, ["contract-renewal"])["contract-renewal"]
    make(settings, ops, ["contract-renewal"], AS_OF + dt.timedelta(days=1))
    assert state_of(ops, outcome.campaign_run_id) == "awaiting_approval"
    make(settings, ops, ["contract-renewal"], AS_OF + dt.timedelta(days=2))
    assert state_of(ops, outcome.campaign_run_id) == "refused"


def test_a_correction_is_a_new_version(tmp_path: Path, ops: Engine) -> None:
    settings = load_settings(tmp_path)
    outcome = make(settings, ops, ["contract-renewal"])["contract-renewal"]
    with open_world(settings, PEOPLE) as session, pytest.raises(CampaignError, match="not_released"):
        correct(settings, session.run, session, ops, "contract-renewal", "too early")
    release(settings, ops, outcome.campaign_run_id, "head-of-contracts", digest(outcome), NOW)
    before = {path: Path(path).read_bytes() for path in outcome.files}
    with open_world(settings, PEOPLE) as session:
        session.duck.execute("DELETE FROM accepted.consent WHERE channel = 'post'")
        two = correct(
            settings, session.run, session, ops, "contract-renewal", "post consents were wrong", NOW
        )
        with pytest.raises(CampaignError, match="open_correction"):
            correct(settings, session.run, session, ops, "contract-renewal", "again", NOW)
    assert two.campaign_run_id == "contract-renewal.20261102.2"
    assert two.considered == outcome.considered
    assert 0 < two.listed < outcome.listed
    assert state_of(ops, outcome.campaign_run_id) == "released"
    release(settings, ops, two.campaign_run_id, "head-of-contracts", digest(two), NOW)
    assert state_of(ops, outcome.campaign_run_id) == "corrected"
    assert state_of(ops, two.campaign_run_id) == "released"
    assert {path: Path(path).read_bytes() for path in outcome.files if "manifest" not in path} == before


@pytest.mark.parametrize("option", ["Approve", "Reject"])
def test_an_answer_of_somebody_else_changes_nothing(
    tmp_path: Path, ops: Engine, warehouse_url: str, option: str
) -> None:
    settings = load_settings(tmp_path, services={"warehouse_url": warehouse_url})
    outcome = make(settings, ops, ["contract-renewal"])["contract-renewal"]
    run = Run.of(AS_OF, settings.utility.time_zone)

    def say(who: str) -> str:
        said = {"chosen_options": [option], "responded_by_user": {"id": who, "name": who}}
        with open_world(settings, PEOPLE) as session:
            return answer(settings, run, outcome.campaign_run_id, digest(outcome), said, NOW, session)

    with pytest.raises(CampaignError, match=r"campaign\.not_approver"):
        say("a-viewer")
    assert state_of(ops, outcome.campaign_run_id) == "awaiting_approval"
    done = {"Approve": "released", "Reject": "refused"}[option]
    assert say("head-of-contracts") == done
    assert state_of(ops, outcome.campaign_run_id) == done


def test_a_released_run_does_not_change(tmp_path: Path, ops: Engine) -> None:
    settings = load_settings(tmp_path)
    outcome = make(settings, ops, ["contract-renewal"])["contract-renewal"]
    release(settings, ops, outcome.campaign_run_id, "head-of-contracts", digest(outcome), NOW)
    for statement in (
        "UPDATE ops.campaign_run SET list_sha256 = 'x'",
        "UPDATE ops.campaign_run SET released_at = NULL, state = 'refused'",
        "DELETE FROM ops.campaign_run",
    ):
        with pytest.raises(DBAPIError), ops.begin() as connection:
            connection.execute(text(statement))


def test_unsubscribed_yesterday_is_suppressed_for_good(tmp_path: Path, ops: Engine) -> None:
    settings = load_settings(tmp_path)
    outcome = make(settings, ops, ["auto-debit-and-e-bill"])["auto-debit-and-e-bill"]
    sms = [
        row
        for row in rows_of(next(path for path in outcome.files if path.endswith("sms.csv")))
        if row["is_seed"] == "false"
    ]
    gone = sms[0]["customer_id"]
    events = (
        f"SELECT 'X1' AS event_id, 'auto-debit-and-e-bill' AS campaign_id, '{gone}' AS customer_id, 'sms' AS channel, "
        "'unsubscribed' AS kind, TIMESTAMPTZ '2026-11-03 10:00:00+08' AS occurred_at, CAST(NULL AS DECIMAL(18,2)) AS value_amount"
    )
    next_year = AS_OF + dt.timedelta(days=364)
    made = make(
        settings,
        ops,
        ["auto-debit-and-e-bill"],
        AS_OF + dt.timedelta(days=7),
        accepted__campaign_event=events,
    )
    del made
    # A year later the event has left the source; the suppression has not.
    late = make(settings, ops, ["auto-debit-and-e-bill"], next_year)["auto-debit-and-e-bill"]
    assert gone not in {
        row["customer_id"] for path in late.files if path.endswith("sms.csv") for row in rows_of(path)
    }
    with ops.connect() as connection:
        said = (
            connection.execute(text("SELECT address_hash FROM ops.suppression WHERE reason = 'unsubscribed'"))
            .scalars()
            .all()
        )
    assert len(said) >= 2
    assert all(len(one_) == 64 for one_ in said)


def test_one_suppression_an_address_the_earliest_day_and_the_reason_that_lasts(
    tmp_path: Path, ops: Engine
) -> None:
    settings = load_settings(tmp_path)
    said = [("bounced", "03"), ("unsubscribed", "05"), ("complained", "07")]
    events = [
        f"SELECT '{kind}' AS event_id, 'x' AS campaign_id, 'C00000002' AS customer_id, 'email' AS channel, '{kind}' AS kind, "
        f"TIMESTAMPTZ '2026-10-{day} 10:00:00+08' AS occurred_at, CAST(NULL AS DECIMAL(18,2)) AS value_amount"
        for kind, day in said
    ]

    def kept() -> dict[str, set[tuple[str, str]]]:
        with ops.connect() as connection:
            rows = connection.execute(
                text("SELECT channel, address_hash, reason, CAST(since AS text) FROM ops.suppression")
            ).all()
        assert len({(row[0], row[1]) for row in rows}) == len(rows) > 0
        found: dict[str, set[tuple[str, str]]] = {}
        for channel, _, reason, since in rows:
            found.setdefault(channel, set()).add((reason, since))
        return found

    # One evening knows of the bounce alone, the next of all; then the bounce comes again.
    evenings = []
    for known in (events[:1], events, events[:1]):
        with open_world(settings, 50, accepted__campaign_event=" UNION ALL ".join(known)) as session:
            look_at_people(session, ops)
            store_feedback(session, ops)
        evenings.append(kept())
    assert evenings[0] == {"email": {("bounced", "2026-10-03")}}
    assert evenings[1] == evenings[2]
    found = evenings[2]
    # Of the address; what was unsubscribed of the customer as such is another key.
    assert found["email"] == {("complained", "2026-10-03"), ("unsubscribed", "2026-10-05")}
    assert found["record"] == {("complained", "2026-10-07")}
    with ops.begin() as connection:
        connection.execute(text("UPDATE ops.suppression SET since = '2026-12-01'"))
    suppress_customer(settings, ops, "C00000002", "deceased", dt.date(2026, 11, 1))
    assert kept()["record"] == {("complained", "2026-11-01")}


def test_encrypted_at_rest_where_the_utility_sets_a_key(tmp_path: Path, ops: Engine) -> None:
    keys = encrypting(tmp_path)
    settings = load_settings(tmp_path / "home", campaigns=keys)
    outcome = make(settings, ops, ["contract-renewal"])["contract-renewal"]
    assert all(path.endswith((".csv.age", ".pdf.age")) for path in outcome.files)
    assert not list((tmp_path / "home" / "lists").rglob("*.csv"))
    assert "contract-renewal" in opened(tmp_path, Path(outcome.files[0]))
    bytes_of = {path: Path(path).read_bytes() for path in outcome.files}
    assert make(settings, ops, ["contract-renewal"])["contract-renewal"] == outcome
    assert {path: Path(path).read_bytes() for path in outcome.files} == bytes_of
    # Without the identity no list can be told from another: none leaves.
    blind = load_settings(tmp_path / "home")
    with pytest.raises(CampaignError, match="names nothing to open it with"):
        release(blind, ops, outcome.campaign_run_id, "head-of-contracts", digest(outcome), NOW)
    # Nor where others' key alone opens it.
    path = Path(outcome.files[0])
    path.write_bytes(
        pyrage.encrypt(opened(tmp_path, path).encode(), [pyrage.x25519.Identity.generate().to_public()])
    )
    with pytest.raises(CampaignError, match=r"not_what_was_approved.*is encrypted to others"):
        release(settings, ops, outcome.campaign_run_id, "head-of-contracts", digest(outcome), NOW)
    path.write_bytes(bytes_of[str(path)])
    assert release(settings, ops, outcome.campaign_run_id, "head-of-contracts", digest(outcome), NOW)


def test_a_list_of_an_earlier_release_is_made_again_and_approved_anew(tmp_path: Path, ops: Engine) -> None:
    """Its files were encrypted in a way that nothing opens any more; who is on it stays."""
    home = tmp_path / "home"
    first = make(load_settings(home), ops, ["contract-renewal"])["contract-renewal"]
    folder = Path(first.files[0]).parent
    manifest = json.loads((folder / "manifest.json").read_text())
    for entry in manifest["files"]:
        (folder / entry["file"]).replace(folder / f"{entry['file']}.enc")
        entry |= {"file": f"{entry['file']}.enc", "encrypted": True}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    old = load_settings(home, campaigns={"list_key_file": str(tmp_path / "key")})
    with pytest.raises(CampaignError, match="list_key_replaced"):
        make(old, ops, ["contract-renewal"])
    assert {path.suffix for path in folder.glob("sms.*")} == {".enc"}, "nothing is written open"
    settings = load_settings(home, campaigns=encrypting(tmp_path))
    with pytest.raises(CampaignError, match=r"not_what_was_approved.*wattmark campaign run"):
        release(settings, ops, first.campaign_run_id, "head-of-contracts", manifest["list_sha256"], NOW)
    again = make(settings, ops, ["contract-renewal"])["contract-renewal"]
    assert (again.listed, again.state) == (first.listed, "awaiting_approval")
    assert {path.suffix for path in folder.iterdir()} == {".age", ".json"}
    assert digest(again) != manifest["list_sha256"]
    assert release(settings, ops, again.campaign_run_id, "head-of-contracts", digest(again), NOW)


def test_area_mailing_names_nobody(tmp_path: Path, ops: Engine) -> None:
    settings = load_settings(tmp_path)
    outcome = make(settings, ops, ["area-mailing"])["area-mailing"]
    rows = rows_of(outcome.files[0])
    assert list(rows[0]) == [
        "rank", "region_code", "postcode", "addresses", "wanted_share", "expected_share",
    ]  # fmt: skip
    shares = [float(row["expected_share"]) for row in rows]
    assert shares == sorted(shares, reverse=True)
    assert all(0 < float(row["expected_share"]) < 0.2 * float(row["wanted_share"]) for row in rows)
    assert all(int(row["addresses"]) >= 20 for row in rows)
    with ops.connect() as connection:
        assert connection.execute(text("SELECT COUNT(*) FROM ops.campaign_member")).scalar() == 0
        assert connection.execute(
            text("SELECT COUNT(*) FROM ops.campaign_area WHERE outcome = 'listed'")
        ).scalar() == len(rows)


def test_areas_go_by_who_is_wanted_where_no_model_tells_who_takes_it_up(tmp_path: Path, ops: Engine) -> None:
    settings = load_settings(tmp_path)
    instead = {"segment__lookalike": TABLES["segment.lookalike"] + " WHERE FALSE"}
    with open_world(settings, 3000, **instead) as session:
        outcome = make_lists(settings, session.run, session, ops, ["area-mailing"])[0]
    rows = rows_of(outcome.files[0])
    assert {row["expected_share"] for row in rows} == {""}
    shares = [float(row["wanted_share"]) for row in rows]
    assert shares == sorted(shares, reverse=True)
    assert len(set(shares)) > 1


def test_all_campaigns_are_made(tmp_path: Path, ops: Engine) -> None:
    from wattmark.campaign.definition import load_campaigns

    settings = load_settings(tmp_path, campaigns={"contacts": 20})
    names = [file.campaign.id for file in load_campaigns(settings)]
    with open_world(settings, 6000) as session:
        lists = make_lists(settings, session.run, session, ops, names, NOW)
    made = {outcome.campaign_id: outcome for outcome in lists}
    assert set(made) == set(names)
    assert {outcome.campaign_id: outcome.problem for outcome in made.values() if outcome.problem} == {}
    assert {outcome.campaign_id for outcome in made.values() if not outcome.listed} == set()


def test_an_unknown_campaign_is_told(tmp_path: Path, ops: Engine) -> None:
    with pytest.raises(CampaignError, match="There is no campaign nothing"):
        make(load_settings(tmp_path), ops, ["nothing"])


def listed_in(outcome: CampaignOutcome, channel: str = "") -> list[dict[str, str]]:
    """Rows of a list's files as they lie there, seeds left out."""
    return [
        row
        for path in outcome.files
        if not channel or Path(path).stem == channel
        for row in rows_of(path)
        if row["is_seed"] == "false"
    ]


def in_order(rows: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    return sorted(rows, key=lambda row: (row["channel"], row["customer_id"], row["account_id"]))


def said_no(who: dict[str, dict[str, str]]) -> dict[str, str]:
    """The world with an event, a consent and a complaint of the morning after the list."""
    event = (
        f"SELECT 'X' AS event_id, 'y' AS campaign_id, '{who['unsubscribed']['customer_id']}' AS customer_id, "
        f"'{who['unsubscribed']['channel']}' AS channel, 'unsubscribed' AS kind, TIMESTAMPTZ '2026-11-03 08:00:00+08' AS occurred_at, "
        "CAST(NULL AS DECIMAL(18,2)) AS value_amount"
    )
    consent = (
        f"{TABLES['accepted.consent']} UNION ALL SELECT '{who['withdrew']['customer_id']}', '{who['withdrew']['channel']}', 'service', "
        f"'withdrawn', TIMESTAMPTZ '2026-11-03 08:00:00+08'"
    )
    return {
        "accepted__campaign_event": f"{TABLES['accepted.campaign_event']} UNION ALL {event}",
        "accepted__consent": consent,
    }


@pytest.mark.parametrize("encrypted", [False, True])
def test_release_leaves_out_whoever_has_said_no_since(tmp_path: Path, ops: Engine, encrypted: bool) -> None:
    key = encrypting(tmp_path) if encrypted else {}
    target = tmp_path / "out"
    settings = load_settings(tmp_path / "home", campaigns={"delivery": str(target)})
    outcome = make(settings, ops, ["contract-renewal"])["contract-renewal"]
    before = listed_in(outcome)
    who = dict(zip(("unsubscribed", "withdrew", "died"), [before[0], before[1], before[-1]], strict=True))
    if encrypted:
        settings = load_settings(tmp_path / "home", campaigns={"delivery": str(target), **key})
        with ops.begin() as connection:
            connection.execute(
                text("TRUNCATE ops.campaign_run, ops.campaign_member, ops.campaign_arm CASCADE")
            )
        outcome = make(settings, ops, ["contract-renewal"])["contract-renewal"]
    suppress_customer(settings, ops, who["died"]["customer_id"], "deceased", dt.date(2026, 11, 3))
    approved = digest(outcome)
    assert release(settings, ops, outcome.campaign_run_id, "head-of-contracts", approved, NOW, **said_no(who))
    sent = target / outcome.campaign_run_id
    manifest = json.loads((sent / "manifest.json").read_text())
    assert manifest["release"]["dropped"] == {"suppressed": 1, "no_consent": 1, "known_dead": 1}
    assert manifest["approval"]["approved_list_sha256"] == approved != manifest["list_sha256"]
    for entry in manifest["files"]:
        assert sha256_of(sent / entry["file"]) == entry["file_sha256"]
    if encrypted:
        delivered = [
            row
            for path in sent.glob("*.csv.age")
            for row in csv.DictReader(opened(tmp_path, path).splitlines())
            if row["is_seed"] == "false"
        ]
        assert not {row["customer_id"] for row in delivered} & {row["customer_id"] for row in who.values()}
    else:
        delivered = [
            row for path in sent.glob("*.csv") for row in rows_of(str(path)) if row["is_seed"] == "false"
        ]
        assert in_order(delivered) == in_order(row for row in before if row not in who.values())
        # What lies in the home is what has left.
        assert in_order(listed_in(outcome)) == in_order(delivered)
    assert len(delivered) == len(before) - 3
    with ops.connect() as connection:
        run = connection.execute(
            text("SELECT list_sha256, approved_list_sha256, dropped FROM ops.campaign_run")
        ).one()
        drops = connection.execute(text("SELECT customer_id, reason FROM ops.campaign_drop")).all()
    assert tuple(run) == (manifest["list_sha256"], approved, 3)
    assert dict(tuple(row) for row in drops) == {
        who["unsubscribed"]["customer_id"]: "suppressed",
        who["withdrew"]["customer_id"]: "no_consent",
        who["died"]["customer_id"]: "known_dead",
    }
    from wattmark.campaign.preview import explain

    told_of = explain(ops, who["died"]["customer_id"])[0]
    assert (told_of["outcome"], told_of["excluded_by"]) == ("left out", "known_dead")
    # Nobody contacted them: neither results nor waiting times speak of them.
    from wattmark.campaign import people
    from wattmark.derive import campaign_state

    told = people._history(ops, dt.date(2026, 11, 9)).column("customer_id").to_pylist()
    assert not set(told) & {row["customer_id"] for row in who.values()}
    with ops.connect() as connection:
        sql = campaign_state._MEMBERS_SQL.replace("$1", ":a").replace("$2", ":b")
        members = connection.execute(
            text(sql), {"a": NOW + dt.timedelta(days=5), "b": AS_OF + dt.timedelta(days=5)}
        ).all()
    assert {row[1] for row in members if row[3] == "listed"} == {row["customer_id"] for row in delivered}


def test_a_correction_and_a_late_list_ask_what_is_known_now(tmp_path: Path, ops: Engine) -> None:
    settings = load_settings(tmp_path, campaigns={"contacts": 9})
    outcome = make(settings, ops, ["contract-renewal"])["contract-renewal"]
    before = listed_in(outcome)
    who = dict(zip(("unsubscribed", "withdrew"), before[:2], strict=True))
    release(settings, ops, outcome.campaign_run_id, "head-of-contracts", digest(outcome), NOW)
    gone = {row["customer_id"] for row in who.values()}
    with open_world(settings, PEOPLE, **said_no(who)) as session:
        two = correct(settings, session.run, session, ops, "contract-renewal", "they said no", NOW)
    assert gone & {row["customer_id"] for row in before}
    assert not {(row["customer_id"], row["channel"]) for row in listed_in(two)} & {
        (row["customer_id"], row["channel"]) for row in who.values()
    }
    # Another home, which makes the list of 2 November only now.
    with ops.begin() as connection:
        connection.execute(
            text(
                "TRUNCATE ops.campaign_run, ops.campaign_member, ops.campaign_arm, ops.campaign_key, ops.suppression CASCADE"
            )
        )
    late = load_settings(tmp_path / "late", campaigns={"contacts": 9})
    shown = []
    for now in (NOW, NOW + dt.timedelta(days=3)):
        with open_world(late, PEOPLE, **said_no(who)) as session:
            made = make_lists(late, session.run, session, ops, ["contract-renewal"], now)[0]
        shown.append({row["customer_id"]: row for row in listed_in(made)})
        with ops.begin() as connection:
            due = connection.execute(text("SELECT approval_due_at FROM ops.campaign_run")).scalar()
            connection.execute(
                text(
                    "TRUNCATE ops.campaign_run, ops.campaign_member, ops.campaign_arm, ops.campaign_key, ops.suppression CASCADE"
                )
            )
        assert due is not None
        assert due > now
        for path in made.files:
            Path(path).unlink()
    for found in shown:
        assert who["withdrew"]["customer_id"] not in found or (
            found[who["withdrew"]["customer_id"]]["channel"] != who["withdrew"]["channel"]
        )
    # Made three days late it is not sent on a day that has passed.
    assert {row["send_on"] for row in shown[0].values()} == {"2026-11-03"}
    assert min(row["send_on"] for row in shown[1].values()) >= "2026-11-06"


@pytest.mark.parametrize(
    ("hour", "day"),
    # E-mail goes out until 21 o'clock, SMS until 20; both on 3 November.
    [
        (3, {}),
        (20, {"sms": "2026-11-04"}),
        (26, {"sms": "2026-11-04", "email": "2026-11-04", "post": "2026-11-04"}),
    ],
)
def test_a_day_of_sending_that_has_passed_moves(
    tmp_path: Path, ops: Engine, hour: int, day: dict[str, str]
) -> None:
    settings = load_settings(tmp_path)
    outcome = make(settings, ops, ["contract-renewal"])["contract-renewal"]
    approved = digest(outcome)
    now = dt.datetime(2026, 11, 3, tzinfo=settings.zone) + dt.timedelta(hours=hour)
    assert release(settings, ops, outcome.campaign_run_id, "head-of-contracts", approved, now)
    manifest = json.loads((Path(outcome.files[0]).parent / "manifest.json").read_text())
    assert manifest["release"]["moved"] == day
    assert {entry["channel"]: entry["send_on"] for entry in manifest["files"]} == {
        channel: day.get(channel, "2026-11-03") for channel in ("sms", "email", "post")
    }
    for channel in ("sms", "email", "post"):
        rows = listed_in(outcome, channel)
        assert rows
        assert {row["send_on"] for row in rows} == {day.get(channel, "2026-11-03")}
    assert (manifest["list_sha256"] == approved) is not bool(day)


def test_a_list_that_everybody_has_left_is_refused(tmp_path: Path, ops: Engine) -> None:
    settings = load_settings(tmp_path)
    outcome = make(settings, ops, ["contract-renewal"])["contract-renewal"]
    with pytest.raises(CampaignError, match=r"campaign\.nobody_left"):
        release(
            settings, ops, outcome.campaign_run_id, "head-of-contracts", digest(outcome), NOW,
            accepted__consent=TABLES["accepted.consent"] + " AND FALSE",
        )  # fmt: skip
    assert state_of(ops, outcome.campaign_run_id) == "refused"


def test_a_release_that_broke_off_asks_again_before_anything_has_left(
    tmp_path: Path, ops: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load_settings(tmp_path / "home", campaigns={"delivery": str(tmp_path / "out")})
    outcome = make(settings, ops, ["contract-renewal"])["contract-renewal"]
    before, approved = listed_in(outcome), digest(outcome)
    who = dict(zip(("unsubscribed", "withdrew"), before[:2], strict=True))

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(delivery.FolderTarget, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            release(
                settings, ops, outcome.campaign_run_id, "head-of-contracts", approved, NOW, **said_no(who)
            )
    suppress_customer(settings, ops, before[-1]["customer_id"], "asked for it", dt.date(2026, 11, 3))
    assert release(settings, ops, outcome.campaign_run_id, "head-of-contracts", approved, NOW, **said_no(who))
    delivered = [
        row
        for path in (tmp_path / "out" / outcome.campaign_run_id).glob("*.csv")
        for row in rows_of(str(path))
        if row["is_seed"] == "false"
    ]
    assert in_order(delivered) == in_order(before[2:-1])


def test_what_is_asked_is_what_awaits_its_answer_and_nothing_is_made(
    tmp_path: Path, ops: Engine, warehouse_url: str
) -> None:
    settings = load_settings(tmp_path, services={"warehouse_url": warehouse_url})
    run = Run.of(AS_OF, settings.utility.time_zone)
    assert questions(settings, run) == []
    made = make(settings, ops, [*TWO, "area-mailing"])
    before = everything(ops)
    asked = {question["campaign_run_id"]: question for question in questions(settings, run)}
    assert set(asked) == {outcome.campaign_run_id for outcome in made.values()}
    for outcome in made.values():
        question = asked[outcome.campaign_run_id]
        manifest = json.loads((Path(outcome.files[0]).parent / "manifest.json").read_text())
        assert question["list_sha256"] == manifest["list_sha256"]
        assert question["due_at"] == manifest["approval"]["due_at"]
        assert f"{outcome.listed:,} listed" in question["subject"]
        for entry in manifest["files"]:
            assert (
                f"- {entry['channel']}: {entry['rows']:,} rows, out on {entry['send_on']}" in question["body"]
            )
    assert everything(ops) == before
    # Of another day, and what is settled, nobody is asked.
    assert questions(settings, Run.of(AS_OF + dt.timedelta(days=1), settings.utility.time_zone)) == []
    refused = made["contract-renewal"]
    refuse(settings, ops, refused.campaign_run_id, "head-of-contracts", "not now")
    assert {question["campaign_run_id"] for question in questions(settings, run)} == set(asked) - {
        refused.campaign_run_id
    }


def test_no_answer_in_time_and_nobody_listed_end_a_list(
    tmp_path: Path, ops: Engine, warehouse_url: str
) -> None:
    settings = load_settings(tmp_path, services={"warehouse_url": warehouse_url})
    outcome = make(settings, ops, ["contract-renewal"])["contract-renewal"]
    run = Run.of(AS_OF, settings.utility.time_zone)
    due = dt.datetime(2026, 11, 4, 16, tzinfo=dt.UTC)
    for now, state in ((due - dt.timedelta(seconds=1), "awaiting_approval"), (due, "refused")):
        assert answer(settings, run, outcome.campaign_run_id, digest(outcome), None, now) == "unanswered"
        assert state_of(ops, outcome.campaign_run_id) == state
    nobody = make(
        settings, ops, ["auto-debit-and-e-bill"], accepted__consent=TABLES["accepted.consent"] + " AND FALSE"
    )["auto-debit-and-e-bill"]
    assert nobody.state == "refused"
    assert state_of(ops, nobody.campaign_run_id) == "refused"
