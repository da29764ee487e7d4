"""What ``wattmark check`` finds, each mistake once with file and line, all of them at once."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from wattmark import cli
from wattmark.campaign.keys import make_identity
from wattmark.checkup import LIMIT_SECONDS, look
from wattmark.contract import load_contract
from wattmark.contract.model import Table
from wattmark.errors import SettingsError, SourceUnavailableError, WattmarkError, together
from wattmark.local.connections import connection_urls
from wattmark.local.secret import ensure_secrets
from wattmark.settings import load_settings, settings_as_far_as_right

WATTMARK = str(Path(sys.executable).with_name("wattmark"))


def empty(table: Table) -> pa.Table:
    return pa.table({column.name: pa.array([], pa.string()) for column in table.columns})


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with an empty CSV file of every table."""
    folder = tmp_path / "source"
    folder.mkdir()
    for table in load_contract().tables.values():
        csv.write_csv(empty(table), folder / f"{table.name}.csv")
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def warm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the project's files have been parsed and bound before."""
    folder = tmp_path_factory.mktemp("warm")
    look(load_settings(folder), campaigns=False)
    return folder


def found(home: Path, text: str, *, files: bool = False, campaigns: bool = False) -> list[str]:
    """What is wrong with a home of these settings."""
    (home / "settings.yaml").write_text(text)
    settings, wrong = settings_as_far_as_right(home)
    errors = look(settings, campaigns=campaigns, files=files, already=wrong).errors
    return [str(error) for error in together(errors).errors] if errors else []


def one_mistake(home: Path, text: str, *said: str, files: bool = False, campaigns: bool = False) -> None:
    """Exactly one thing is wrong, and it is said so."""
    errors = found(home, text, files=files, campaigns=campaigns)
    assert len(errors) == 1, errors
    assert "What to do: " in errors[0]
    for words in said:
        assert words in errors[0]


def test_a_right_home_has_nothing_wrong(home: Path, source: Path) -> None:
    assert found(home, f"sources:\n  - location: {source}\n") == []


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("utility: {country: ZZ}\n", 1, "'ZZ' is no ISO 3166-1 country"),
        ("utility:\n  country: DE\n  subdivision: XX\n", 3, "DE has no 'XX'; it has BB, BE"),
        ("utility: {time_zone: Mars/Base}\n", 1, "'Mars/Base' is not an IANA time zone"),
        ("utility: {time_zone: ../../etc/passwd}\n", 1, "is not an IANA time zone"),
        ('schedule:\n  nightly: "99 99 * * *"\n', 2, "'99 99 * * *' is not a cron expression"),
        ("schedule:\n  counter: often\n", 2, "'often' is not a cron expression"),
        ('schedule: {nightly: "0 0 31 2 *"}\n', 1, "'0 0 31 2 *' never fires"),
        ("compute: {tasks: many}\n", 1, "compute.tasks"),
        ("metrics: {textfile: figures.txt}\n", 1, "must be the whole path of a file named *.prom"),
        ("keep: {lists: 0}\n", 1, "keep.lists"),
        ("extract:\n\n  lookback_dys: 3\n", 3, "extract.lookback_dys: Extra inputs"),
    ],
)
def test_settings_are_refused_with_their_line(
    home: Path, source: Path, text: str, line: int, said: str
) -> None:
    one_mistake(home, f"{text}sources:\n  - location: {source}\n", f"settings.yaml:{line}: ", said)


@pytest.mark.parametrize("encoding", ["nope", "zip", "base64", "utf-8\x00", "''"])
def test_an_encoding_that_is_none_is_refused(home: Path, source: Path, encoding: str) -> None:
    text = f"sources:\n  - location: {source}\n    encoding: {encoding}\n"
    if "\x00" in encoding:
        assert "cannot be printed" in found(home, text)[0]
    else:
        one_mistake(home, text, "settings.yaml:3: sources.0.encoding", "is not a text encoding")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("    rename: {custmer: {name: T}}\n", 3, "the contract has no table custmer. What to do: Is customer meant?"),
        ("    rename:\n      customer:\n        columns:\n          nam: NAME\n", 6, "no column customer.nam. What to do: Is customer.name meant?"),
        ("    rename:\n      customer:\n        columns: {name: KUNDE}\n", 5, "table customer has no column KUNDE, which is to be name"),
        ("    rename:\n      customer:\n        columns: {email: MAIL}\n", 5, "table customer has no column MAIL, which is to be email"),
        ("    rename:\n      customer:\n        name: KUNDEN\n", 5, "no table KUNDEN, which is to be customer"),
    ],
)  # fmt: skip
def test_a_mapping_to_what_is_not_there_is_refused(
    home: Path, source: Path, text: str, line: int, said: str
) -> None:
    one_mistake(home, f"sources:\n  - location: {source}\n{text}", f"settings.yaml:{line}: ", said)


