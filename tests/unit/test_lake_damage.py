"""A damaged lake is named, table, file and what to do, and never read as less data."""

from __future__ import annotations

import datetime as dt
import functools
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from wattmark.engine.catalog import Catalog, load_catalog
from wattmark.engine.session import DuckDBSession
from wattmark.lake import Lake, RowsError
from wattmark.lake_check import check_lake, mend, origin
from wattmark.ledger import LakeError
from wattmark.run import Run
from wattmark.settings import PROJECT_ROOT, Settings, load_settings

RUN = Run.of(dt.date(2026, 10, 15), "Asia/Shanghai")
NAMES = ("accepted.bill", "quarantine.bill", "facts.bill_net")
LOG = "_delta_log"
CHECKPOINT_AFTER = 101
"""Commits after which the log has a checkpoint and some commits more."""


def rows(*values: int) -> pa.Table:
    return pa.table({"a": list(values), "day": [f"2026-10-0{1 + value % 3}" for value in values]})


def quiet(_message: str) -> None:
    return None


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(tmp_path / "home")


@pytest.fixture
def lake(settings: Settings) -> Lake:
    made = Lake(settings.lake)
    for name in NAMES:
        made.replace(name, rows(*range(60)), partition_by=["day"])
        made.replace(name, rows(3, 6), where="day = '2026-10-01'")
    return made


