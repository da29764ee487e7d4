"""Campaign files: each mistake is told with file, line and key; those of the project are right."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from wattmark.campaign.check import check
from wattmark.campaign.definition import CampaignError, json_schema, load_campaigns, read_campaign
from wattmark.campaign.file_parts import Schedule
from wattmark.night import parameters_hash
from wattmark.settings import PROJECT_ROOT, load_settings
from wattmark.yamlfile import read_yaml

FOLDER = PROJECT_ROOT / "include" / "campaigns"
EXAMPLE = FOLDER / "example" / "every-key.yaml"
GOOD = """id: test-campaign
name: {en: Test, zh: 测试}
objective: Something that is worth doing.
owner: somebody
purpose: marketing
valid_from: 2026-01-01
valid_to: 2026-12-31
schedule: {cron: '0 6 * * 1'}
audience:
  grain: customer
  where: customer.grade = 'A'
channels:
  - {channel: sms}
personalise: [contact.name]
approval: {by: [boss]}
success: {event: converted}
"""


def refused(tmp_path: Path, old: str, new: str) -> str:
    file = tmp_path / "wrong.yaml"
    file.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(CampaignError) as raised:
        check(read_campaign(file), load_settings(tmp_path))
    return str(raised.value).replace(str(tmp_path), "")


def test_the_good_file_is_good(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD, encoding="utf-8")
    check(read_campaign(tmp_path / "good.yaml"), load_settings(tmp_path))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("owner: somebody", "ownr: somebody", "wrong.yaml:1: owner"),
        ("purpose: marketing", "purpose: spam", "wrong.yaml:5: purpose"),
        ("valid_to: 2026-12-31", "valid_to: 2025-12-31", "valid_from lies after valid_to"),
        ("cron: '0 6 * * 1'", "cron: '0 6 * *'", "wrong.yaml:8: schedule.cron"),
        ("{cron: '0 6 * * 1'}", "{}", "wrong.yaml:8: schedule: exactly one"),
        (
            "{cron: '0 6 * * 1'}",
            "{cron: '0 6 * * 1', dates: [2026-01-01]}",
            "wrong.yaml:8: schedule: exactly one",
        ),
        (
            "customer.grade = 'A'",
            "customer.name = 'A'",
            "wrong.yaml:11: audience.where: customer.name is not a published column",
        ),
        ("customer.grade = 'A'", "grade = 'A'", "wrong.yaml:11: audience.where"),
        ("- {channel: sms}", "- {channel: pigeon}", "wrong.yaml:13: channels.0.channel"),
        ("- {channel: sms}", "- {channel: sms}\n  - {channel: sms}", "wrong.yaml:12: channels"),
        ("[contact.name]", "[contact.name, contact.id_number]", "wrong.yaml:14: personalise.1"),
        ("[contact.name]", "[contact.contact_name]", "may not stand on a list for sms"),
        ("[contact.name]", "[customer.born_on]", "wrong.yaml:14: personalise.0"),
        ("{by: [boss]}", "{by: []}", "wrong.yaml:15: approval.by"),
        (
            "{by: [boss]}",
            "{by: [boss]}\nexclude: {no_consent: {off: because we like to}}",
            "wrong.yaml:16: exclude.no_consent",
        ),
        (
            "{by: [boss]}",
            "{by: [boss]}\nexclude: {suppressed: {off: because we like to}}",
            "for any campaign",
        ),
        (
            "{by: [boss]}",
            "{by: [boss]}\nexclude: {in_arrears: {off: no}}",
            "wrong.yaml:16: exclude.in_arrears.off",
        ),
        (
            "{by: [boss]}",
            "{by: [boss]}\ncells: [{cell: a, share: 0.5}, {cell: b, share: 0.4}]",
            "do not add up to 1",
        ),
        ("{by: [boss]}", "{by: [boss]}\ncells: [{cell: control, share: 1}]", "none may be named control"),
        ("{by: [boss]}", "{by: [boss]}\ncontrol_share: 0.91", "wrong.yaml:16: control_share"),
        ("{event: converted}", "{event: converted, value_column: customer.grade}", "is no number"),
        (
            "{event: converted}",
            "{event: replied}",
            "wrong.yaml:1: control_share: nobody without a contact can have replied",
        ),
        (
            "{event: converted}",
            "{event: clicked}\ncontrol_share: 0.1",
            "wrong.yaml:17: control_share: nobody without",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert said in refused(tmp_path, old, new)


def test_a_success_that_only_a_contact_brings_goes_without_a_control_group(tmp_path: Path) -> None:
    text = GOOD.replace("converted", "clicked") + "control_share: 0\n"
    (tmp_path / "good.yaml").write_text(text, encoding="utf-8")
    check(read_campaign(tmp_path / "good.yaml"), load_settings(tmp_path))


@pytest.mark.parametrize("share", ["0", "0.9"])
def test_control_share_on_its_limits(tmp_path: Path, share: str) -> None:
    (tmp_path / "good.yaml").write_text(GOOD + f"control_share: {share}\n", encoding="utf-8")
    assert read_campaign(tmp_path / "good.yaml").campaign.control_share == float(share)


def test_two_files_may_not_share_an_id(tmp_path: Path) -> None:
    (tmp_path / "campaigns").mkdir()
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / "campaigns" / name).write_text(GOOD, encoding="utf-8")
    with pytest.raises(CampaignError, match=r"b.yaml:1: id: a.yaml has the same id"):
        load_campaigns(load_settings(tmp_path))


def test_a_home_may_replace_a_campaign(tmp_path: Path) -> None:
    before = {file.campaign.id for file in load_campaigns(load_settings(tmp_path))}
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "campaigns" / "own.yaml").write_text(
        GOOD.replace("id: test-campaign", "id: referral"), encoding="utf-8"
    )
    found = {file.campaign.id: file.path for file in load_campaigns(load_settings(tmp_path))}
    assert set(found) == before
    assert found["referral"].name == "own.yaml"


def test_the_campaigns_of_the_project_are_right(tmp_path: Path) -> None:
    settings = load_settings(tmp_path)
    files = load_campaigns(settings)
    assert [file.path.name[:2] for file in sorted(files, key=lambda file: file.path)] == [
        f"{at:02}" for at in range(1, len(files) + 1)
    ]
    for file in files:
        check(file, settings)


def test_the_published_schema_is_that_of_the_classes() -> None:
    said = json.loads((FOLDER / "campaign.schema.json").read_text(encoding="utf-8"))
    assert said == json_schema(), "run: wattmark campaign schema"
    jsonschema.Draft202012Validator.check_schema(said)
    validator = jsonschema.Draft202012Validator(said)
    for file in FOLDER.glob("*.yaml"):
        raw: Any = json.loads(json.dumps(read_yaml(file), default=str))
        assert [error.message for error in validator.iter_errors(raw)] == [], file.name


def keys_of(schema: Any) -> set[str]:
    """Names of all keys that a campaign file may hold, at any depth."""
    if isinstance(schema, list):
        return set().union(*map(keys_of, schema))
    if not isinstance(schema, dict):
        return set()
    own = set(schema.get("properties", {})) if schema.get("type") == "object" else set()
    return own.union(*map(keys_of, schema.values()))


def undescribed(schema: Any, place: str = "") -> list[str]:
    if not isinstance(schema, dict):
        return []
    found = [
        f"{place}.{name}"
        for name, said in schema.get("properties", {}).items()
        if len(said.get("description", "")) < 8
    ]
    for name, part in schema.items():
        found += undescribed(part, f"{place}.{name}")
    return found


def test_every_key_is_described_and_stands_in_the_example(tmp_path: Path) -> None:
    assert undescribed(json_schema()) == []
    assert undescribed({"properties": {"a": {"type": "string"}}}) == [".a"]
    text = EXAMPLE.read_text(encoding="utf-8")
    assert {key for key in keys_of(json_schema()) if not re.search(rf"\b{key}:", text)} == set()
    file = read_campaign(EXAMPLE)
    check(file, load_settings(tmp_path))
    # Nothing of the example's folder is ever made a list of.
    assert file.campaign.id not in {known.campaign.id for known in load_campaigns(load_settings(tmp_path))}


@pytest.mark.parametrize(
    ("day", "due"),
    [(dt.date(2026, 11, 1), False), (dt.date(2026, 11, 2), True), (dt.date(2026, 11, 3), False)],
)
def test_cron_is_due_on_the_local_day_it_fires(day: dt.date, due: bool) -> None:
    assert Schedule(cron="0 6 * * 1").is_due(day) is due
    assert Schedule(dates=(dt.date(2026, 11, 2),)).is_due(day) is due


def test_what_decides_lists_is_in_the_hash_of_a_run(tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(PROJECT_ROOT / "include" / "campaigns", project / "include" / "campaigns")
    (project / "include" / "sql").mkdir()
    (project / "include" / "sql" / "one.sql").write_text("SELECT 1")
    (tmp_path / "home" / "campaigns").mkdir(parents=True)
    settings = load_settings(tmp_path / "home").model_copy(update={"project": project})
    seen = {parameters_hash(settings)}
    for number, change in enumerate(
        (
            project / "include" / "campaigns" / "01-tariff-advice.yaml",
            project / "include" / "campaigns" / "relations" / "fit.sql",
            project / "include" / "sql" / "one.sql",
            tmp_path / "home" / "campaigns" / "own.yaml",
        ),
        start=2,
    ):
        with change.open("a") as stream:
            stream.write("\n")
        seen.add(parameters_hash(settings))
        assert len(seen) == number
    assert parameters_hash(settings) in seen
