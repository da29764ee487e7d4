"""Tries the dashboards in a real Superset: import, each chart's query, each dashboard in a browser.

Superset lives in an environment of its own, which ``make superset-try`` makes from ``deploy/superset-requirements.lock``.

    .venv/bin/python tools/superset_try.py --superset .superset --home .wattmark [--language zh] [--shots FOLDER]

Exit status 1 where a chart's query fails, a chart of a dashboard is not drawn, or Superset's answer to an import is not yes.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from wattmark.bi.bundle import DATABASE, Bundle, address, zipped
from wattmark.bi.definitions import load_definitions
from wattmark.code_names import LANGUAGES, load_code_names
from wattmark.home import warehouse_url
from wattmark.local.processes import next_free_port
from wattmark.publish import bi_users
from wattmark.settings import Settings, load_settings

ADMIN = "admin"
WIDTH, HEIGHT = 1500, 5000
"""Of the browser's window in CSS pixels: so high that no chart waits for being scrolled to."""
START_S, DRAWN_S = 300, 180
BOTTOM = "() => Math.max(600, ...[...document.querySelectorAll('.dashboard-component-chart-holder')].map((e) => e.getBoundingClientRect().bottom))"
CONFIG = """
SECRET_KEY = {key!r}
SQLALCHEMY_DATABASE_URI = {metadata!r}
WTF_CSRF_ENABLED = False
TALISMAN_ENABLED = False
RATELIMIT_ENABLED = False
SQLALCHEMY_TRACK_MODIFICATIONS = False
LANGUAGES = {{"en": {{"flag": "us", "name": "English"}}, "zh": {{"flag": "cn", "name": "Chinese"}}}}
BABEL_DEFAULT_LOCALE = {language!r}
"""


