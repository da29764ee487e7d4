"""Airflow's REST API, asked as the home's administrator."""

from __future__ import annotations

from typing import Any

import httpx

from wattmark.errors import ServiceError
from wattmark.home import HOST, login_secret, secret
from wattmark.local import processes
from wattmark.settings import Settings
from wattmark.user_settings import ADMIN

PATIENCE = 3
"""How often a question is asked again that was not answered in time."""


def port(settings: Settings) -> int:
    """The port the API server listens on, or will listen on."""
    return processes.read_services(settings.home).airflow_port or settings.services.airflow_port


def address(settings: Settings) -> str:
    """Where a browser finds Airflow."""
    return f"http://{HOST}:{port(settings)}"


def _detail(answer: httpx.Response) -> str:
    try:
        said = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        said = answer.text
    return " ".join(str(said).split())[:300]


class Api:
    """Airflow's REST API as the admin of this home.

    Raises:
        ServiceError: from every call, when Airflow does not answer or refuses.
    """

    def __init__(self, settings: Settings) -> None:
        """Talk to the Airflow of a home; nothing is sent before the first call."""
        self._settings = settings
        self._client = httpx.Client(base_url=address(settings), trust_env=False, timeout=30.0)

    def __enter__(self) -> Api:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection."""
        self._client.close()

    def _log_in(self) -> None:
        recorded = processes.read_services(self._settings.home).components.get("api-server")
        # Whoever else listens on that port must not be sent our password.
        if recorded is None or not processes.is_alive(recorded):
            raise ServiceError("services.airflow_down", "Airflow is not running.", "Run `wattmark up`.")
        password = secret(self._settings.home, login_secret(ADMIN))
        answer = self._client.post("/auth/token", json={"username": ADMIN, "password": password})
        if answer.status_code != httpx.codes.CREATED:
            raise ServiceError(
                "services.airflow_login",
                f"Airflow refused the admin's password (status {answer.status_code}).",
                "Run `wattmark down` and `wattmark up`.",
            )
        self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        # A busy machine may answer late; asking again changes nothing, telling again might.
        for _ in range(PATIENCE if method == "GET" else 0):
            try:
                return self._client.request(method, f"/api/v2{path}", **options)
            except httpx.ReadTimeout:
                continue
        return self._client.request(method, f"/api/v2{path}", **options)

    def call(self, method: str, path: str, *, allow: tuple[int, ...] = (), **options: Any) -> httpx.Response:
        """Send one request below ``/api/v2``, logging in when needed.

        Args:
            method: such as ``GET``.
            path: below ``/api/v2``.
            allow: statuses besides 2xx that the caller deals with.
            options: passed on to httpx.
        """
        try:
            if "Authorization" not in self._client.headers:
                self._log_in()
            answer = self._send(method, path, **options)
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                self._log_in()
                answer = self._send(method, path, **options)
        except httpx.HTTPError as error:
            raise ServiceError(
                "services.airflow_silent",
                f"Airflow does not answer at {address(self._settings)} ({type(error).__name__}).",
                "Look at `wattmark status`.",
            ) from None
        if not answer.is_success and answer.status_code not in allow:
            raise ServiceError(
                "services.airflow_refused",
                f"Airflow refused {method} {path} (status {answer.status_code}): {_detail(answer)}",
                "Correct what it names, or look at api-server.log of the home.",
            )
        return answer