@pytest.fixture(scope="module")
def long_log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with tables whose logs have a checkpoint."""
    root = tmp_path_factory.mktemp("long") / "home" / "lake"
    made = Lake(root)
    for number in range(CHECKPOINT_AFTER):
        made.replace("accepted.bill", rows(number))
    return root.parent


@functools.cache
def catalog() -> Catalog:
    return load_catalog(PROJECT_ROOT / "include")


def read(settings: Settings, name: str) -> list[int]:
    with DuckDBSession(settings, RUN, catalog()) as session:
        return sorted(session.query(f"SELECT a FROM {name}").read_all()["a"].to_pylist())


def data_file(lake: Lake, name: str) -> Path:
    return Path(lake.files(name)[0])


def flip(file: Path, bit: int) -> None:
    content = bytearray(file.read_bytes())
    content[bit // 8] ^= 1 << (bit % 8)
    stat = file.stat()
    file.write_bytes(content)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def lose_log(lake: Lake, name: str) -> Path:
    shutil.rmtree(lake.path(name) / LOG)
    return lake.path(name) / LOG


def lose_table(lake: Lake, name: str) -> Path:
    shutil.rmtree(lake.path(name))
    return lake.path(name)


def lose_last_commit(lake: Lake, name: str) -> Path:
    file = lake.path(name) / LOG / "00000000000000000001.json"
    file.unlink()
    return file


def lose_first_commit(lake: Lake, name: str) -> Path:
    file = lake.path(name) / LOG / "00000000000000000000.json"
    file.unlink()
    return file


def tear_commit(lake: Lake, name: str) -> Path:
    file = lake.path(name) / LOG / "00000000000000000001.json"
    file.write_bytes(file.read_bytes()[:-60])
    return file


def empty_commit(lake: Lake, name: str) -> Path:
    file = lake.path(name) / LOG / "00000000000000000001.json"
    file.write_bytes(b"")
    return file


def change_commit(lake: Lake, name: str) -> Path:
    file = lake.path(name) / LOG / "00000000000000000001.json"
    file.write_text(file.read_text().replace("2026-10-01", "2026-10-09"))
    return file


def lose_file(lake: Lake, name: str) -> Path:
    file = data_file(lake, name)
    file.unlink()
    return file


def cut_file(lake: Lake, name: str) -> Path:
    file = data_file(lake, name)
    file.write_bytes(file.read_bytes()[:-10])
    return file


def zero_file(lake: Lake, name: str) -> Path:
    file = data_file(lake, name)
    file.write_bytes(b"\0" * file.stat().st_size)
    return file


def other_file(lake: Lake, name: str) -> Path:
    """Whole Parquet of the very same size, with other values."""
    file = data_file(lake, name)
    flip_at = file.read_bytes().index(b"PAR1") + 60
    content = bytearray(file.read_bytes())
    content[flip_at] ^= 1
    time.sleep(0.01)
    file.write_bytes(content)
    return file


DAMAGE: list[tuple[Callable[[Lake, str], Path], str]] = [
    (lose_log, "lake.log_lost"),
    (lose_table, "lake.log_lost"),
    (lose_last_commit, "lake.log_lost"),
    (lose_first_commit, "lake.log_lost"),
    (tear_commit, "lake.log_torn"),
    (empty_commit, "lake.log_torn"),
    (change_commit, "lake.log_torn"),
    (lose_file, "lake.file_missing"),
    (cut_file, "lake.file_changed"),
    (zero_file, "lake.file_changed"),
    (other_file, "lake.file_changed"),
]


CASES = [
    pytest.param(name, damage, code, id=f"{name}-{damage.__name__}")
    for name in NAMES
    for damage, code in DAMAGE
    if name == NAMES[0] or damage in (lose_log, tear_commit, lose_file, other_file)
]


@pytest.mark.parametrize(("name", "damage", "code"), CASES)
def test_damage_is_named_by_whoever_reads_and_by_the_check_and_mended(
    settings: Settings, lake: Lake, name: str, damage: Callable[[Lake, str], Path], code: str
) -> None:
    file = damage(lake, name)
    for asked in (
        lambda: read(settings, name),
        lambda: Lake(settings.lake).compare(NAMES, 1, 0),
        lambda: Lake(settings.lake).files(name),
    ):
        with pytest.raises(LakeError) as raised:
            asked()
        assert raised.value.code == code
        assert raised.value.table == name
        assert str(file) in raised.value.message
        assert "wattmark check --lake" in raised.value.remedy
    checked = check_lake(settings, quiet)
    assert {fault.table for fault in checked.faults} == {name}
    assert {fault.code for fault in checked.faults} >= {code}
    assert len({(fault.code, fault.file) for fault in checked.faults}) == len(checked.faults)
    # The others are read as ever.
    assert [len(read(settings, other)) for other in NAMES if other != name] == [42, 42]
    there = lake.path(name).exists()
    said: list[str] = []
    assert mend(settings, checked.faults, (), said.append) == []
    assert len(said) == 1
    assert name in said[0]
    assert (settings.lake / ".damaged" / f"{name}-1").exists() is there
    again = check_lake(settings, quiet)
    assert again.faults == ()
    assert not Lake(settings.lake).exists(name)
    Lake(settings.lake).replace(name, rows(1, 2))
    assert read(settings, name) == [1, 2]


def test_every_flipped_bit_of_a_data_file_is_found(settings: Settings, lake: Lake) -> None:
    """Times of modification and sizes are as they were: the checksum alone tells."""
    chosen = random.Random(7)
    found = []
    for name in NAMES:
        file = data_file(lake, name)
        bits = chosen.sample(range(file.stat().st_size * 8), 120)
        for bit in bits:
            flip(file, bit)
            faults = Lake(settings.lake).faults(name)
            found.append([(fault.code, fault.file) for fault in faults] == [("lake.file_changed", file)])
            flip(file, bit)
    assert found == [True] * 360
    assert check_lake(settings, quiet).faults == ()


def test_every_flipped_bit_of_the_log_and_of_the_notes_is_found(settings: Settings, lake: Lake) -> None:
    chosen = random.Random(8)
    name = NAMES[0]
    for file in [*(lake.path(name) / LOG).glob("*.json"), lake.ledger.path(name)]:
        for bit in chosen.sample(range(file.stat().st_size * 8), 60):
            flip(file, bit)
            assert Lake(settings.lake).faults(name) != [], (file, bit)
            flip(file, bit)
    assert check_lake(settings, quiet).faults == ()


def checkpoint(home: Path) -> Path:
    return next((home / "lake" / "accepted" / "bill" / LOG).glob("*.checkpoint.parquet"))


@pytest.mark.parametrize("how", ["cut", "flipped", "gone", "pointer", "no pointer", "other pointer"])
def test_a_bad_checkpoint_is_named_and_the_log_read_without_it(
    long_log: Path, tmp_path: Path, how: str
) -> None:
    home = tmp_path / "home"
    shutil.copytree(long_log, home)
    file = checkpoint(home)
    pointer = file.with_name("_last_checkpoint")
    if how == "cut":
        file.write_bytes(file.read_bytes()[:500])
    elif how == "flipped":
        flip(file, 8 * 700)
    elif how == "gone":
        file.unlink()
    elif how == "pointer":
        pointer.write_text("{")
    elif how == "no pointer":
        pointer.unlink()
    else:
        pointer.write_text(json.dumps({**json.loads(pointer.read_text()), "version": 7}))
    settings = load_settings(home)
    with pytest.raises(LakeError) as raised:
        read(settings, "accepted.bill")
    assert raised.value.code == "lake.checkpoint_bad"
    assert str(file.parent) in raised.value.message
    said: list[str] = []
    assert mend(settings, check_lake(settings, quiet).faults, (), said.append) == []
    assert "nothing is lost" in said[0]
    assert check_lake(settings, quiet).faults == ()
    assert read(settings, "accepted.bill") == [CHECKPOINT_AFTER - 1]


def test_a_commit_missing_behind_a_checkpoint_concerns_replays_alone(long_log: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(long_log, home)
    settings = load_settings(home)
    versions = home / "state" / "versions"
    versions.mkdir()
    (versions / "20261001-202609.json").write_text('{"accepted.bill": 3}')
    (checkpoint(home).parent / f"{3:020}.json").unlink()
    assert read(settings, "accepted.bill") == [CHECKPOINT_AFTER - 1]
    checked = check_lake(settings, quiet)
    assert [(fault.code, fault.history) for fault in checked.faults] == [("lake.log_lost", True)]
    assert mend(settings, checked.faults, (), quiet) == []
    assert check_lake(settings, quiet).faults == ()
    assert json.loads((versions / "20261001-202609.json").read_text()) == {"accepted.bill": None}


def test_a_torn_commit_that_nobody_built_on_is_taken_back(settings: Settings, lake: Lake) -> None:
    """A machine that lost power may leave the newest file of a log empty."""
    name = "segment_state.model"
    lake.replace(name, rows(1))
    torn = lake.path(name) / LOG / f"{1:020}.json"
    torn.write_bytes(b"")
    with pytest.raises(LakeError) as raised:
        read(settings, name)
    assert raised.value.code == "lake.log_torn"
    assert mend(settings, check_lake(settings, quiet).faults, (), quiet) == []
    assert read(settings, name) == [1]


def test_state_that_nothing_gives_back_is_left_until_it_is_forgotten(settings: Settings, lake: Lake) -> None:
    name = "segment_state.model"
    lake.replace(name, rows(1))
    lose_file(lake, name)
    faults = check_lake(settings, quiet).faults
    said: list[str] = []
    assert [fault.table for fault in mend(settings, faults, (), said.append)] == [name]
    assert "from a backup" in said[0]
    assert f"--forget {name}" in said[0]
    assert lake.path(name).exists()
    assert mend(settings, faults, [name], said.append) == []
    assert not Lake(settings.lake).exists(name)
    assert (settings.lake / ".damaged" / f"{name}-1" / "noted.json").exists()


def test_what_is_read_again_has_no_watermark_and_no_landing(settings: Settings, lake: Lake) -> None:
    state = settings.home / "state"
    for path, text in (
        (
            "watermarks/2026-10-14.json",
            '{"bill": {"since": null, "files": {}}, "payment": {"since": null, "files": {}}}',
        ),
        ("landing/20261015-202609/bill.json", "{}"),
        ("versions/20261014-202609.json", '{"accepted.bill": 1, "accepted.payment": 4}'),
    ):
        (state / path).parent.mkdir(parents=True, exist_ok=True)
        (state / path).write_text(text)
    lose_log(lake, "accepted.bill")
    mend(settings, check_lake(settings, quiet).faults, (), quiet)
    assert list(json.loads((state / "watermarks/2026-10-14.json").read_text())) == ["payment"]
    assert not (state / "landing/20261015-202609/bill.json").exists()
    assert json.loads((state / "versions/20261014-202609.json").read_text()) == {
        "accepted.bill": None,
        "accepted.payment": 4,
    }


def test_a_lake_from_before_notes_is_noted_as_it_stands(settings: Settings, lake: Lake) -> None:
    shutil.rmtree(lake.ledger.folder)
    checked = check_lake(settings, quiet)
    assert checked.faults == ()
    assert checked.noted == tuple(sorted(NAMES))
    flip(data_file(lake, NAMES[0]), 900)
    assert [fault.code for fault in check_lake(settings, quiet).faults] == ["lake.file_changed"]
    # A log lost before anything was noted is seen by the files without it.
    shutil.rmtree(lake.ledger.folder)
    lose_log(lake, NAMES[1])
    with pytest.raises(LakeError):
        Lake(settings.lake).exists(NAMES[1])


def test_a_first_write_that_was_killed_is_no_damage(settings: Settings, tmp_path: Path) -> None:
    program = (
        "import os, signal, sys, pyarrow as pa\nfrom pathlib import Path\nfrom wattmark.lake import Lake\n"
        "def batches():\n"
        "    for _ in range(200): yield pa.record_batch({'a': list(range(20000))})\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "rows = pa.RecordBatchReader.from_batches(pa.schema([('a', pa.int64())]), batches())\n"
        "Lake(Path(sys.argv[1])).replace('accepted.bill', rows)\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, str(settings.lake)], check=False)
    assert killed.returncode == -9
    assert check_lake(settings, quiet).faults == ()
    fresh = Lake(settings.lake)
    assert not fresh.exists("accepted.bill")
    fresh.replace("accepted.bill", rows(5))
    assert read(settings, "accepted.bill") == [5]


def test_a_commit_that_was_killed_before_it_was_noted_is_noted_by_the_next(
    settings: Settings, lake: Lake
) -> None:
    before = lake.ledger.entry(NAMES[0])
    assert before is not None
    lake.replace(NAMES[0], rows(1))
    lake.ledger.keep(NAMES[0], before)
    assert read(settings, NAMES[0]) == [1]
    assert check_lake(settings, quiet).noted == (NAMES[0],)
    flip(data_file(lake, NAMES[0]), 900)
    assert [fault.code for fault in check_lake(settings, quiet).faults] == ["lake.file_changed"]


def test_rows_that_break_off_leave_the_table_and_no_file(settings: Settings, lake: Lake) -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield rows(1).to_batches()[0]
        raise LakeError("source.broken", "x", "mine", "")

    name = NAMES[0]
    files = sorted(lake.path(name).rglob("*.parquet"))
    reader = pa.RecordBatchReader.from_batches(rows(1).schema, batches())
    with pytest.raises(LakeError, match="mine"):
        lake.replace(name, reader)
    with DuckDBSession(settings, RUN, catalog()) as session:
        bad = session.duck.sql(
            "SELECT CAST(CASE WHEN i = 2000000 THEN 'x' ELSE '1' END AS INTEGER) AS a, '2026-10-01' AS day FROM range(2000001) AS t(i)"
        )
        with pytest.raises(RowsError, match="Could not convert"):
            lake.replace(name, bad.to_arrow_reader())
    assert sorted(lake.path(name).rglob("*.parquet")) == files
    assert len(read(settings, name)) == 42


_FULL = """
import sys
from pathlib import Path
import pyarrow as pa
from wattmark.lake import Lake
lake = Lake(Path(sys.argv[1]) / "lake")
few = pa.table({"a": list(range(1000))})
many = pa.table({"a": pa.array(__import__("numpy").random.default_rng(1).random(2_000_000))})
lake.replace("facts.one", few)
before = sorted(str(path) for path in Path(sys.argv[1]).rglob("*.parquet"))
try:
    lake.replace("facts.one", many)
