"""What is learned of likenesses: it finds who was filed twice, and is the same whatever the order of the rows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wattmark.engine.session import DuckDBSession
from wattmark.run import Run
from wattmark.segment import linkage
from wattmark.settings import load_settings

AS_OF = dt.date(2026, 11, 4)
SURNAMES, GIVEN = "王李张刘陈杨赵黄周吴徐孙", "伟芳小晓明建国秀兰志强海燕一诺浩然文博雨欣思远俊杰"
CHECKS, WEIGHTS = "10X98765432", (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def identity_number(born_on: dt.date, number: int) -> str:
    body = f"330106{born_on:%Y%m%d}{number % 1000:03}"
    return body + CHECKS[sum(int(digit) * weight for digit, weight in zip(body, WEIGHTS, strict=True)) % 11]


def born(number: int) -> dt.date:
    return dt.date(1950, 1, 1) + dt.timedelta(days=number * 7919 % 20_000)


def person(number: int) -> dict[str, Any]:
    rng = np.random.default_rng(number)
    # Four live in a home, and share its telephone.
    home = number // 4
    return {
        "customer_id": f"C{number:05}",
        "name": SURNAMES[int(rng.integers(0, len(SURNAMES)))]
        + "".join(GIVEN[int(at)] for at in rng.integers(0, len(GIVEN), 2)),
        "kind": "person",
        "mobile": f"138{number:08}",
        "phone": f"0571-8{home:07}",
        "postal_address": f"杭州市西湖区文三路{home // 20 + 1}-{home % 20 + 1}号",
        "email": f"u{number}@example.com" if number % 3 == 0 else None,
        "born_on": born(number) if number % 5 else None,
        "id_number": identity_number(born(number), number) if number % 4 else None,
    }


def again(number: int, known: bool) -> dict[str, Any]:
    """Filed a second time: moved or not, with another number to call, with or without the identity number."""
    first = person(number)
    moved = (
        {"postal_address": f"杭州市拱墅区莫干山路{number}号", "phone": None}
        if number % 2
        else {"mobile": None}
    )
    return {
        **first,
        "customer_id": f"D{number:05}",
        **moved,
        "id_number": identity_number(born(number), number) if known else None,
    }


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBSession]:
    chosen = load_settings(tmp_path_factory.mktemp("home"))
    with DuckDBSession(chosen, Run.of(AS_OF, chosen.utility.time_zone), stored=False) as opened:
        yield opened


DERIVED = (
    "duplicate_candidate",
    "duplicate_likeness",
    "duplicate_weight",
    "duplicate_pair",
    "duplicate_quality",
    "person",
)


def file(session: DuckDBSession, rows: list[dict[str, Any]]) -> None:
    """Put other customers in place of those of the session, and forget what follows from them."""
    for name in ("core.text_key", "core.phone", "core.email", *(f"segment.{derived}" for derived in DERIVED)):
        session.forget(name)
    table = session.contract.tables["customer"]
    filled = [
        {"registered_on": dt.date(2020, 1, 1), "updated_at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), **row}
        for row in rows
    ]
    session.give(
        "night.rows",
        pa.Table.from_pylist(
            [{column.name: row.get(column.name) for column in table.columns} for row in filled]
        ),
    )
    columns = ", ".join(
        f"CAST({column.name} AS {column.duckdb_type}) AS {column.name}" for column in table.columns
    )
    session.duck.execute(
        f"CREATE SCHEMA IF NOT EXISTS accepted; CREATE OR REPLACE TABLE accepted.customer AS SELECT {columns} FROM night.rows"
    )
    session.knows("accepted.customer")


def found(session: DuckDBSession, name: str) -> list[dict[str, Any]]:
    session.see([f"segment.{name}"])
    rows: list[dict[str, Any]] = (
        session.duck.sql(f"SELECT * FROM segment.{name} ORDER BY ALL").to_arrow_table().to_pylist()
    )
    return rows


def test_who_was_filed_twice_is_found_and_nobody_else(session: DuckDBSession) -> None:
    twice = range(0, 400, 7)
    rows = [person(number) for number in range(400)] + [again(number, number % 3 == 0) for number in twice]
    file(session, rows)
    pairs = found(session, "duplicate_pair")
    quality = {row["metric"]: row["value"] for row in found(session, "duplicate_quality")}
    weights = {(row["comparison"], row["level"]): row for row in found(session, "duplicate_weight")}
    persons = found(session, "person")
    assert {(row["customer_id"], row["other_customer_id"]) for row in pairs} <= {
        (f"C{number:05}", f"D{number:05}") for number in twice
    }
    assert len(pairs) >= 0.95 * len(twice)
    assert quality["true_pairs"] > 5
    assert quality.get("precision", 1) == 1
    assert len(persons) == 2 * len(pairs)
    # The landline is the home's: it counts less than the mobile would, and the share of pairs is near the truth.
    assert weights["name", 0]["weight"] > 3 > 0 > weights["name", 3]["weight"]
    assert 0.3 < weights["pair", 0]["m"] * len(rows) * (len(rows) - 1) / 2 / len(twice) < 3


def test_the_order_of_rows_and_the_threads_change_no_bit(session: DuckDBSession) -> None:
    rows = [person(number) for number in range(120)] + [again(number, False) for number in range(0, 120, 7)]
    kept = []
    for threads, order in enumerate((rows, rows[::-1], sorted(rows, key=lambda row: str(row["mobile"]))), 1):
        session.duck.execute(f"SET threads = {threads}")
        file(session, order)
        kept.append(
            {
                name: found(session, name)
                for name in ("duplicate_weight", "duplicate_pair", "duplicate_quality")
            }
        )
    assert kept[0]["duplicate_pair"]
    assert kept[0] == kept[1] == kept[2]


def test_a_home_that_shares_all_is_many_persons(session: DuckDBSession) -> None:
    shared = {
        "mobile": "13800000001",
        "postal_address": "文三路1-12号",
        "email": "family@example.com",
        "kind": "person",
    }
    rows = [
        {"customer_id": f"C{at}", "name": name, **shared}
        for at, name in enumerate(["王伟", "王芳", "王小明", "王晓明", "Emma Clarke", "Peter Clarke"])
    ]
    rows += [
        {"customer_id": f"O{at}", "name": name, **shared, "kind": "organisation"}
        for at, name in enumerate(["恒远有限公司", "恒远有限公司杭州分公司", "恒远有限公司宁波分公司"])
    ]
    file(session, rows)
    assert found(session, "duplicate_pair") == []


PEOPLE = st.lists(
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(["王伟", "王芳", "王玮", "王伟先生", "Wang Wei"]),
            "kind": st.sampled_from(["person", "person", "organisation"]),
            "mobile": st.sampled_from([None, "13800000001", "13800000002"]),
            "postal_address": st.sampled_from([None, "文三路1-12号", "文三路11-2号"]),
            "email": st.sampled_from([None, "a@example.com"]),
            "born_on": st.sampled_from([None, dt.date(1980, 5, 6), dt.date(1990, 1, 1), dt.date(1900, 1, 1)]),
            "id_number": st.sampled_from(
                [None, None, "330106198005060114", "330106800506011", "33010619900101003X"]
            ),
        }
    ),
    min_size=2,
    max_size=12,
)
QUICK = settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck))


def _vetoes_hold(session: DuckDBSession, people: list[dict[str, Any]]) -> None:
    rows = [{"customer_id": f"C{at:02}", **row} for at, row in enumerate(people)]
    file(session, rows)
    persons = found(session, "person")
    by_id = {row["customer_id"]: row for row in rows}
    for person in persons:
        for other in persons:
            mine, theirs = by_id[person["customer_id"]], by_id[other["customer_id"]]
            numbers = {
                {"330106800506011": "330106198005060114"}.get(row["id_number"], row["id_number"])
                for row in (mine, theirs)
            } - {None}
            if person["number_id"] == other["number_id"] and person is not other:
                assert len(numbers) == 1
            elif person["person_id"] == other["person_id"] and person is not other:
                assert len(numbers) <= 1
                assert mine["kind"] == theirs["kind"]
                births = {row["born_on"] for row in (mine, theirs)} - {None, dt.date(1900, 1, 1)}
                assert len(births) <= 1
                assert len({row["name"].removesuffix("先生") for row in (mine, theirs)} - {"Wang Wei"}) <= 1


@QUICK
@given(people=PEOPLE)
def test_vetoes_hold_among_all_who_hang_together(
    session: DuckDBSession, people: list[dict[str, Any]]
) -> None:
    _vetoes_hold(session, people)


@pytest.mark.slow
@settings(QUICK, max_examples=75)
@given(people=PEOPLE)
def test_vetoes_hold_among_all_who_hang_together_at_length(
    session: DuckDBSession, people: list[dict[str, Any]]
) -> None:
    _vetoes_hold(session, people)


@pytest.mark.parametrize("records", [0, 1, 2, 3, 10, 101, 5000])
def test_random_pairs_are_of_two_records_and_each_stands_once(records: int) -> None:
    left, right = linkage.random_pairs(records, 1000)
    assert (left != right).all()
    assert len(set(zip(left.tolist(), right.tolist(), strict=True))) == len(left)
    assert len(left) >= min(1000, records * ((records - 1) // 2))


def test_learning_finds_what_made_the_pairs() -> None:
    rng = np.random.default_rng(1)
    named = [linkage.Comparison(f"c{at}", ("exact", "other"), (0.8, 0.2), (0.1, 0.9)) for at in range(4)]
    m, u, count, share = 0.9, 0.05, 400_000, 0.002
    same = rng.random(count) < share
    levels = np.where(rng.random((count, 4)) < np.where(same, m, u)[:, None], 0, 1).astype(np.int8)
    records = int((1 + np.sqrt(1 + 8 * count)) / 2)
    agreeing = (levels == 0).sum(axis=0).astype(float)
    population = linkage.Population(records, levels[:50_000], np.full(4, float(count)), agreeing)
    model = linkage.learn(named, *linkage.patterns_of(levels), population)
    assert model.share == pytest.approx(share, rel=0.2)
    assert [chances[0] for chances in model.m] == pytest.approx([m] * 4, abs=0.05)
    assert [chances[0] for chances in model.u] == pytest.approx([u] * 4, abs=0.01)