def test_tables_that_the_contract_does_not_know_are_refused(home: Path, source: Path) -> None:
    text = f"sources:\n  - location: {source}\n    tables: [custmer]\n  - location: {source}\n"
    one_mistake(home, text, "settings.yaml:3: sources.0.tables.0", "Is customer meant?")


def test_a_missing_folder_is_said_once(home: Path) -> None:
    one_mistake(
        home, "sources:\n  - location: /no/such/folder\n", "settings.yaml:2: ", "there is no such folder"
    )


def test_missing_tables_are_said_once(home: Path, source: Path) -> None:
    for name in ("meter", "staff", "bill"):
        (source / f"{name}.csv").unlink()
    one_mistake(
        home, f"sources:\n  - location: {source}\n", "settings.yaml:1: tables ", "meter", "staff", "bill"
    )


def test_a_missing_column_is_said_with_its_file(home: Path, source: Path) -> None:
    file = source / "meter.csv"
    file.write_text(file.read_text().replace('"meter_id"', '"id"'))
    one_mistake(home, f"sources:\n  - location: {source}\n", str(file), "lacks the required column meter_id")


def test_a_broken_file_is_named(home: Path, source: Path) -> None:
    (source / "meter.csv").unlink()
    (source / "meter.parquet").write_bytes(b"PAR1 broken off")
    one_mistake(home, f"sources:\n  - location: {source}\n", "meter.parquet", "not a whole Parquet file")


def test_a_header_in_another_encoding_is_named(home: Path, source: Path) -> None:
    file = source / "meter.csv"
    file.write_bytes(file.read_bytes().replace(b"\n", "\n用户".encode("gb18030"), 1) + b"\n")
    one_mistake(home, f"sources:\n  - location: {source}\n", f"{file}:2", "is not utf-8 text")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_named(home: Path, source: Path) -> None:
    (source / "meter.csv").chmod(0)
    one_mistake(home, f"sources:\n  - location: {source}\n", "meter.csv", "may not be read")


def test_a_database_is_looked_into(home: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'source.db'}"
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        for table in load_contract().tables.values():
            columns = ", ".join(
                f'"{column.name}" TEXT' for column in table.columns if column.name != "customer_id"
            )
            connection.execute(sa.text(f'CREATE TABLE "{table.name}" ({columns})'))
    errors = found(home, f"sources:\n  - location: {url}\n")
    lacking = [name for name, table in load_contract().tables.items() for column in table.columns
               if column.name == "customer_id" and not column.optional]  # fmt: skip
    assert len(errors) == len(lacking) > 1
    assert all("lacks the required column customer_id" in error for error in errors)


@pytest.mark.parametrize(
    "url", ["nosuch+driver://user:geheim@host/db", "oracle+oracledb://user:geheim@host/db"]
)
def test_a_driver_that_is_not_there_is_said_once(home: Path, url: str) -> None:
    one_mistake(home, f"sources:\n  - location: {url}\n", "settings.yaml:2: ")
    assert "geheim" not in found(home, f"sources:\n  - location: {url}\n")[0]


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        yield listening.getsockname()[1]


def test_a_server_that_never_answers_is_not_waited_for(home: Path, silent: int) -> None:
    url = f"postgresql+psycopg://user:geheim@127.0.0.1:{silent}/db?connect_timeout=60&password=geheim"
    begun = time.monotonic()
    errors = found(home, f"sources:\n  - location: {url}\n  - location: {url}2\n")
    assert time.monotonic() - begun < LIMIT_SECONDS + 2
    assert len(errors) == 2, errors
    assert all("settings.yaml:" in error and "geheim" not in error for error in errors)


def test_a_port_nobody_listens_on_is_said_once(home: Path) -> None:
    one_mistake(
        home, "sources:\n  - location: postgresql+psycopg://user:geheim@127.0.0.1:1/db\n", "settings.yaml:2: "
    )


def test_servers_of_ones_own_are_asked(home: Path, source: Path) -> None:
    text = f"sources:\n  - location: {source}\nservices:\n  warehouse_url: postgresql+psycopg://u:geheim@127.0.0.1:1/w\n"
    errors = found(home, text)
    assert len(errors) == 1
    assert "settings.yaml:4: services.warehouse_url" in errors[0]
    assert "geheim" not in errors[0]
    one_mistake(
        home,
        f"sources:\n  - location: {source}\nservices:\n  warehouse_url: nonsense\n",
        "it is no SQLAlchemy URL",
    )


