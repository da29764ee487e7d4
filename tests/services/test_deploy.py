"""Servers of one's own: the database script and `wattmark prepare`, on a real PostgreSQL."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import yaml
from cryptography.fernet import Fernet

from tests.services.homes import a_home
from wattmark.errors import ServiceError
from wattmark.home import DATABASES, HOST, secret
from wattmark.local import airflow, deploy, postgres, postgres_place, processes, services
from wattmark.publish import bi_users
from wattmark.settings import PROJECT_ROOT, SERVICE_VARIABLES, Settings, load_settings

PASSWORDS = {"WAREHOUSE_PASSWORD": "it's 'quoted'", "AIRFLOW_DATABASE_PASSWORD": "plain1"}


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Settings, int]]:
    """A server with nothing of ours on it but the superuser, then set up by the script."""
    with a_home() as settings:
        services.up(settings, airflow=False)
        port = processes.read_services(settings.home).components["postgres"].port
        assert port is not None
        password = secret(settings.home, postgres.SUPERUSER)
        with psycopg.connect(
            host=HOST,
            port=port,
            user="postgres",
            password=password,
            dbname="postgres",
            autocommit=True,
        ) as connection:
            for database in DATABASES:
                connection.execute(
                    psycopg.sql.SQL("DROP DATABASE {}").format(psycopg.sql.Identifier(database))
                )
            for role in sorted(set(DATABASES.values())):
                connection.execute(psycopg.sql.SQL("DROP OWNED BY {}").format(psycopg.sql.Identifier(role)))
                connection.execute(psycopg.sql.SQL("DROP ROLE {}").format(psycopg.sql.Identifier(role)))
        programs = postgres_place.programs_of_wheel()
        found = {
            **os.environ,
            **PASSWORDS,
            "PGHOST": HOST,
            "PGPORT": str(port),
            "PGPASSWORD": password,
        }
        found["PATH"] = f"{programs}:{programs / 'bin'}:{found['PATH']}"
        script = PROJECT_ROOT / "deploy" / "postgres" / "10-databases.sh"
        subprocess.run([str(script)], env=found, check=True, capture_output=True, timeout=60)
        yield settings, port


def log_in(port: int, user: str, password: str, database: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(host=HOST, port=port, user=user, password=password, dbname=database)


def test_each_owner_enters_his_own_database_only(server: tuple[Settings, int]) -> None:
    _, port = server
    with log_in(port, "wattmark", PASSWORDS["WAREHOUSE_PASSWORD"], "warehouse") as connection:
        roles = connection.execute(
            "SELECT rolname FROM pg_roles WHERE rolname LIKE 'wattmark%' ORDER BY 1"
        ).fetchall()
        assert roles == [("wattmark",), ("wattmark_bi",), ("wattmark_pii",)]
        connection.execute("CREATE SCHEMA mart_store")
        connection.rollback()
    for user, password, database in (
        ("wattmark", PASSWORDS["WAREHOUSE_PASSWORD"], "airflow"),
        ("airflow", PASSWORDS["AIRFLOW_DATABASE_PASSWORD"], "warehouse"),
    ):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            log_in(port, user, password, database)


def test_a_reader_has_a_login_and_holds_nothing_up(server: tuple[Settings, int]) -> None:
    _, port = server
    url = f"postgresql+psycopg://wattmark:it%27s%20%27quoted%27@{HOST}:{port}/warehouse"
    made = bi_users.add(url, "anna", schema=True)
    assert [note for note in made.notes if "administrator" in note] == []
    with log_in(port, "anna", made.password, "warehouse") as connection:
        assert connection.execute("SHOW temp_file_limit").fetchall() == [("5GB",)]
        connection.commit()
        for refused in ("SELECT pg_advisory_lock(1)", "SELECT lo_create(0)", "CREATE TEMP TABLE t (i int)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute("SET TRANSACTION READ WRITE")
                connection.execute(refused)
    for database in ("postgres", "template1", "airflow"):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            log_in(port, "anna", made.password, database)
    bi_users.remove(url, "anna")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        log_in(port, "anna", made.password, "warehouse")


def test_what_is_not_set_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*deploy.NEEDED, *SERVICE_VARIABLES.values()):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    with pytest.raises(ServiceError) as caught:
        deploy.prepare(load_settings(tmp_path / "home"), print)
    assert caught.value.code == "deploy.not_set"
    for name in (*deploy.NEEDED[1:], "WATTMARK_WAREHOUSE_URL"):
        assert name in caught.value.message
    assert "AIRFLOW_HOME" not in caught.value.message
    assert not (tmp_path / "home").exists()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_prepare_may_be_repeated(
    server: tuple[Settings, int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, port = server
    home = tmp_path / "home"
    environment = yaml.safe_load((PROJECT_ROOT / "docker-compose.yaml").read_text(encoding="utf-8"))[
        "services"
    ]["init"]["environment"]
    database = f"postgresql+psycopg://airflow:{PASSWORDS['AIRFLOW_DATABASE_PASSWORD']}@{HOST}:{port}/airflow"
    mine = {
        "WATTMARK_HOME": str(home),
        "WATTMARK_PROJECT": str(PROJECT_ROOT),
        "WATTMARK_WAREHOUSE_URL": f"postgresql+psycopg://wattmark:it%27s%20%27quoted%27@{HOST}:{port}/warehouse",
        "WATTMARK_AIRFLOW_DATABASE_URL": database,
        "WATTMARK_AIRFLOW_PASSWORD": "chosen",
        "AIRFLOW_HOME": str(home / "airflow"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT_ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT_ROOT / "plugins"),
        "AIRFLOW__CORE__FERNET_KEY": Fernet.generate_key().decode(),
        "AIRFLOW__API_AUTH__JWT_SECRET": "0" * 64,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": database,
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "airflow" / "logs"),
    }
    assert set(mine) <= set(environment)
    for name, value in mine.items():
        monkeypatch.setenv(name, value)
    told: list[str] = []
    deploy.prepare(load_settings(home), told.append)
    assert [message for message in told if message.startswith("Made the pool")] == [
        f"Made the pool {name}" for name in airflow.pools(load_settings(home))
    ]
    assert json.loads((home / "airflow" / "passwords.json").read_text()) == {"admin": "chosen"}
    with log_in(port, "airflow", PASSWORDS["AIRFLOW_DATABASE_PASSWORD"], "airflow") as connection:
        connection.execute("UPDATE slot_pool SET slots = 7 WHERE pool = 'source'")
    told.clear()
    deploy.prepare(load_settings(home), told.append)
    assert not [message for message in told if message.startswith("Made the pool")]
    with log_in(port, "airflow", PASSWORDS["AIRFLOW_DATABASE_PASSWORD"], "airflow") as connection:
        slots = dict(connection.execute("SELECT pool, slots FROM slot_pool").fetchall())
    assert {name: slots[name] for name in airflow.pools(load_settings(home))} == {
        "compute": 2,
        "source": 7,
        "publish": 1,
    }
    with log_in(port, "wattmark", PASSWORDS["WAREHOUSE_PASSWORD"], "warehouse") as connection:
        assert connection.execute("SELECT COUNT(*) FROM ops.pipeline_run").fetchall() == [(0,)]
