from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy import make_url

from wattmark.errors import ServiceError
from wattmark.home import DATABASES, Home, embedded_url, secret, warehouse_url
from wattmark.local import postgres_place, processes, services
from wattmark.settings import Settings

from .homes import a_home, open_folder, settings_for

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root hands the server to another account")


def connect(url: str, **changes: object) -> psycopg.Connection[tuple[object, ...]]:
    parts = make_url(url)
    found = {
        "host": parts.host,
        "port": parts.port,
        "user": parts.username,
        "password": parts.password,
        "dbname": parts.database,
    }
    return psycopg.connect(**{**found, **changes}, autocommit=True)  # type: ignore[arg-type]


def shown(connection: psycopg.Connection[tuple[object, ...]], setting: str) -> object:
    row = connection.execute("SELECT current_setting(%s)", [setting]).fetchone()
    assert row is not None
    return row[0]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def server(settings: Settings) -> processes.Recorded:
    return processes.read_services(settings.home).components["postgres"]


def code_of(raised: pytest.ExceptionInfo[ServiceError]) -> str:
    return raised.value.code


@pytest.fixture(scope="module")
def shared() -> Iterator[Settings]:
    """One home for most tests, since making the data folder takes most of the time."""
    with a_home() as settings:
        leftover = settings.home / "postgres" / "data.new"
        leftover.mkdir(parents=True)
        (leftover / "PG_VERSION").write_text("an interrupted set-up")
        yield settings


@pytest.fixture
def running(shared: Settings) -> Settings:
    """The shared home with its server running, whatever the test before did to it."""
    services.up(shared, airflow=False)
    return shared


@pytest.fixture
def fresh() -> Iterator[Settings]:
    """Settings of a home of its own, with nothing started."""
    with a_home() as settings:
        yield settings


def test_up_makes_the_three_databases(running: Settings) -> None:
    urls = {
        "warehouse": warehouse_url(running),
        "source": services.source_url(running),
        "airflow": embedded_url(running.home, "airflow"),
    }
    for database, url in urls.items():
        with connect(url) as connection:
            row = connection.execute(
                "SELECT datname, pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datlocale "
                "FROM pg_database WHERE datname = current_database()"
            ).fetchone()
        assert row == (database, DATABASES[database], "UTF8", "C.UTF-8")


def test_server_is_private_and_durable(running: Settings) -> None:
    with connect(warehouse_url(running)) as connection:
        assert shown(connection, "listen_addresses") == "127.0.0.1"
        assert shown(connection, "fsync") == "on"
        assert shown(connection, "data_checksums") == "on"
        assert shown(connection, "TimeZone") == "UTC"
        assert shown(connection, "max_wal_size") == "4GB"
    listening = [
        each.laddr.ip
        for each in psutil.Process(server(running).pid).net_connections(kind="all")
        if each.status == psutil.CONN_LISTEN or each.family == socket.AF_UNIX
    ]
    assert listening == ["127.0.0.1"]


def test_wrong_password_is_refused(running: Settings) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(warehouse_url(running), password="wrong")


def test_role_of_airflow_may_not_enter_the_warehouse(running: Settings) -> None:
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        connect(embedded_url(running.home, "airflow"), dbname="warehouse")


def test_owner_of_the_warehouse_is_no_superuser_and_makes_reader_roles(running: Settings) -> None:
    with connect(warehouse_url(running)) as connection:
        assert shown(connection, "is_superuser") == "off"
        connection.execute("CREATE ROLE trial_reader")
        connection.execute("DROP ROLE trial_reader")


def test_up_twice_is_up_once(running: Settings) -> None:
    before, url = server(running), warehouse_url(running)
    said: list[str] = []
    services.up(running, airflow=False, progress=said.append)
    assert (server(running), warehouse_url(running), said) == (before, url, [])