def test_keys_delivery_and_approvers(home: Path, source: Path, tmp_path: Path) -> None:
    no_key = tmp_path / "key"
    no_key.write_text("hello")
    text = (
        f"sources:\n  - location: {source}\ncampaigns:\n  list_identity_file: {no_key}\n"
        "  delivery: gopher://host/lists\n  approvers:\n    boss: []\n"
    )
    assert found(home, text) == [], "a night publishes without its lists"
    errors = found(home, text, campaigns=True)
    assert [error.split("settings.yaml:")[1].split(":")[0] for error in errors] == ["4", "5", "7"]
    assert "holds no identity of age" in errors[0]
    assert "gopher" in errors[1]
    assert "names nobody" in errors[2]
    one_mistake(
        home,
        f"sources:\n  - location: {source}\ncampaigns: {{delivery: {no_key}/lists}}\n",
        "is not a folder",
        campaigns=True,
    )


def test_who_opens_lists_is_looked_at(home: Path, source: Path, tmp_path: Path) -> None:
    start = f"sources:\n  - location: {source}\ncampaigns:\n"
    public = make_identity(tmp_path / "identity")
    right = f"  list_identity_file: {tmp_path / 'identity'}\n"
    assert found(home, f"{start}{right}  list_recipients:\n    '*': [{public}]\n", campaigns=True) == []
    errors = found(
        home,
        f"{start}{right}  list_recipients:\n    '*': [{public}, age1wrong]\n    post:\n      - nonsense\n",
        campaigns=True,
    )
    assert [error.split("settings.yaml:")[1].split(":")[0] for error in errors] == ["6", "8"]
    assert all("is no public key of age" in error for error in errors)
    # Somebody to open them, and nothing to tell them apart by; the key of an earlier release.
    one_mistake(
        home,
        f"{start}  list_recipients: {{post: [{public}]}}\n",
        "no identity of the utility's own",
        campaigns=True,
    )
    one_mistake(
        home,
        f"{start}  list_key_file: {tmp_path / 'old'}\n",
        "settings.yaml:4: campaigns.list_key_file is read no more",
        campaigns=True,
    )
    one_mistake(
        home, f"{start}  list_recipients: {{pigeon: [{public}]}}\n", "settings.yaml:4: ", campaigns=True
    )


def test_parameters_are_looked_at_to_the_last_name(warm: Path, source: Path) -> None:
    because = "since: 2026-01-01, reason: a good one"
    text = (
        f"sources:\n  - location: {source}\nparameters:\n  TAR-03:\n    max_chnge: {{value: 0.6, {because}}}\n"
        f"    max_change: {{value: lots, {because}}}\n    min_kwh: {{value: {{residental: 3}}, {because}}}\n"
        f"  TAR-93: {{a: {{value: 1, {because}}}}}\n  SVC-04: {{max_minutes: {{value: {{urbn: 3}}, {because}}}}}\n"
        f"  ACC-18: {{min_kva: {{value: [{{value: 50}}, {{since: 2026-01-01, value: 80}}], {because}}}}}\n"
        "audit:\n  rules:\n    TAR-3: {enabled: false}\n"
    )
    errors = found(warm, text, files=True)
    assert len(errors) == 7
    for error, line, said in zip(
        errors,
        (5, 6, 7, 8, 9, 10, 13),
        (
            "Is max_change meant?",
            "'lots' is not a number",
            "Is residential meant?",
            "no such rule",
            "Is urban meant?",
            "is no dated value",
            "audit.rules.TAR-3: there is no such rule",
        ),
        strict=True,
    ):
        assert f"settings.yaml:{line}: " in error
        assert said in error


def test_all_mistakes_come_at_once(home: Path) -> None:
    text = (
        "utility: {country: ZZ}\nschedule: {nightly: often}\nsources:\n  - location: /no/such/folder\n    encoding: nope\n"
        "    rename: {custmer: {}}\nno_such_key: 1\ncampaigns: {delivery: 'gopher://x'}\n"
    )
    errors = found(home, text, campaigns=True)
    assert len(errors) == 7, errors
    assert len({error.split(" What to do")[0] for error in errors}) == 7


def test_a_file_that_cannot_be_read_does_not_hide_the_rest(home: Path, source: Path) -> None:
    one_mistake(home, f"sources: [{source}\n", "settings.yaml:2: ")


