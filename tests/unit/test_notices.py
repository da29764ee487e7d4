"""Notices reach a real mail server and a real web server; one that cannot be delivered fails nothing and leaks nothing."""

from __future__ import annotations

import importlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sinks import Sinks, sinks
from wattmark.errors import SettingsError
from wattmark.night import parameters_hash
from wattmark.notices import Notice, failed_tasks, note_failure, send, take_failures
from wattmark.settings import WEBHOOK_VARIABLE, Settings, load_settings

# A notice is sent from Airflow's processes, which have set their logging by then; doing so later would silence the loggers there are.
importlib.import_module("airflow.settings")

NOTICE = Notice(
    "failed", "nightly", "manual__1", "The night 2026-11-04 failed", ("check: [x.y] <what> & where",), "2026-11-04",
    "http://127.0.0.1:1/dags/nightly/runs/manual__1",
)  # fmt: skip
MAIL = {"to": ["ops@example.org", "boss@example.org"], "sender": "wattmark@example.org"}


@pytest.fixture
def servers() -> Iterator[Sinks]:
    with sinks() as found:
        yield found


@pytest.fixture(autouse=True)
def airflow_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
    monkeypatch.delenv(WEBHOOK_VARIABLE, raising=False)


def settings_of(home: Path, **notify: Any) -> Settings:
    return load_settings(home, notify=notify)