def test_secrets_are_private_and_nowhere_else(running: Settings) -> None:
    home = running.home
    for file in (Home(home).secrets, home / "services.json", home / "logs" / "postgres.log"):
        assert mode(file) == 0o600, file
    assert mode(server_data(running).parent) == 0o700
    words = [secret(home, name) for name in ("postgres", "airflow", "wattmark")]
    assert len(set(words)) == 3
    visible = (home / "logs" / "postgres.log").read_text() + " ".join(
        psutil.Process(server(running).pid).cmdline()
    )
    assert not any(word in visible for word in words)
    assert not (home / "postgres" / "password").exists()


def server_data(settings: Settings) -> Path:
    return (postgres_place.folder_elsewhere(settings.home) or settings.home / "postgres") / "data"


def test_secrets_that_others_may_read_are_closed_again(running: Settings) -> None:
    known = Home(running.home).secrets.read_text()
    Home(running.home).secrets.chmod(0o644)
    services.up(running, airflow=False)
    assert mode(Home(running.home).secrets) == 0o600
    assert Home(running.home).secrets.read_text() == known


def test_values_of_a_failed_statement_are_not_logged(running: Settings) -> None:
    with connect(warehouse_url(running)) as connection:
        connection.execute("CREATE TABLE trial (phone text PRIMARY KEY)")
        try:
            for expected in (None, psycopg.errors.UniqueViolation):
                if expected is None:
                    connection.execute("INSERT INTO trial VALUES ('13800009999')")
                    continue
                with pytest.raises(expected):
                    connection.execute("INSERT INTO trial VALUES ('13800009999')")
        finally:
            connection.execute("DROP TABLE trial")
    log = (running.home / "logs" / "postgres.log").read_text()
    assert "duplicate key" in log
    assert "13800009999" not in log


@as_root
def test_root_hands_the_server_to_another_account(running: Settings) -> None:
    process = psutil.Process(server(running).pid)
    assert process.username() in postgres_place.ACCOUNTS
    assert process.cwd() == str(running.home / "postgres" / "data")
    assert services.up(running, airflow=False).notes == ()


def test_killed_server_is_shown_and_recovers(running: Settings) -> None:
    with connect(warehouse_url(running)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    dead = server(running)
    os.kill(dead.pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(dead.pid)] if psutil.pid_exists(dead.pid) else [], timeout=10)
    shown_state = services.status(running)[0]
    assert (shown_state.component, shown_state.state, shown_state.pid) == ("postgres", "crashed", None)
    assert any("database system is ready" in line for line in shown_state.last_lines)
    status = services.up(running, airflow=False)
    assert status.healthy
    assert server(running).pid != dead.pid
    with connect(warehouse_url(running)) as connection:
        assert connection.execute("SELECT number FROM kept").fetchall() == [(7,)]
        connection.execute("DROP TABLE kept")


def test_lock_file_that_names_a_stranger_does_not_stop_the_server(running: Settings) -> None:
    data, account = server_data(running), postgres_place.account(running.home)
    lines = (data / "postmaster.pid").read_text().splitlines(keepends=True)
    services.down(running)
    stranger = subprocess.Popen(
        ["sleep", "60"],
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
    )
    try:
        lock = data / "postmaster.pid"
        lock.write_text("".join([f"{stranger.pid}\n", *lines[1:]]))
        lock.chmod(0o600)
        if account:
            os.chown(lock, account.uid, account.gid)
        assert services.up(running, airflow=False).healthy
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_running_server_is_recognised_when_the_record_was_lost(running: Settings) -> None:
    before = server(running)
    Home(running.home).services.unlink()
    services.up(running, airflow=False)
    assert (server(running).pid, server(running).port) == (before.pid, before.port)
    services.down(running)
    assert not processes.is_alive(before)


def test_lost_secrets_are_told_and_leave_the_server_alone(running: Settings) -> None:
    kept = Home(running.home).secrets.rename(running.home / "kept")
    with pytest.raises(ServiceError) as raised:
        services.up(running, airflow=False)
    assert code_of(raised) == "services.secrets_lost"
    assert processes.is_alive(server(running))
    kept.rename(Home(running.home).secrets)