class Server:
    """One Superset with one worker and its metadata in a file, stopped at the end."""

    def __init__(self, superset: Path, folder: Path, language: str) -> None:
        self._bin, self._folder = superset / "venv" / "bin", folder
        self.password = secrets.token_urlsafe(16)
        self.port = next_free_port(18_088)
        (folder / "superset_config.py").write_text(
            CONFIG.format(
                key=secrets.token_urlsafe(42), metadata=f"sqlite:///{folder}/superset.db", language=language
            )
        )
        self._env = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "SUPERSET_CONFIG_PATH": str(folder / "superset_config.py"),
            "FLASK_APP": "superset.app:create_app()", "PYTHONWARNINGS": "ignore",
        }  # fmt: skip

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(  # noqa: S603 - the program of its environment
            [str(self._bin / "superset"), *arguments],
            env=self._env,
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(f"superset {arguments[0]} failed:\n{done.stderr[-4000:]}")

    @contextlib.contextmanager
    def running(self) -> Iterator[str]:
        """Its address, once it answers."""
        self._run("db", "upgrade")
        self._run(
            "fab", "create-admin", "--username", ADMIN, "--firstname", "A", "--lastname", "B",
            "--email", "admin@localhost", "--password", self.password,
        )  # fmt: skip
        self._run("init")
        url = f"http://127.0.0.1:{self.port}"
        with (self._folder / "superset.log").open("w") as log:
            process = subprocess.Popen(  # noqa: S603 - likewise
                [
                    str(self._bin / "gunicorn"), "--workers", "1", "--worker-class", "gthread", "--threads", "4", "--timeout", "300",
                    "--bind", f"127.0.0.1:{self.port}", "superset.app:create_app()",
                ],
                env=self._env, cwd=self._folder, stdout=log, stderr=log,
            )  # fmt: skip
            try:
                until = time.monotonic() + START_S
                while not _answers(f"{url}/health"):
                    if process.poll() is not None or time.monotonic() > until:
                        sys.exit(
                            f"Superset does not start:\n{(self._folder / 'superset.log').read_text()[-4000:]}"
                        )
                    time.sleep(1)
                yield url
            finally:
                process.terminate()
                process.wait(30)


def _answers(url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(url, timeout=5).status_code == 200
    return False


class Api:
    """Superset's API as its administrator."""

    def __init__(self, url: str, password: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=300)
        answer = self._client.post(
            "/api/v1/security/login", json={"username": ADMIN, "password": password, "provider": "db"}
        )
        self._client.headers["Authorization"] = f"Bearer {answer.raise_for_status().json()['access_token']}"

    def load(self, path: str, field: str, bundle: bytes, password: str) -> None:
        """Import a bundle, as the page or a script of a user would."""
        answer = self._client.post(
            path,
            files={field: ("wattmark.zip", bundle, "application/zip")},
            data={"passwords": json.dumps({f"databases/{DATABASE}.yaml": password}), "overwrite": "true"},
        )
        if answer.status_code != 200:
            sys.exit(f"{path}: {answer.status_code} {answer.text[:4000]}")

    def charts(self) -> dict[int, str]:
        """Names of all charts by number."""
        answer = self._client.get("/api/v1/chart/", params={"q": "(page_size:1000)"}).raise_for_status()
        return {asset["id"]: asset["slice_name"] for asset in answer.json()["result"]}

    def dashboards(self) -> dict[str, int]:
        """How many charts each dashboard has, by slug."""
        answer = self._client.get("/api/v1/dashboard/", params={"q": "(page_size:100)"}).raise_for_status()
        return {
            asset["slug"]: len(
                self._client.get(f"/api/v1/dashboard/{asset['id']}/charts")
                .raise_for_status()
                .json()["result"]
            )
            for asset in answer.json()["result"]
        }

    def ask(self, chart: int) -> tuple[int, str]:
        """Rows that a chart's own query gives, and what is wrong with it; empty where nothing is."""
        answer = self._client.get(f"/api/v1/chart/{chart}/data/", params={"force": "true"})
        if answer.status_code != 200:
            return 0, f"{answer.status_code} {answer.text[:500]}"
        results: list[dict[str, Any]] = answer.json()["result"]
        return sum(each["rowcount"] for each in results), "; ".join(
            each["error"] for each in results if each.get("error")
        )


def look(url: str, password: str, slugs: dict[str, int], shots: Path) -> list[str]:
    """Open each dashboard as a reader does; returns what is wrong."""
    from playwright.sync_api import Response, sync_playwright

    wrong: list[str] = []
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        answers: list[Response] = []
        page.on(
            "response",
            lambda response: answers.append(response) if "/api/v1/chart/data" in response.url else None,
        )
        page.goto(f"{url}/login/")
        page.fill("input#username", ADMIN)
        page.fill("input#password", password)
        page.keyboard.press("Enter")
        page.wait_for_url("**/welcome/**", timeout=60_000)
        for slug, charts in slugs.items():
            answers.clear()
            page.goto(f"{url}/superset/dashboard/{slug}/?standalone=0", wait_until="load", timeout=120_000)
            drawn = _drawn(page, charts)
            low = page.evaluate(BOTTOM)
            page.screenshot(
                path=shots / f"{slug}.png",
                clip={"x": 0, "y": 0, "width": WIDTH, "height": min(low + 20, HEIGHT)},
            )
            for answer in answers:
                # A query that a newer choice of a filter overtook is cancelled by the page itself.
                wrong += [f"{slug}: {answer.status} {answer.text()[:300]}"] if answer.status >= 400 else []
            wrong += [
                f"{slug}: {text}"
                for text in page.locator("[data-test='alert'], .ant-alert-error").all_inner_texts()
            ]
            print(f"  {slug}: {drawn} of {charts} charts drawn, {len(answers)} queries", flush=True)
            if drawn < charts:
                wrong.append(f"{slug}: {charts - drawn} charts are not drawn")
        browser.close()
    return wrong


def _drawn(page: Any, charts: int) -> int:
    """Charts of a dashboard that are there and load no more, once all are or none comes any more."""
    until = time.monotonic() + DRAWN_S
    drawn = 0
    while time.monotonic() < until:
        page.wait_for_timeout(2000)
        drawn = page.evaluate(
            "() => document.querySelectorAll('.dashboard-component-chart-holder .slice_container').length"
        )
        loading = page.evaluate(
            "() => document.querySelectorAll('.dashboard .loading, .dashboard [data-test=loading-indicator]').length"
        )
        if drawn >= charts and not loading:
            page.wait_for_timeout(3000)
            break
    return int(drawn)


def bundles(settings: Settings, language: Any, login: str) -> tuple[bytes, bytes]:
    """The bundle that a page imports, and the one that replaces what was imported."""
    made = [
        Bundle(
            load_definitions(settings.include), load_code_names(settings.include / "code-names.yaml"),
            language, address(warehouse_url(settings), login), kind,
        )
        for kind in ("Dashboard", "assets")
    ]  # fmt: skip
    return zipped(made[0].texts()), zipped(made[1].texts())


def main() -> None:
    """Try the dashboards of one language on the warehouse of one home."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--superset", type=Path, default=Path(".superset"), help="folder with Superset's venv"
    )
    parser.add_argument("--home", type=Path, default=None)
    parser.add_argument("--language", choices=LANGUAGES, default="en")
    parser.add_argument(
        "--shots", type=Path, default=None, help="where pictures go; no browser where left out"
    )
    given = parser.parse_args()
    settings = load_settings(given.home)
    login = f"superset_try_{secrets.token_hex(4)}"
    made = bi_users.add(warehouse_url(settings), login)
    wrong: list[str] = []
    try:
        with tempfile.TemporaryDirectory(prefix="superset-") as folder:
            server = Server(given.superset.resolve(), Path(folder), given.language)
            first, replacing = bundles(settings, given.language, login)
            with server.running() as url:
                api = Api(url, server.password)
                api.load("/api/v1/dashboard/import/", "formData", first, made.password)
                api.load("/api/v1/assets/import/", "bundle", replacing, made.password)
                for chart, name in sorted(api.charts().items()):
                    rows, error = api.ask(chart)
                    print(f"  {rows:6d} rows  {name}" + (f"  {error}" if error else ""), flush=True)
                    wrong += [f"{name}: {error}"] if error else []
                if given.shots:
                    given.shots.mkdir(parents=True, exist_ok=True)
                    wrong += look(url, server.password, api.dashboards(), given.shots.resolve())
    finally:
        bi_users.remove(warehouse_url(settings), login)
    if wrong:
        sys.exit("\n".join(["", *wrong]))


if __name__ == "__main__":
    main()