def test_everybody_named_is_told(servers: Sinks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WATTMARK_SMTP", servers.connection)
    told = send(settings_of(tmp_path, mail=MAIL, webhook={"url": servers.hook}), NOTICE)
    assert told == ["mail", "webhook"]
    [mail], [post] = servers.mails, servers.posts
    assert (mail.recipients, mail.subject) == (MAIL["to"], "[Wattmark] The night 2026-11-04 failed")
    assert "check: [x.y] &lt;what&gt; &amp; where" in mail.text
    assert NOTICE.link in mail.text
    assert post["text"].splitlines() == [NOTICE.title, *NOTICE.lines, NOTICE.link]
    assert (post["event"], post["dag_id"], post["as_of"]) == ("failed", "nightly", "2026-11-04")
    assert servers.paths == ["/hook?token=SECRET-TOKEN"]


def test_a_webhook_of_an_airflow_connection_sends_its_password_as_a_token(
    servers: Sinks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {
        "conn_type": "http", "host": "127.0.0.1", "port": servers.http_port, "schema": "http", "password": "p-a-s-s",
        "extra": json.dumps({"path": "/in?x=1"}),
    }  # fmt: skip
    monkeypatch.setenv("AIRFLOW_CONN_CHAT", json.dumps(given))
    assert send(settings_of(tmp_path, webhook={"connection": "chat", "style": "text"}), NOTICE) == ["webhook"]
    assert servers.posts == [{"msgtype": "text", "text": {"content": NOTICE.text}}]
    assert servers.headers[0]["Authorization"] == "Bearer p-a-s-s"
    assert servers.paths == ["/in?x=1"]


@pytest.mark.parametrize("broken", ["status", "silent", "no connection"])
def test_what_cannot_be_delivered_is_logged_without_its_secret_and_stops_nothing_else(
    servers: Sinks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, broken: str
) -> None:  # fmt: skip
    monkeypatch.setenv("AIRFLOW_CONN_WATTMARK_SMTP", servers.connection)
    mail = MAIL | ({"connection": "nobody_made_it"} if broken == "no connection" else {})
    url = "http://127.0.0.1:9/x?token=SECRET-TOKEN" if broken == "silent" else servers.hook
    servers.status = 500 if broken == "status" else 200
    with caplog.at_level(logging.INFO):
        told = send(settings_of(tmp_path, mail=mail, webhook={"url": url}), NOTICE)
    assert told == (["webhook"] if broken == "no connection" else ["mail"])
    over = "mail over the Airflow connection nobody_made_it" if broken == "no connection" else "webhook"
    assert f"Not told by {over}: " in caplog.text
    assert "SECRET-TOKEN" not in "".join(
        record.getMessage() for record in caplog.records if record.name.startswith("wattmark")
    )


def test_nobody_named_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert send(settings_of(tmp_path), NOTICE) == []
    assert "Nobody is named in notify" in caplog.text


def test_a_line_break_in_a_title_begins_no_header(
    servers: Sinks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_WATTMARK_SMTP", servers.connection)
    sly = Notice("failed", "nightly", "r", "late\r\nBcc: other@example.org", ())
    assert send(settings_of(tmp_path, mail=MAIL), sly) == ["mail"]
    assert servers.mails[0].recipients == MAIL["to"]
    assert servers.mails[0].subject == "[Wattmark] late Bcc: other@example.org"


def test_failures_are_told_once_each_and_forgotten(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    for number in range(12):
        note_failure(
            settings, "nightly", "manual__2026-11-29T11:30:14+00:00", f"extract[{number}]", "[s.x] gone"
        )
    note_failure(settings, "nightly", "manual__2026-11-29T11:30:14+00:00", "check", "[p.x] wrong")
    note_failure(settings, "nightly", "another", "check", "[p.x] of another run")
    assert failed_tasks(settings, "nightly", "another") == {"check"}
    first = take_failures(settings, "nightly", "manual__2026-11-29T11:30:14+00:00")
    assert first == ["extract[0] and 11 more: [s.x] gone", "check: [p.x] wrong"]
    assert take_failures(settings, "nightly", "manual__2026-11-29T11:30:14+00:00") == []
    assert take_failures(settings, "nightly", "another") == ["check: [p.x] of another run"]


@pytest.mark.parametrize(
    ("dag", "tasks", "title"),
    [
        ("nightly", ["lists"], "The night 2026-11-04 is published; lists after it failed"),
        ("nightly", ["lists", "tell"], "The night 2026-11-04 is published; lists and tell after it failed"),
        ("nightly", ["publish", "lists"], "The night 2026-11-04 failed"),
        ("nightly", [], "The night 2026-11-04 failed"),
        ("reviews", ["lists"], "reviews (2026-11-04) failed"),
    ],
)
def test_what_fails_after_publishing_does_not_hide_the_night(
    tmp_path: Path, dag: str, tasks: list[str], title: str
) -> None:
    from wattmark.flow import notice_of

    settings = settings_of(tmp_path)
    for task in tasks:
        note_failure(settings, dag, "manual__1", task, "[c.x] wrong")
    context = {"dag_run": {"dag_id": dag, "run_id": "manual__1", "conf": {"as_of": "2026-11-04"}}}
    assert notice_of("failed", context, settings).title == title


@pytest.mark.parametrize(
    ("notify", "said"),
    [
        ({"mail": {"to": [], "sender": "a@b.c"}}, "notify.mail.to"),
        ({"mail": {"to": ["nobody"], "sender": "a@b.c"}}, "not a mail address"),
        ({"mail": {"to": ["a@b.c"], "sender": "nobody"}}, "notify.mail.sender"),
        ({"webhook": {"url": "ftp://x"}}, "not a URL of http"),
        ({"webhook": {}}, "either url or connection"),
        ({"webhook": {"url": "http://x", "connection": "y"}}, "either url or connection"),
        ({"webhok": None}, "notify.webhok"),
    ],
)
def test_wrong_settings_are_refused(tmp_path: Path, notify: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        settings_of(tmp_path, **notify)


def test_the_environment_names_the_webhook_and_no_dump_shows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(WEBHOOK_VARIABLE, "https://chat.example.org/SECRET-TOKEN")
    settings = load_settings(tmp_path)
    assert settings.notify.webhook is not None
    assert "SECRET-TOKEN" not in repr(settings) + settings.model_dump_json()
    monkeypatch.delenv(WEBHOOK_VARIABLE)
    # Who is told does not change what a night computes.
    assert parameters_hash(settings) == parameters_hash(load_settings(tmp_path))
