"""Benchmarks: a folder that is not there yet, a terminal without libraries' noise, sides that agree; not how fast anything is."""

from __future__ import annotations

import ast
import datetime as dt
import logging
import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from wattmark.contract import load_contract
from wattmark.engine.session import DuckDBSession
from wattmark.lake import Lake
from wattmark.run import Run
from wattmark.settings import PROJECT_ROOT, load_settings

FOLDER = PROJECT_ROOT / "benchmarks"
sys.path.insert(0, str(FOLDER))

import bench  # noqa: E402
import interval_tasks  # noqa: E402
import second_night  # noqa: E402
import task_shapes  # noqa: E402
import task_sides  # noqa: E402

ALONE = [path for path in sorted(FOLDER.glob("*.py")) if "__main__" in path.read_text(encoding="utf-8")]


@pytest.fixture(autouse=True)
def signals_as_they_were() -> Iterator[None]:
    import signal

    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


# --- the terminal and the folder ---------------------------------------------------------------------------


def test_a_folder_is_made_and_only_results_reach_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "not" / "there"
    with bench.working(folder) as (work, console):
        logging.getLogger("library").warning("a warning")
        os.write(1, b"a progress bar\n")
        subprocess.run([sys.executable, "-c", "import sys; print('a greeting', file=sys.stderr)"], check=True)
        console.print("the result")
    shown = capfd.readouterr()
    assert (shown.out, shown.err) == ("the result\n", "")
    said = (work / bench.LIBRARIES_LOG).read_text(encoding="utf-8")
    assert "a progress bar" in said
    assert "a greeting" in said
    assert folder.stat().st_mode & 0o777 == 0o755
    os.write(1, b"the terminal again\n")
    assert capfd.readouterr().out == "the terminal again\n"


