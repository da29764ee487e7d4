"""What stands before the pages: whose page sent a request, and how often somebody may try to log in."""

from __future__ import annotations

import pytest
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.testclient import TestClient

from wattmark.web.security import LoginLimit, same_origin


def application() -> FastAPI:
    app = FastAPI()

    @app.post("/auth/token")
    async def token(request: Request) -> str:
        if (await request.json())["password"] != "right":
            raise HTTPException(401)
        return "a token"

    @app.post("/write", dependencies=[Depends(same_origin)])
    async def write() -> str:
        return "written"

    return app


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://here.example", 200),
        ("https://HERE.example", 200),
        ("https://here.example.evil", 403),
        ("null", 403),
        ("", 403),
        ("http://[::1", 403),
        ("http://[", 403),
        ("https://here.example@evil", 403),
        ("https://here.example:99999999", 403),
        ("https://\u00ff", 403),
        ("x" * 20_000, 403),
    ],
)
def test_an_odd_origin_is_refused(origin: str, status: int) -> None:
    client = TestClient(application(), base_url="https://here.example", raise_server_exceptions=False)
    answer = client.post("/write", headers={b"origin": origin.encode("latin-1")})  # type: ignore[dict-item]
    assert answer.status_code == status


def test_who_guesses_has_to_wait_and_nobody_else() -> None:
    app = LoginLimit(application(), failures_a_minute=3, failures_of_all=100)
    guesser = TestClient(app, client=("10.0.0.1", 1))
    # Who knows the password may come as often as one likes.
    for _ in range(5):
        assert guesser.post("/auth/token", json={"password": "right"}).status_code == 200
    for _ in range(3):
        assert guesser.post("/auth/token", json={"password": "wrong"}).status_code == 401
    for password in ("wrong", "right"):
        answer = guesser.post("/auth/token", json={"password": password})
        assert answer.status_code == 429
        assert answer.headers["retry-after"] == "60"
    # Another way of writing the path is the same door.
    assert guesser.post("/auth/token/", json={"password": "right"}).status_code == 429
    assert guesser.post("/write").status_code == 200
    other = TestClient(app, client=("10.0.0.2", 1))
    assert other.post("/auth/token", json={"password": "right"}).status_code == 200


def test_guesses_from_many_addresses_are_counted_together() -> None:
    app = LoginLimit(application(), failures_a_minute=3, failures_of_all=6)
    for host in range(6):
        client = TestClient(app, client=(f"10.0.1.{host}", 1))
        assert client.post("/auth/token", json={"password": "wrong"}).status_code == 401
    stranger = TestClient(app, client=("10.0.2.1", 1))
    assert stranger.post("/auth/token", json={"password": "wrong"}).status_code == 429