def test_a_connection_that_cannot_be_looked_up_yet_is_a_note(home: Path) -> None:
    """A night starts the home's database by itself, so that it need not run before."""
    ensure_secrets(home)
    (home / "settings.yaml").write_text("sources:\n  - location: airflow:billing\n")
    seen = look(load_settings(home), campaigns=False, files=False, connections=connection_urls)
    assert seen.errors == []
    assert len(seen.notes) == 1
    assert "settings.yaml:2: the connection billing was not looked at" in seen.notes[0]
    assert "wattmark up --no-airflow" in seen.notes[0]


def test_no_source_is_said(home: Path) -> None:
    one_mistake(home, "sources: []\n", "no source is configured")


def test_together_says_each_thing_once() -> None:
    same = [SettingsError("a", "x."), SettingsError("a", "x.")]
    assert str(together(same)) == "[a] x."
    both = together([*same, SettingsError("a", "y.")])
    assert type(both) is SettingsError
    assert [str(each) for each in both.errors] == ["[a] x.", "[a] y."]
    mixed = together([both, SourceUnavailableError("b", "z.")])
    assert type(mixed) is WattmarkError
    assert len(mixed.errors) == 3


def wattmark(*command: str) -> str:
    """What a command that is refused says."""
    if not cli.app.registered_commands:
        cli.mount()
    ended = CliRunner().invoke(cli.app, command)
    assert ended.exit_code != 0
    assert isinstance(ended.exception, WattmarkError), ended.output
    return str(ended.exception)


def test_the_command_names_each_mistake_on_a_line_and_ends_with_1(warm: Path) -> None:
    (warm / "settings.yaml").write_text("utility: {country: ZZ}\nsources:\n  - location: /no/such/folder\n")
    assert "2 things are wrong" in wattmark("run", "--as-of", "2026-10-15", "--home", str(warm))
    ended = subprocess.run(
        [WATTMARK, "check", "--home", str(warm)], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 1
    assert len([line for line in ended.stderr.splitlines() if line.startswith("Error: ")]) == 2
    assert not (warm / "secrets.json").exists()


@pytest.mark.parametrize(
    "command",
    [
        ["tidy"], ["status"], ["down"], ["warehouse-url"], ["check"], ["quarantine"], ["campaign", "check"],
        ["campaign", "explain", "C1"],
    ],
)  # fmt: skip
def test_a_mistyped_home_is_said_and_nothing_is_made(tmp_path: Path, command: list[str]) -> None:
    wrong = tmp_path / "mistyped"
    assert f"{wrong} is no home: there is no such folder" in wattmark(*command, "--home", str(wrong))
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_something_else_is_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "letters").mkdir()
    monkeypatch.setenv("WATTMARK_HOME", str(tmp_path))
    assert "it holds nothing of a home" in wattmark("tidy")
    (tmp_path / "file").write_text("")
    assert "is not a folder" in wattmark("up", "--home", str(tmp_path / "file"))


def test_the_version_is_said() -> None:
    ended = subprocess.run([WATTMARK, "--version"], capture_output=True, text=True, check=True)
    assert ended.stdout.startswith("wattmark ")


def test_a_source_given_for_one_run_is_named_so(tmp_path: Path) -> None:
    ended = subprocess.run(
        [WATTMARK, "run", "--as-of", "2026-10-15", "--source", "/no/such/folder", "--home", str(tmp_path / "home")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert ended.stderr.count("there is no such folder") == 1
    assert "--source: /no/such/folder" in ended.stderr
    assert not (tmp_path / "home").exists()


def test_parquet_in_day_folders_is_looked_into(home: Path, source: Path) -> None:
    (source / "interval_reading.csv").unlink()
    table = load_contract().tables["interval_reading"]
    for day in ("2026-10-01", "2026-10-02", "2026-10-03"):
        folder = source / "interval_reading" / f"day={day}"
        folder.mkdir(parents=True)
        pq.write_table(empty(table), folder / "part.parquet")
    assert found(home, f"sources:\n  - location: {source}\n") == []
    newest = source / "interval_reading" / "day=2026-10-03" / "part.parquet"
    pq.write_table(empty(table).drop_columns(["metering_point_id"]), newest)
    one_mistake(
        home,
        f"sources:\n  - location: {source}\n",
        str(newest),
        "lacks the required column metering_point_id",
    )
    shutil.rmtree(source / "interval_reading")
    (source / "interval_reading").mkdir()
    assert found(home, f"sources:\n  - location: {source}\n") == []


def test_settings_that_are_right_are_the_same_either_way(home: Path) -> None:
    (home / "settings.yaml").write_text("compute: {threads: 3}\n")
    assert settings_as_far_as_right(home) == (load_settings(home), ())