def test_a_folder_that_is_there_keeps_its_rights_and_a_temporary_one_goes(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with bench.working(tmp_path):
        pass
    assert tmp_path.stat().st_mode & 0o777 == 0o700
    with bench.working(None) as (work, _):
        assert work.is_dir()
    assert not work.exists()


@pytest.mark.parametrize("path", ALONE, ids=lambda path: path.stem)
def test_every_benchmark_works_in_its_folder_and_prints_on_its_console(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert "options" in called and called & {"working", "with_warehouse"}
    # What print says would go to the libraries' log.
    assert "print" not in called
    assert "mkdtemp" not in " ".join(called)


def test_there_are_benchmarks() -> None:
    assert len(ALONE) >= 11
    assert {"second_night", "interval_tasks"} <= {path.stem for path in ALONE}


# --- what is measured --------------------------------------------------------------------------------------


def test_a_step_is_measured_in_a_process_of_its_own_and_a_failure_is_told() -> None:
    cost = bench.measured(time.sleep, 0.05)
    assert cost.seconds >= 0.05
    assert 1 < cost.peak_mb < 2000
    with pytest.raises(SystemExit, match=r"(?s)exit failed.*SystemExit: 3"):
        bench.measured(sys.exit, 3)
    with pytest.raises(SystemExit, match="ended with"):
        bench.measured(os._exit, 1)


def test_growth_is_told_by_the_exponent() -> None:
    assert bench.exponent(2, 8, (1000, 4000)) == pytest.approx(1)
    assert bench.exponent(2, 32, (1000, 4000)) == pytest.approx(2)
    assert bench.exponent(5, 5, (1000, 4000)) == 0
    assert math.isnan(bench.exponent(0, 5, (1000, 4000)))


def test_the_steps_are_those_of_the_night() -> None:
    """A step that the DAG gets must be measured too."""
    dag = (PROJECT_ROOT / "dags" / "nightly.py").read_text(encoding="utf-8")
    steps = (FOLDER / "night_steps.py").read_text(encoding="utf-8")
    of_dag = set(re.findall(r'"wattmark\.night:(\w+)"', dag)) | set(re.findall(r"\bnight\.(\w+)", dag))
    # How extract is shared out, a note without work, and what is measured table by table.
    of_dag -= {"table_groups", "finish", "build"}
    assert len(of_dag) >= 10
    assert of_dag - set(re.findall(r"\bnight\.(\w+)\(", steps)) == set()
    layers = set(re.findall(r'built\(\s*"(\w+)"', dag))
    assert layers == {args[0] for step, args in second_night.STEPS.values() if step.__name__ == "build"}


def test_the_new_day_is_kept_from_the_first_night(tmp_path: Path) -> None:
    day = dt.date(2026, 11, 4)
    file = tmp_path / "src" / "interval_reading" / f"day={day}" / "part-0.parquet"
    file.parent.mkdir(parents=True)
    file.touch()
    for _ in range(2):  # a killed run begins again
        second_night.move_day(tmp_path / "src", day, into=False)
        assert not file.exists()
    for _ in range(2):
        second_night.move_day(tmp_path / "src", day, into=True)
        assert file.exists()


def test_a_row_for_each_step_and_the_slowest_tables_first() -> None:
    def cost(seconds: float, **tables: float) -> bench.Measured:
        return bench.Measured(seconds, seconds, 100 * seconds, second_night_done(7, tables))

    from night_steps import Done as second_night_done

    sizes = (1000, 4000)
    costs = [
        {"second": {name: cost(at, quick=0.1, slow=at) for name in second_night.STEPS}} for at in (1.0, 4.0)
    ]
    steps = second_night.steps_table("second", sizes, costs)
    assert steps.row_count == len(second_night.STEPS) + 1
    assert [next(iter(column.cells)) for column in steps.columns] == [
        "begin", "1.0", "4.0", "1.00", "100", "400", "7",
    ]  # fmt: skip
    assert list(steps.columns[2].cells)[-1] == f"{4 * len(second_night.STEPS):.1f}"
    tables = second_night.tables_table("second", sizes, costs)
    assert list(tables.columns[0].cells) == ["slow", "quick"]
    assert list(tables.columns[3].cells) == ["1.00", "0.00"]


# --- the interval tasks --------------------------------------------------------------------------------------

RUN = Run.of(dt.date(2026, 11, 4), "Asia/Shanghai")
DAYS = [dt.date(2026, 10, 1) + dt.timedelta(days=at) for at in range(35)]


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> task_shapes.Given:
    """Twelve points, one of them without use, one with a day that is missing; temperatures of 20 degrees."""
    folder = tmp_path_factory.mktemp("tasks")
    settings = load_settings(folder / "home", compute={"threads": 2, "memory_limit_mb": 512})
    generator = np.random.default_rng(7)
    rows: dict[str, list[Any]] = {name: [] for name in ("metering_point_id", "interval_start", "day", "kwh")}
    for point in range(12):
        for day in DAYS:
            if point == 3 and day == DAYS[20]:
                continue
            start = dt.datetime.combine(day, dt.time(), tzinfo=settings.zone)
            for half_hour in range(48):
                rows["metering_point_id"].append(f"P{point:02}")
                rows["interval_start"].append(start + dt.timedelta(minutes=30 * half_hour))
                rows["day"].append(day)
                rows["kwh"].append(0.0 if point == 5 else round(float(generator.gamma(2, 0.2)), 3))
    count = len(rows["day"])
    rows |= {"interval_minutes": [30] * count, "quality": ["measured"] * count}
    columns = load_contract().tables["interval_reading"].accepted_schema
    schema = pa.schema([field.with_nullable(True) for field in columns])
    table = pa.table(
        {field.name: pa.array(rows.get(field.name, [None] * count), field.type) for field in schema}
    )
    lake = Lake(settings.lake)
    lake.replace("accepted.interval_reading", table, partition_by=["day"])
    mean_c = np.round(np.linspace(5, 25, len(DAYS)) + generator.normal(0, 1, len(DAYS)), 1)
    degree = np.round(mean_c).astype(np.int64)
    pq.write_table(
        pa.table({"day": DAYS, "mean_c": mean_c, "degree": degree}), folder / "temperature.parquet"
    )
    with DuckDBSession(settings, RUN) as session:
        interval_tasks.build_below(session)
    return task_shapes.Given(
        settings=settings, run=RUN, root=str(lake.path("accepted.interval_reading")),
        files=tuple(lake.files("accepted.interval_reading")), temperature=str(folder / "temperature.parquet"),
        alike=("P00", "P01", "P02", "P03", "P04", "P05"), database="",
    )  # fmt: skip


def test_sides_agree_and_a_wrong_answer_is_seen(given: task_shapes.Given) -> None:
    """Those that need neither a server nor Java; the others are held against them in the slow test."""
    answers = {
        side: {task: ask() for task, ask in task_sides.SIDES[side](given).items()}
        for side in ("Wattmark", "hand-written DuckDB", "plain read", "pandas", "polars")
    }
    ours = answers.pop("Wattmark")
    assert answers.pop("plain read") == dict.fromkeys(task_shapes.RESULTS)
    for side, theirs in answers.items():
        for task in task_shapes.RESULTS:
            assert interval_tasks.difference(task, ours[task], theirs[task]) is None, side
    assert ours["roll-up"].num_rows == 12 * 35 - 1 + 12 * 2
    # An empty flat has neither regressions nor a direction.
    assert ours["PAR"].num_rows == 11 * 24
    assert ours["cosine"].num_rows == 5 * 4
    assert ours["3-line"].num_rows == 12 * 2
    for task, (keys, values) in task_shapes.RESULTS.items():
        wrong = ours[task].to_pylist()
        wrong[3][values[0]] += 0.01 if task != "histogram" else 1
        assert values[0] in str(interval_tasks.difference(task, ours[task], pa.Table.from_pylist(wrong)))
        fewer = ours[task].slice(1)
        assert "other keys" in str(interval_tasks.difference(task, ours[task], fewer)), keys


def test_known_coefficients_are_found_again() -> None:
    generator = np.random.default_rng(3)
    mean_c = generator.uniform(0, 30, 200)
    kw = np.zeros((200, 2))
    kw[:3] = generator.uniform(0, 1, (3, 2))
    for day in range(3, 200):
        kw[day] = 0.5 + 0.3 * kw[day - 1] - 0.2 * kw[day - 2] + 0.1 * kw[day - 3] + 0.04 * mean_c[day]
    enough, moments = task_shapes.moments_of_days(kw, mean_c)
    assert enough.all()
    table = pa.table(dict(zip(task_shapes.MOMENTS, moments.T, strict=True)))
    table = table.append_column("metering_point_id", pa.array(["A", "B"])).append_column(
        "hour", pa.array([0, 0])
    )
    found = task_shapes.par_of_moments(table).to_pylist()
    for row in found:
        assert [row[name] for name in task_shapes.RESULTS["PAR"][1]] == pytest.approx(
            [0.5, 0.3, -0.2, 0.1, 0.04]
        )
    assert len(found) == 2


def test_lines_bend_where_they_were_bent() -> None:
    degrees = list(range(30))
    p90 = [3 - 0.2 * min(at, 10) + 0.3 * max(at - 20, 0) for at in degrees]
    table = pa.table(
        {
            "metering_point_id": ["A"] * 30,
            "degree": degrees,
            "p10": [0.0] * 30,
            "p90": [float(v) for v in p90],
        }
    )
    found = {row["percentile"]: row for row in task_shapes.lines_of_percentiles(table).to_pylist()}
    high = [found[90][f"slope_{at}"] for at in (1, 2, 3)]
    assert high == pytest.approx([-0.2, 0, 0.3], abs=1e-6)
    assert 10 <= found[90]["bend_1"] <= 11
    assert 20 <= found[90]["bend_2"] <= 21
    assert [found[10][f"slope_{at}"] for at in (1, 2, 3)] == pytest.approx([0, 0, 0])


def test_the_most_alike_come_first() -> None:
    series = np.array([[1.0, 0.0], [2.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    rows = task_shapes.most_alike(["A", "B", "C", "empty"], series).to_pylist()
    assert [(row["metering_point_id"], row["place"], round(row["similarity"], 4)) for row in rows] == [
        ("A", 1, 1.0), ("A", 2, 0.7071), ("B", 1, 1.0), ("B", 2, 0.7071), ("C", 1, 0.7071), ("C", 2, 0.7071),
    ]  # fmt: skip


# --- whole -------------------------------------------------------------------------------------------------


def run_benchmark(name: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(FOLDER / name), *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert done.stderr == ""
    return done.stdout


@pytest.mark.slow
def test_all_sides_answer_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    said = run_benchmark(
        "interval_tasks.py", "--accounts", "30", "--days", "35", "--alike", "8", "--rounds", "1", "--folder", str(folder)
    )  # fmt: skip
    assert said.count("all agree") == len(task_shapes.RESULTS)
    assert all(side.split()[0] in said for side in task_sides.SIDES)
    assert "WARN" not in said


@pytest.mark.slow
def test_two_nights_are_measured_in_a_folder_that_is_not_there(tmp_path: Path) -> None:
    said = run_benchmark("second_night.py", "--accounts", "40", "--folder", str(tmp_path / "new" / "folder"))
    for which in second_night.DAYS:
        assert f"{which} night" in said
    assert all(said.count(name) >= 2 for name in second_night.STEPS)
    assert "bytes an account and day" in said
