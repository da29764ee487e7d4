"""Every command that the documents show, run as it is shown on a small utility of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.services.homes import open_folder
from tests.unit.test_what_documents_name import shown
from wattmark.local import services
from wattmark.local.processes import next_free_port
from wattmark.settings import load_settings
from wattmark.web.counter_docs import EXAMPLE

ORDER = (
    "sample",
    "check",
    "run",
    "table",
    "plan",
    "golden",
    "audit counter",
    "case",
    "campaign preview",
    "campaign run",
    "campaign lists",
    "campaign replies",
    "campaign report",
    "warehouse-url",
    "bi-user add",
    "bi-user list",
    "bi-user remove",
    "down",
)
"""What comes first needs nothing of what comes later."""


def rank(written: str) -> int:
    if "--lake" in written:
        return len(ORDER) - 1
    return next((at for at, beginning in enumerate(ORDER) if written.startswith(beginning)), 0)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_each_shown_command_runs() -> None:
    with open_folder() as folder:
        home = folder / "home"
        home.mkdir(mode=0o700)
        ports = f"{{postgres_port: {next_free_port(15_500)}, airflow_port: {next_free_port(18_500)}}}"
        (home / "settings.yaml").write_text(
            f"services: {ports}\nsources: [{{location: {folder / 'sample'}}}]\n"
        )
        (folder / "IN.csv").write_text("reply_code,occurred_at\n")
        (folder / "application.json").write_text(json.dumps(EXAMPLE))
        environment = {**os.environ, "WATTMARK_HOME": str(home), "COLUMNS": "120"}
        settings = load_settings(home)

        def run(*words: str) -> None:
            done = subprocess.run(
                [sys.executable, "-m", "wattmark", *words],
                cwd=folder, env=environment, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, f"wattmark {' '.join(words)}\n{done.stdout}\n{done.stderr}"

        try:
            run("up", "--no-airflow")
            for written, _ in sorted(
                shown(), key=lambda command: (rank(command[0]), "full" in command[0], command[0])
            ):
                words = written.split()
                if words == ["prepare"]:
                    # Of servers of one's own, which tests/services/test_deploy.py has.
                    continue
                if words[0] == "case" and words[1] != "verify-log":
                    # Steps on a case that stands as the text tells it: tests/cases/test_commands.py works one.
                    continue
                if words[0] == "sample":
                    words = [
                        "60"
                        if before == "--accounts"
                        else services.source_url(settings)
                        if "://" in word
                        else word
                        for before, word in zip(["", *words], words, strict=False)
                    ]
                    if "--accounts" not in words:
                        words += ["--accounts", "60"]
                here = {
                    "DIR_OR_URL": "sample",
                    "/path/to/home": str(home),
                    "/etc/wattmark/lists.key": str(folder / "lists.key"),
                }
                run(*(here.get(word, word) for word in words))
        finally:
            services.discard(settings)