def test_wrong_secrets_are_told(running: Settings) -> None:
    services.down(running)
    file = Home(running.home).secrets
    kept = file.read_text()
    file.write_text(kept.replace(secret(running.home, "postgres"), "another"))
    with pytest.raises(ServiceError) as raised:
        services.up(running, airflow=False)
    file.write_text(kept)
    assert code_of(raised) == "services.postgres_password"
    assert not processes.is_alive(server(running))


def test_taken_port_is_left_to_its_owner(running: Settings) -> None:
    services.down(running)
    wanted = running.services.postgres_port
    with socket.create_server(("127.0.0.1", wanted)) as owner:
        status = services.up(running, airflow=False)
        moved = server(running).port
        assert moved is not None
        assert moved > wanted
        assert status.notes == (f"Port {wanted} was taken, so PostgreSQL listens on {moved}",)
        assert make_url(warehouse_url(running)).port == moved
        with connect(warehouse_url(running)):
            pass
        owner.settimeout(0.2)
        with pytest.raises(TimeoutError):
            owner.accept()


def test_starts_at_the_same_time_make_one_server_and_down_ends_it(fresh: Settings) -> None:
    services.down(fresh)
    assert not fresh.home.exists()
    found: list[int | None] = []
    threads = [
        threading.Thread(target=lambda: found.append(services.up(fresh, airflow=False).components[0].pid))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    before = server(fresh)
    assert found == [before.pid] * 2
    services.down(fresh)
    services.down(fresh)
    assert not processes.is_alive(before)
    assert [part.state for part in services.status(fresh)] == ["stopped"] * 5


def test_recycled_process_id_is_not_signalled(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        birth = processes.birth_of(stranger.pid)
        assert birth is not None
        boot, _, ticks = birth.partition(":")
        record = processes.Recorded(pid=stranger.pid, birth=f"{boot}:{int(ticks) - 1}", log=tmp_path / "log")
        parts = {"postgres": record, "scheduler": record}
        processes.write_services(tmp_path, processes.ServicesFile(components=parts))
        assert [part.state for part in services.status(settings)][:1] == ["crashed"]
        services.down(settings)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_record_of_an_earlier_boot_counts_as_stopped(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    record = processes.Recorded(pid=os.getpid(), birth="another-boot:1", log=tmp_path / "log")
    processes.write_services(tmp_path, processes.ServicesFile(components={"postgres": record}))
    assert services.status(settings)[0].state == "stopped"


def test_unreadable_record_is_told(tmp_path: Path) -> None:
    Home(tmp_path).services.write_text("{")
    with pytest.raises(ServiceError) as raised:
        services.status(settings_for(tmp_path))
    assert code_of(raised) == "services.file"


def test_databases_of_ones_own_need_no_server(tmp_path: Path) -> None:
    own = "postgresql+psycopg://someone@db.example/warehouse"
    settings = settings_for(tmp_path, warehouse_url=own, airflow_database_url=own)
    status = services.up(settings, airflow=False)
    assert "postgres" not in [part.component for part in status.components]
    assert not (tmp_path / "postgres").exists()
    assert warehouse_url(settings) == own
    with pytest.raises(ServiceError) as raised:
        services.source_url(settings)
    assert code_of(raised) == "services.not_set_up"


def test_urls_before_the_first_start_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ServiceError) as raised:
        warehouse_url(settings_for(tmp_path))
    assert code_of(raised) == "services.not_set_up"


@pytest.mark.parametrize("attempts", [1, 2])
def test_port_search_ends(attempts: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as owner:
        port = owner.getsockname()[1]
        if attempts == 1:
            with pytest.raises(ServiceError) as raised:
                processes.next_free_port(port, attempts)
            assert code_of(raised) == "services.no_port"
        elif processes.port_is_free(port + 1):
            assert processes.next_free_port(port, attempts) == port + 1


def test_program_that_ends_at_once_counts_as_crashed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    argv = ["/bin/sh", "-c", "echo said before the end; sleep 0.5; exit 3"]
    record = processes.launch(argv, env={"PATH": "/bin:/usr/bin"}, cwd=tmp_path, log=log)
    psutil.Process(record.pid).wait(timeout=10)
    processes.write_services(tmp_path, processes.ServicesFile(components={"triggerer": record}))
    part = services.status(settings_for(tmp_path))[-1]
    assert (part.component, part.state, part.last_lines) == ("triggerer", "crashed", ("said before the end",))
    assert mode(log) == 0o600


def _as_nobody(home: Path) -> str:
    """Start, use and stop a server as an account without rights; in a child, since there is no way back."""
    nobody = pwd.getpwnam("nobody")
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        outcome = "no outcome"
        try:
            os.setgroups([])
            os.setgid(nobody.pw_gid)
            os.setuid(nobody.pw_uid)
            settings = settings_for(home)
            services.up(settings, airflow=False)
            with connect(warehouse_url(settings)) as connection:
                connection.execute("SELECT 1")
            account = psutil.Process(server(settings).pid).username()
            services.down(settings)
            outcome = f"{account} {services.status(settings)[0].state}"
        except BaseException:
            outcome = traceback.format_exc()
        finally:
            os.write(writing, outcome.encode()[-60_000:])
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        outcome = stream.read()
    os.waitpid(child, 0)
    return outcome


@as_root
def test_plain_user_runs_the_server_as_oneself(running: Settings) -> None:
    assert services.status(running)[0].state == "running"
    with open_folder() as folder:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        folder.chmod(0o700)
        assert _as_nobody(folder / "home") == "nobody stopped"
        assert (folder / "home").stat().st_uid == nobody.pw_uid
        assert mode(folder / "home") == 0o700


@as_root
def test_home_of_another_account_is_refused(running: Settings) -> None:
    outcome = _as_nobody(running.home)
    assert "services.home_not_private" in outcome
    assert processes.is_alive(server(running))


@as_root
def test_home_no_other_account_may_enter_keeps_its_data_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_folder() as folder:
        monkeypatch.setattr(postgres_place, "ELSEWHERE", folder / "elsewhere")
        (folder / "closed").mkdir(mode=0o700)
        settings = settings_for(folder / "closed" / "home")
        try:
            status = services.up(settings, airflow=False)
            place = postgres_place.folder_elsewhere(settings.home)
            assert place is not None
            assert place.parent == folder / "elsewhere"
            assert str(place) in status.notes[0]
            with connect(warehouse_url(settings)) as connection:
                connection.execute("CREATE TABLE kept AS SELECT 1 AS number")
            services.down(settings)
            assert services.up(settings, airflow=False).notes == ()
            with connect(warehouse_url(settings)) as connection:
                assert connection.execute("SELECT number FROM kept").fetchall() == [(1,)]
        finally:
            services.discard(settings)
        assert not place.exists()


@as_root
def test_programs_no_other_account_may_run_are_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    own = postgres_place.programs_of_wheel()
    with open_folder() as folder:
        closed = folder / "closed"
        closed.mkdir(mode=0o700)
        package = closed / own.parents[1].name
        shutil.copytree(own.parent, package / own.parent.name, symlinks=True)
        libraries = own.parents[1].with_name(own.parents[1].name + ".libs")
        shutil.copytree(libraries, closed / libraries.name)
        monkeypatch.setattr(postgres_place, "programs_of_wheel", lambda: package / own.parent.name / "bin")
        monkeypatch.setattr(postgres_place, "ELSEWHERE", folder / "elsewhere")
        settings = settings_for(folder / "home")
        try:
            assert services.up(settings, airflow=False).healthy
            argv = psutil.Process(server(settings).pid).cmdline()
            assert argv[0].startswith(str(folder / "elsewhere"))
        finally:
            services.discard(settings)
