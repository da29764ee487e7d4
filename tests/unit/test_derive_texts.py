"""Phone numbers judged for whole columns agree with the library; text keys follow Unicode's categories."""

from __future__ import annotations

import unicodedata

import phonenumbers
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wattmark import telephone
from wattmark.folding import fold, key_of
from wattmark.telephone import COLUMNS, judge, judge_all

COUNTRIES = ["CN", "DE", "FR", "IN", "GB", "US", "KZ", "BR", "JP", "ES"]
DIGITS = st.text("0123456789", min_size=1, max_size=14)
NUMBERS = st.one_of(
    DIGITS,
    st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True),
    st.from_regex(r"0[1-9][0-9]{1,2}[- ]?[0-9]{6,8}", fullmatch=True),
    st.from_regex(r"(\+|00)(86|49|33|91|44|1)[- ]?[0-9]{3}[- ]?[0-9]{4}[- ]?[0-9]{1,5}", fullmatch=True),
    st.from_regex(r"(10|12|17|179|400|800|95|86|00|01)[0-9]{3,10}", fullmatch=True),
    st.text("0123456789+-() x.ext#/０１", max_size=18),
    st.text(max_size=12),
)


@pytest.fixture(autouse=True)
def always_by_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telephone, "FEW", 0)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raws=st.lists(NUMBERS, min_size=1, max_size=40, unique=True), country=st.sampled_from(COUNTRIES))
def test_columns_and_library_agree(raws: list[str], country: str) -> None:
    found = {row["raw"]: row for row in judge_all(pa.array(raws, pa.string()), country).to_pylist()}
    assert found == {raw: dict(zip(COLUMNS, (raw, *judge(raw, country)), strict=True)) for raw in raws}


def test_examples_of_every_kind_agree() -> None:
    metadata = phonenumbers.PhoneMetadata.metadata_for_region("CN", None)
    raws = []
    for kind in ("mobile", "fixed_line", "toll_free", "premium_rate", "shared_cost"):
        example = getattr(metadata, kind).example_number
        raws += [
            example,
            f"0{example}",
            f"+86{example}",
            f"+86 {example}",
            f"86{example}",
            f"{example}0",
            example[:-1],
        ]
    table = judge_all(pa.array(sorted(set(raws))), "CN").to_pylist()
    assert {row["raw"]: (row["e164"], row["is_valid"], row["is_mobile"]) for row in table} == {
        raw: judge(raw, "CN") for raw in raws
    }
    assert any(row["is_mobile"] for row in table)


def test_nothing_to_judge() -> None:
    assert judge_all(pa.array([], pa.string()), "CN").num_rows == 0


@pytest.mark.parametrize(
    "text", ["", " ", "甲（乙）", "A\u00a0B", "x\u3000y", "ﬁ１２", "İ", "a_b", "€5", "\u2028"]
)
def test_keys_keep_no_punctuation_symbol_or_separator(text: str) -> None:
    expected = "".join(
        letter
        for letter in unicodedata.normalize("NFKC", text).casefold()
        if unicodedata.category(letter)[0] not in "PSZ"
    )
    assert key_of(fold(text)) == expected


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=30))
def test_keys_of_any_text(text: str) -> None:
    kept = "".join(letter for letter in fold(text) if unicodedata.category(letter)[0] not in "PSZ")
    assert key_of(fold(text)).replace("-", "") == kept


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("文三路1-12号", "文三路11-2号"),
        ("文三路3-2-301", "文三路32-301"),
        ("文三路1号12室", "文三路11号2室"),
        ("文三路1 12", "文三路11 2"),
        ("文三路1#12", "文三路11#2"),
        ("文三路1－12", "文三路112"),
        ("文三路十-一二号", "文三路十一-二号"),
        ("Road 1/12", "Road 11/2"),
    ],
)
def test_numbers_that_marks_divide_otherwise_are_others(text: str, other: str) -> None:
    assert key_of(fold(text)) != key_of(fold(other))


@pytest.mark.parametrize(
    "text",
    [
        "文三路1-12号",
        "文三路 1－12号",
        "文三路1—12 号",
        "文三路1 – 12号。",
        "(文三路)1·12号",
        "文三路1--12号",
    ],
)
def test_however_it_is_divided_it_is_one_address(text: str) -> None:
    assert key_of(fold(text)) == "文三路1-12号"
