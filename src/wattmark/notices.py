"""Telling people what a night did, by mail and by webhook, as ``notify`` of the settings says.

A notice that cannot be delivered is logged and changes nothing else: a night never fails because nobody could be
told about it. Secrets stand in Airflow connections or in the environment, and in no log.
"""

from __future__ import annotations

import html
import json
import logging
import os
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import httpx

from wattmark.home import Home
from wattmark.notify_settings import Mail, Webhook
from wattmark.settings import Settings

log = logging.getLogger(__name__)

Event = Literal["failed", "late", "less_data", "cases"]
Way = Literal["mail", "webhook"]


@dataclass(frozen=True)
class Notice:
    """What is told: the event, the DAG run, a title of one line, lines below it, and where to look."""

    event: Event
    dag_id: str
    run_id: str
    title: str
    lines: tuple[str, ...] = ()
    as_of: str | None = None
    link: str | None = None

    @property
    def text(self) -> str:
        """All of it as plain text."""
        return "\n".join([self.title, *self.lines, *([self.link] if self.link else [])])


def send(
    settings: Settings,
    notice: Notice,
    *,
    ways: Sequence[Way] = ("mail", "webhook"),
    to: Sequence[str] = (),
) -> list[str]:
    """Tell everybody that the settings name.

    Args:
        settings: of the home.
        notice: what to tell.
        ways: those that are used, where the settings name them.
        to: mail addresses in the place of ``notify.mail.to``.

    Returns:
        the ways by which it was delivered, of ``mail`` and ``webhook``. Never raises: what could not be
        delivered is logged by the kind of its error, without addresses' secrets.
    """
    open_ways: dict[str, tuple[Callable[[], None], str | None]] = {}
    if settings.notify.mail and "mail" in ways:
        mail = settings.notify.mail.model_copy(update={"to": tuple(to)} if to else {})
        open_ways["mail"] = (lambda: _mail(mail, notice)), mail.connection
    if settings.notify.webhook and "webhook" in ways:
        webhook = settings.notify.webhook
        open_ways["webhook"] = (lambda: _post(webhook, notice)), webhook.connection
    if not open_ways:
        log.info("Nobody is named in notify of the settings, so nobody is told: %s", notice.title)
    told = []
    for way, (deliver, connection) in open_ways.items():
        try:
            deliver()
        except Exception as error:  # whatever the server or Airflow's hook does, the night goes on
            over = f" over the Airflow connection {connection}" if connection else ""
            log.error("Not told by %s%s: %s. %s", way, over, _kind(error), notice.title)
        else:
            told.append(way)
            log.info("Told by %s: %s", way, notice.title)
    return told


def _kind(error: Exception) -> str:
    """An error without its text, which may hold a URL with its token, or a password."""
    if isinstance(error, httpx.HTTPStatusError):
        return f"the server answered with status {error.response.status_code}"
    return type(error).__name__


def _mail(mail: Mail, notice: Notice) -> None:
    from airflow.providers.smtp.notifications.smtp import SmtpNotifier

    body = "".join(f"<p>{_with_links(line)}</p>" for line in notice.lines)
    link = f"<p>{_with_links(notice.link)}</p>" if notice.link else ""
    SmtpNotifier(
        to=list(mail.to),
        from_email=mail.sender,
        # A line break would begin another header.
        subject=f"[Wattmark] {' '.join(notice.title.split())}",
        html_content=f"<p><b>{html.escape(notice.title)}</b></p>{body}{link}",
        smtp_conn_id=mail.connection,
    ).notify({})


def _with_links(line: str) -> str:
    """A line as HTML, what is an address in it as a link."""
    return re.sub(
        r"https?://[^\s<>\"]+", lambda found: f'<a href="{found[0]}">{found[0]}</a>', html.escape(line)
    )


def _post(webhook: Webhook, notice: Notice) -> None:
    url, headers = _target(webhook)
    body: dict[str, Any]
    if webhook.style == "text":
        body = {"msgtype": "text", "text": {"content": notice.text}}
    else:
        body = {**asdict(notice), "text": notice.text}
    with httpx.Client(trust_env=False, timeout=webhook.timeout_s) as client:
        client.post(url, json=body, headers=headers).raise_for_status()


def _target(webhook: Webhook) -> tuple[str, dict[str, str]]:
    if webhook.url is not None:
        return webhook.url.get_secret_value(), {}
    from airflow.sdk import Connection

    found = Connection.get(str(webhook.connection))
    host = found.host or ""
    scheme = "" if "://" in host else f"{found.schema if found.schema in ('http', 'https') else 'https'}://"
    port = f":{found.port}" if found.port else ""
    path = str(found.extra_dejson.get("path", ""))
    headers = {"Authorization": f"Bearer {found.password}"} if found.password else {}
    return f"{scheme}{host}{port}{path}", headers


# --- what failed, kept until it is told ------------------------------------------------------------------


def _folder(settings: Settings, dag_id: str, run_id: str) -> Path:
    return Home(settings.home).failures / dag_id / re.sub(r"[^\w.+-]", "_", run_id)


def note_failure(settings: Settings, dag_id: str, run_id: str, task: str, message: str) -> None:
    """Keep why a task of a run failed, until the run's end is told; the same task again replaces itself."""
    # Parsing a DAG loads no more than it must.
    from wattmark.atomic import write_atomically

    name = re.sub(r"[^\w.+-]", "_", task)[:120]
    write_atomically(
        _folder(settings, dag_id, run_id) / f"{name}.json", json.dumps({"task": task, "message": message})
    )


def failed_tasks(settings: Settings, dag_id: str, run_id: str) -> frozenset[str]:
    """Tasks of a run whose failures are kept to be told."""
    files = _folder(settings, dag_id, run_id).glob("*.json")
    return frozenset(json.loads(file.read_text(encoding="utf-8"))["task"] for file in files)


def take_failures(settings: Settings, dag_id: str, run_id: str) -> list[str]:
    """Why tasks of a run failed, one line a message however many tasks ended with it; forgets them."""
    folder = _folder(settings, dag_id, run_id)
    tasks: dict[str, list[str]] = {}
    for file in sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime_ns):
        said = json.loads(file.read_text(encoding="utf-8"))
        tasks.setdefault(said["message"], []).append(said["task"])
    shutil.rmtree(folder, ignore_errors=True)
    return [
        f"{names[0]}{f' and {len(names) - 1} more' if len(names) > 1 else ''}: {message}"
        for message, names in tasks.items()
    ]


def run_link(dag_id: str, run_id: str) -> str | None:
    """Where a browser finds a run, by the address that Airflow's processes know; None where they know none."""
    base = os.environ.get("AIRFLOW__API__BASE_URL", "").rstrip("/")
    return f"{base}/dags/{dag_id}/runs/{httpx.URL('', path=run_id).raw_path.decode()}" if base else None
