"""How refusals are told to people."""

from __future__ import annotations

import json

import pytest

from wattmark.contract import load_contract
from wattmark.quality.shown import examples, explain, shown

CUSTOMER = load_contract().tables["customer"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("person  ", "'person␠␠'"), (" a b", "'␠a b'"), ("   ", "'␠␠␠'"), ("", "''"), (None, "empty"), ("a\tb\n", "'a\\tb\\n'"),
        ("a\u00a0", "'a\\u00a0'"), ("\u200ba", "'\\u200ba'"), ("a\x00b", "'a\\0b'"), ("\u3000", "'\\u3000'"), (12.5, "'12.5'"), (True, "'true'"),
        ("\U000e0001", "'\\U000e0001'"), ("x" * 100, f"'{'x' * 60}…'"), ("\u738b\u4f1f", "'\u738b\u4f1f'"),
    ],
)  # fmt: skip
def test_a_value_is_shown_with_what_cannot_be_seen_in_it(value: object, text: str) -> None:
    assert shown(value) == text


def test_a_personal_value_shows_its_first_letter_and_its_length() -> None:
    assert shown("Jane Example", pii=True) == "'J…' (12 characters, masked)"
    assert shown("\x00", pii=True) == "'\\0…' (1 character, masked)"
    assert shown(None, pii=True) == "empty"


@pytest.mark.parametrize(
    ("reason", "row", "sentence"),
    [
        ("values:kind", {"kind": "person  "}, "kind is 'person␠␠', must be one of person, organisation"),
        ("type:registered_on", {"registered_on": "16-12-28"}, "registered_on is '16-12-28', not a date such as 2026-11-03"),
        ("type:born_on", {"born_on": "76-06-12"}, "born_on is '7…' (8 characters, masked), not a date such as 2026-11-03"),
        ("text:name", {"name": "J\x00ne"}, "name is 'J…' (4 characters, masked), with a character that cannot be stored"),
        ("required:kind", {"kind": None}, "kind is empty, but must not be"),
        ("to_be_between:registered_on", {"registered_on": "1700-01-01"}, "registered_on is '1700-01-01': to be between"),
        ("csv line 7: too many columns", None, "csv line 7: too many columns"),
        ("something", {"kind": "x"}, "something"),
    ],
)  # fmt: skip
def test_a_reason_becomes_a_sentence(reason: str, row: dict[str, object] | None, sentence: str) -> None:
    assert explain(reason, json.dumps(row) if row else "Jane,Example,1", CUSTOMER) == sentence


def test_the_reasons_of_intervals_and_references() -> None:
    table = load_contract().tables["interval_reading"]
    row = json.dumps({"interval_start": "2026-03-29 02:00:00", "metering_point_id": "P1"})
    for reason in ("clock:interval_start", "filler:interval_start", "overlap:interval_start"):
        assert "'2026-03-29 02:00:00'" in explain(reason, row, table)
    assert (
        explain("ref:metering_point_id", row, table)
        == "metering_point_id is 'P1', but no such metering_point was accepted"
    )
    assert (
        explain("follows:metering_point_id", row, table)
        == "metering_point_id is 'P1', and that metering_point was refused itself"
    )


def test_examples_have_one_of_each_reason_first() -> None:
    rows = [(f"C{at}", "values:kind", json.dumps({"kind": "x"})) for at in range(3)]
    rows.append(("C9", "required:registered_on", "{}"))
    assert examples([*rows, (None, "required:kind", None)], CUSTOMER, most=2) == (
        "row 'C0': kind is 'x', must be one of person, organisation; row 'C9': registered_on is empty, but must not be"
    )
    assert "without a key" in examples([(None, "required:kind", None)], CUSTOMER)