except Exception as error:
    print(getattr(error, "code", type(error)), getattr(error, "message", error), error.remedy)
assert before == sorted(str(path) for path in Path(sys.argv[1]).rglob("*.parquet"))
assert lake.faults("facts.one") == []
lake.replace("facts.one", few)
print("again", lake.version("facts.one"))
"""


def test_a_full_disk_is_named_and_leaves_what_was_there(tmp_path: Path) -> None:
    shell = f"mount -t tmpfs -o size=6m none {tmp_path} && {sys.executable} -c '{_FULL}' {tmp_path}"
    if subprocess.run(
        ["unshare", "-rm", "sh", "-c", f"mount -t tmpfs none {tmp_path}"], check=False, capture_output=True
    ).returncode:
        pytest.skip("this machine lets nobody mount a small file system")
    done = subprocess.run(["unshare", "-rm", "sh", "-c", shell], check=False, capture_output=True, text=True)
    said = done.stdout.splitlines()
    assert said[0].startswith("home.disk_full facts.one: the disk is full: "), done.stdout + done.stderr
    assert "wattmark tidy" in said[0]
    assert said[1] == "again 1"


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("accepted.bill", "source"),
        ("quarantine.bill", "built"),
        ("aside.bill", "aside"),
        ("facts.bill_net", "built"),
        ("landing.bill", "built"),
        ("findings.audit_exception", "built"),
        ("segment_state.model", "state"),
        ("accepted.unheard_of", "state"),
    ],
)
def test_where_a_table_comes_from(settings: Settings, name: str, wanted: str) -> None:
    assert origin(settings, name) == wanted


def test_the_turn_of_every_file_comes(settings: Settings, lake: Lake) -> None:
    """Where a night may not read all, a flipped bit is found within so many nights as there are parts."""
    for number in range(6):
        lake.replace(
            f"core.t{number}",
            pa.table({"a": pa.array(random.Random(number).choices(range(10**9), k=60_000))}),
        )
    names = [f"core.t{number}" for number in range(6)]
    fresh = Lake(settings.lake)
    total = sum(Path(file).stat().st_size for name in names for file in fresh.files(name))
    assert total > 2_000_000
    flip(data_file(lake, "core.t3"), 8 * 2000)
    found = 0
    for turn in range(-(-total // 1_000_000)):
        try:
            assert Lake(settings.lake).compare(names, 1, turn) < total
        except LakeError as error:
            assert error.table == "core.t3"
            found += 1
    assert found == 1
    assert fresh.compare(names, 0, 0) == 0


def test_the_table_made_anew_is_another_table(settings: Settings, lake: Lake) -> None:
    before = lake.identity(NAMES[0]), lake.stamp(NAMES[0])
    lake.replace(NAMES[0], rows(1))
    assert lake.identity(NAMES[0]) == before[0]
    lake.set_aside(NAMES[0])
    for _ in range(2):
        lake.replace(NAMES[0], rows(1))
    assert lake.version(NAMES[0]) == 1
    assert lake.stamp(NAMES[0]) != before[1]
    assert DeltaTable(str(lake.path(NAMES[0]))).version() == 1
