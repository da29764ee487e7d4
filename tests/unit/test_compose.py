"""docker-compose.yaml and Dockerfile: what they name exists, nothing floats, `up` agrees."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from wattmark.local import airflow, deploy, services
from wattmark.settings import PROJECT_ROOT, SERVICE_VARIABLES, SOURCE_VARIABLE, load_settings

COMPOSE = PROJECT_ROOT / "docker-compose.yaml"
DOCKERFILE = (PROJECT_ROOT / "Dockerfile").read_text(encoding="utf-8")
DOCUMENT: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = DOCUMENT["services"]
OWN = {name: service for name, service in SERVICES.items() if "build" in service}
VARIABLE = re.compile(r"\$\{(\w+)(?:(:?[-?])([^}]*))?\}")
# Where a service listens and keeps its files differs from one machine's; all else is the same.
PLACES = {
    "WATTMARK_HOME", "WATTMARK_PROJECT", "AIRFLOW_HOME", "AIRFLOW__CORE__DAGS_FOLDER",
    "AIRFLOW__CORE__PLUGINS_FOLDER",
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL", "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE",
    "AIRFLOW__API__HOST", "AIRFLOW__API__PORT", "AIRFLOW__API__BASE_URL", "AIRFLOW__LOGGING__BASE_LOG_FOLDER",
    "AIRFLOW__OPENLINEAGE__TRANSPORT",
}  # fmt: skip
SECRETS = {
    "AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__API__SECRET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC",
}  # fmt: skip


def default(value: str) -> str:
    """A value as it is where .env says nothing."""
    return VARIABLE.sub(lambda found: found[3] if (found[2] or "").endswith("-") else "", str(value))


def example() -> dict[str, str]:
    """All variables of .env.example, those in comments included."""
    lines = (PROJECT_ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
    return dict(match.groups() for line in lines if (match := re.fullmatch(r"#?([A-Z_]+)=(.*)", line)))  # type: ignore[misc]


def test_the_parts_are_those_of_one_machine() -> None:
    assert set(airflow.COMPONENTS) | {"postgres", "init"} == {
        name for name, service in SERVICES.items() if not service.get("profiles")
    }
    assert {name for name, service in SERVICES.items() if service.get("profiles") == ["celery"]} == {
        "broker",
        "worker",
    }


@pytest.mark.parametrize("name", sorted(OWN))
def test_a_service_runs_a_command_that_exists(name: str) -> None:
    program, first, *rest = OWN[name]["command"]
    if program == "wattmark":
        from typer.main import get_command

        from wattmark import cli

        cli.mount()
        assert first in get_command(cli.app).commands  # type: ignore[attr-defined]
        return
    assert program == "airflow"
    if first == "celery":
        assert rest[0] == "worker"
        return
    from airflow.cli import cli_parser

    cli_parser.get_parser().parse_args([first, *rest])


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_is_pinned_and_watched(name: str) -> None:
    service = SERVICES[name]
    image = default(service["image"])
    assert re.fullmatch(r"[\w./-]+:\d+\.\d+[\w.-]*", image), f"{image} is not pinned to a version"
    assert "privileged" not in service
    if name != "init":
        assert service["healthcheck"]["test"]
    for port in service.get("ports", []):
        assert default(port).startswith("127.0.0.1:"), "listens beyond this machine by default"


def test_the_image_is_pinned_locked_and_unprivileged() -> None:
    images = re.findall(r"^ARG PYTHON_IMAGE=(.*)$|^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert images[0][0] and re.fullmatch(r"python:3\.1[123]\.\d+-[\w-]+", images[0][0])
    assert all(named == "${PYTHON_IMAGE}" for _, named in images[1:])
    users = re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE)
    assert users and all(not user.startswith(("0", "root")) for user in users)
    for line in re.findall(r"pip install (.*?)(?:;|$)", DOCKERFILE, re.MULTILINE):
        assert "--no-deps" in line
        assert "--require-hashes" in line or "--editable" in line
    assert "latest" not in DOCKERFILE + COMPOSE.read_text(encoding="utf-8")


def test_what_the_image_copies_exists_and_is_let_through() -> None:
    allowed = (PROJECT_ROOT / ".dockerignore").read_text(encoding="utf-8")
    for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE):
        for name in line.split()[:-1]:
            assert (PROJECT_ROOT / name).exists(), name
            assert f"!{name}\n" in allowed, f"{name} is kept out by .dockerignore"


def test_locks_have_a_hash_for_every_package() -> None:
    for name in ("requirements.lock", "deploy/requirements-celery.lock"):
        text = (PROJECT_ROOT / name).read_text(encoding="utf-8")
        packages = re.findall(r"^[A-Za-z0-9].*?(?=^[A-Za-z0-9]|\Z)", text, re.MULTILINE | re.DOTALL)
        assert len(packages) > 100
        assert all("==" in package.splitlines()[0] and "--hash=sha256:" in package for package in packages), (
            name
        )


def test_workers_on_celery_add_to_the_lock_and_change_nothing_in_it() -> None:
    def pins(name: str) -> dict[str, str]:
        text = (PROJECT_ROOT / name).read_text(encoding="utf-8")
        return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, re.MULTILINE))

    base, celery = pins("requirements.lock"), pins("deploy/requirements-celery.lock")
    assert {name: celery[name] for name in base.keys() & celery.keys()} == {
        name: base[name] for name in base.keys() & celery.keys()
    }
    assert celery["apache-airflow-providers-celery"] == "3.26.0"
    assert tuple(map(int, celery["celery"].split(".")[:2])) < (5, 7)


def test_mounted_files_exist() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = default(volume).split(":")[0]
            if source.startswith("./") and source != "./source":
                assert (PROJECT_ROOT / source).exists(), source
            elif not source.startswith("."):
                assert source in DOCUMENT["volumes"], source
    script = PROJECT_ROOT / "deploy" / "postgres" / "10-databases.sh"
    assert script.stat().st_mode & 0o111


def test_airflow_is_set_up_as_on_one_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*SERVICE_VARIABLES.values(), SOURCE_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    url = "postgresql+psycopg://a@db.example/a"
    settings = load_settings(tmp_path / "home", services={"warehouse_url": url, "airflow_database_url": url})
    services.make_home(settings.home)
    services.ensure_secrets(settings.home)
    one_machine = airflow.airflow_env(settings)
    for name in airflow.COMPONENTS:
        environment = {key: default(value) for key, value in SERVICES[name]["environment"].items()}
        assert set(one_machine) <= set(environment)
        differing = {key for key, value in one_machine.items() if environment[key] != value}
        assert differing <= PLACES | SECRETS


def test_secrets_come_from_the_environment_alone() -> None:
    known = example()
    for service in SERVICES.values():
        for name, value in (service.get("environment") or {}).items():
            if name in SECRETS or (
                name.endswith(("_PASSWORD", "_URL", "RESULT_BACKEND")) and "://" not in default(value)
            ):
                variables = VARIABLE.findall(str(value))
                assert variables and all(kind == ":?" for _, kind, _ in variables), (
                    f"{name} may be left unset"
                )
    used = {match[0] for match in VARIABLE.findall(COMPOSE.read_text(encoding="utf-8"))}
    assert used <= set(known), "a variable is not explained in .env.example"
    assert set(known) - used <= {"COMPOSE_PROFILES"}, "a variable of .env.example is not used"
    required = {
        match[0] for match in VARIABLE.findall(COMPOSE.read_text(encoding="utf-8")) if match[1] == ":?"
    }
    assert all(not known[name] or "{" in known[name] for name in required), "a secret stands in .env.example"


def test_init_gets_what_prepare_needs() -> None:
    environment = SERVICES["init"]["environment"]
    assert {*deploy.NEEDED, *SERVICE_VARIABLES.values()} <= set(environment)


def test_the_services_read_urls_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "settings.yaml").write_text(
        "services: {warehouse_url: postgresql://file/w, postgres_port: 6000}\n", encoding="utf-8"
    )
    monkeypatch.setenv(SERVICE_VARIABLES["warehouse_url"], "postgresql://environment/w")
    monkeypatch.setenv(SERVICE_VARIABLES["airflow_database_url"], "")
    found = load_settings(tmp_path).services
    assert (found.warehouse_url, found.airflow_database_url, found.postgres_port) == (
        "postgresql://environment/w",
        None,
        6000,
    )


def new_env(folder: Path) -> Path:
    file = folder / ".env"
    with file.open("wb") as stream:
        subprocess.run([str(PROJECT_ROOT / "deploy" / "new-env")], stdout=stream, check=True)
    return file


def test_new_secrets_are_private_complete_and_new_each_time(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    first, second = new_env(tmp_path), new_env(tmp_path / "b")
    assert first.stat().st_mode & 0o077 == 0
    values, others = (
        {
            line.partition("=")[0]: line.partition("=")[2]
            for line in file.read_text().splitlines()
            if line[:1].isalpha()
        }
        for file in (first, second)
    )
    assert all(values.values()) and not any("{" in value for value in values.values())
    assert not set(values.values()) & set(others.values())
    assert f":{values['WAREHOUSE_PASSWORD']}@" in values["WATTMARK_WAREHOUSE_URL"]
    assert f":{values['AIRFLOW_DATABASE_PASSWORD']}@" in values["WATTMARK_AIRFLOW_DATABASE_URL"]
    assert len(values["AIRFLOW_JWT_SECRET"]) == 64
    from cryptography.fernet import Fernet

    Fernet(values["AIRFLOW_FERNET_KEY"])


@pytest.mark.parametrize("profiles", [[], ["--profile", "celery"]])
def test_compose_itself_accepts_the_file(tmp_path: Path, profiles: list[str]) -> None:
    docker = shutil.which("docker")
    if (
        not docker
        or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode != 0
    ):
        pytest.skip("docker compose is not installed")
    command = [
        docker,
        "compose",
        "--env-file",
        str(new_env(tmp_path)),
        "--file",
        str(COMPOSE),
        *profiles,
        "config",
        "--quiet",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
