"""Lists that are split: each member in one part, each part with its files and its manifest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from tests.campaign.test_day import ONE
from tests.campaign.test_definition import GOOD, refused
from tests.campaign.test_lists import NOW, digest, make, release, rows_of
from tests.campaign.world import TABLES
from wattmark.campaign.outcome import CampaignOutcome
from wattmark.campaign.parts import file_part
from wattmark.settings import PROJECT_ROOT, Settings, load_settings

RENEWAL = (PROJECT_ROOT / "include" / "campaigns" / "08-contract-renewal.yaml").read_text(encoding="utf-8")
MANAGERS = {
    "accepted__customer_manager": (
        "SELECT cid(i) AS customer_id, CASE i % 3 WHEN 0 THEN 'S 1' ELSE 'S-2' END AS staff_id, 'manager' AS role, "
        "DATE '2026-01-01' AS from_on, CASE WHEN i % 4 = 0 THEN DATE '2026-11-01' END AS to_on FROM range({n}) AS r(i) "
        "WHERE i % 5 > 0"
    )
}


def split(folder: Path, ops: Engine, how: str, **instead: str) -> tuple[Settings, CampaignOutcome]:
    (folder / "campaigns").mkdir(parents=True, exist_ok=True)
    (folder / "campaigns" / "mine.yaml").write_text(f"{RENEWAL}split: {how}\n", encoding="utf-8")
    (folder / "campaign.key").write_text("7" * 64)
    settings = load_settings(folder, campaigns={"delivery": str(folder / "out")})
    return settings, make(settings, ops, [ONE], **instead)[ONE]


def by_part(outcome: CampaignOutcome) -> dict[str, list[dict[str, str]]]:
    manifest = json.loads((Path(outcome.files[0]).parent / "manifest.json").read_text())
    found: dict[str, list[dict[str, str]]] = {}
    for entry in manifest["files"]:
        if entry["file"].endswith(".csv"):
            rows = rows_of(str(Path(outcome.files[0]).parent / entry["file"]))
            assert entry["file"] == f"{entry['channel']}.{file_part(entry['part'])}.csv"
            assert any(row["is_seed"] == "true" for row in rows), "each part has the seeds"
            found.setdefault(entry["part"], []).extend(row for row in rows if row["is_seed"] == "false")
    return found


def expected(how: str, row: dict[str, str]) -> str:
    at = int(row["customer_id"].removeprefix("C"))
    if how == "unit":
        return f"U{at % 20}"
    # Four in five have a manager, of whom one in four has ended.
    return "none" if at % 5 == 0 or at % 4 == 0 else ("S 1" if at % 3 == 0 else "S-2")


@pytest.mark.parametrize("how", ["unit", "manager"])
def test_each_member_stands_in_one_part(tmp_path: Path, ops: Engine, how: str) -> None:
    _, outcome = split(tmp_path / "home", ops, f"{{by: {how}}}", **MANAGERS)
    parts = by_part(outcome)
    assert len(parts) > 1
    rows = [row for part in parts.values() for row in part]
    assert len(rows) == outcome.listed == len({(row["customer_id"], row["account_id"]) for row in rows})
    for part, members in parts.items():
        assert {expected(how, row) for row in members} == {part}


def test_each_part_has_a_manifest_that_is_delivered(tmp_path: Path, ops: Engine) -> None:
    settings, outcome = split(tmp_path, ops, "{by: provider, providers: {north: 0.7, south: 0.3}}")
    parts = by_part(outcome)
    assert set(parts) == {"north", "south"}
    assert sum(map(len, parts.values())) == outcome.listed
    folder = Path(outcome.files[0]).parent
    whole = json.loads((folder / "manifest.json").read_text())
    for part in parts:
        said = json.loads((folder / f"manifest.{part}.json").read_text())
        assert (said["part"], said["list_sha256"]) == (part, whole["list_sha256"])
        assert {entry["part"] for entry in said["files"]} == {part}
        assert said["files"] == [entry for entry in whole["files"] if entry["part"] == part]
    assert release(settings, ops, outcome.campaign_run_id, "head-of-contracts", digest(outcome), NOW)
    out = tmp_path / "out" / outcome.campaign_run_id
    sent = {path.name for path in out.iterdir()}
    assert sent == {
        *(Path(path).name for path in outcome.files), "manifest.json", "manifest.north.json", "manifest.south.json",
    }  # fmt: skip
    for part in parts:
        said = json.loads((out / f"manifest.{part}.json").read_text())
        assert said["state"] == "released"
        assert all((out / entry["file"]).exists() for entry in said["files"])
        assert json.loads((folder / f"manifest.{part}.json").read_text()) == said


def test_a_provider_keeps_its_customers_and_an_empty_part_leaves_nothing(tmp_path: Path, ops: Engine) -> None:
    how = "{by: provider, providers: {north: 0.5, south: 0.5}}"
    settings, outcome = split(tmp_path, ops, how)
    before = {row["customer_id"]: part for part, rows in by_part(outcome).items() for row in rows}
    left = ", ".join(f"'{customer}'" for customer, part in before.items() if part == "south")
    consent = f"SELECT * FROM ({TABLES['accepted.consent']}) AS said WHERE customer_id NOT IN ({left})"
    assert release(
        settings,
        ops,
        outcome.campaign_run_id,
        "head-of-contracts",
        digest(outcome),
        NOW,
        accepted__consent=consent,
    )
    after = {row["customer_id"]: part for part, rows in by_part(outcome).items() for row in rows}
    assert after == {customer: part for customer, part in before.items() if part == "north"}
    assert not (Path(outcome.files[0]).parent / "manifest.south.json").exists()
    assert not (tmp_path / "out" / outcome.campaign_run_id / "manifest.south.json").exists()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("{by: provider}", "providers are wanted"),
        ("{by: unit, providers: {a: 1}}", "providers are wanted"),
        ("{by: provider, providers: {a: 0.5, b: 0.4}}", "do not add up to 1"),
        ("{by: provider, providers: {'A b': 1}}", "split.providers"),
        ("{by: colour}", "split.by"),
    ],
)
def test_a_wrong_split_is_told(tmp_path: Path, how: str, said: str) -> None:
    assert said in refused(
        tmp_path, "success: {event: converted}", f"success: {{event: converted}}\nsplit: {how}"
    )
    assert "split" not in GOOD


def test_a_part_is_a_safe_name() -> None:
    names: dict[str, Any] = {
        part: file_part(part) for part in ("S-2", "S 1", "S/1", "../x", "张伟", "", "a" * 200)
    }
    assert names["S-2"] == "S-2"
    assert len(set(names.values())) == len(names)
    assert not [name for name in names.values() if set(name) & set("/. ") or len(name) > 60]
