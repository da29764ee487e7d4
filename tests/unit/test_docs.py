from __future__ import annotations

from pathlib import Path

import pytest

from wattmark.audit.rules import all_rules
from wattmark.docs_pages import REFERENCE, dags_page, project_pages, settings_page, stale, write
from wattmark.engine.catalog import load_catalog
from wattmark.markdown import cell
from wattmark.settings import PROJECT_ROOT, Settings


@pytest.fixture(scope="module")
def wanted() -> dict[str, str]:
    return project_pages()


def test_no_reference_page_is_stale(wanted: dict[str, str]) -> None:
    assert stale(PROJECT_ROOT / REFERENCE, wanted) == [], "run wattmark docs and commit the pages"


def test_a_missing_and_a_changed_page_are_stale_until_written(wanted: dict[str, str], tmp_path: Path) -> None:
    assert stale(tmp_path, wanted) == list(wanted)
    assert write(tmp_path, wanted) == list(wanted)
    assert stale(tmp_path, wanted) == []
    (tmp_path / "rules.md").write_text(wanted["rules.md"] + " ", encoding="utf-8")
    assert stale(tmp_path, wanted) == ["rules.md"]
    assert write(tmp_path, wanted) == ["rules.md"]
    assert write(tmp_path, wanted) == []


def test_each_rule_stands_on_the_page_with_both_titles_and_its_parameters(wanted: dict[str, str]) -> None:
    page = wanted["rules.md"]
    for rule_id, rule in all_rules(load_catalog(PROJECT_ROOT / "include")).items():
        section = page.split(f"\n## {rule_id}\n")[1].split("\n## ")[0]
        assert f"**{rule.title}** · {rule.zh}" in section
        assert "Evidence: " in section
        for name in rule.file.parameters:
            assert f"| `{name}` |" in section


def test_the_page_says_since_when_and_until_when_a_rule_holds_and_what_changed(
    wanted: dict[str, str],
) -> None:
    page = wanted["rules.md"]

    def section(rule_id: str) -> str:
        return page.split(f"\n## {rule_id}\n")[1].split("\n## ")[0]

    reduction, again, connection = section("BUS-05"), section("BUS-06"), section("SVC-03")
    assert "- Basis: 供电营业规则 (2024-06-01; before: 1996) (CN)." in reduction
    assert "| `min_days` | integer | `180`, from 2024-06-01 `15` |" in reduction
    assert "- Since 2024-06-01: 15 days are enough" in reduction and "`min_days_from` date" in reduction
    assert "- In force until 2016-06-30, by the row's `start_on`; a listing since." in again
    assert "- In force until 2019-12-31; a listing since." in connection
    assert "In force since 2023-06-01." in section("TAR-27")
    assert "Basis" not in section("ACC-01") and "In force" not in section("ACC-01")


def test_each_published_table_stands_on_the_page_with_its_columns(wanted: dict[str, str]) -> None:
    page = wanted["tables.md"]
    section = page.split("\n### mart.audit_root_cause\n")[1].split("\n### ")[0]
    assert "| `cause_rule_id` | string | Rule of the finding it follows from. |" in section
    assert "Key: `rule_id`, `subject_type`, `subject_id`, `period`; stored." in section


def test_personal_columns_are_marked_in_the_source_page(wanted: dict[str, str]) -> None:
    section = wanted["source.md"].split("\n## customer\n")[1].split("\n## ")[0]
    assert any("`id_number`" in line and "personal" in line for line in section.splitlines())


def test_every_setting_stands_on_the_page() -> None:
    page = settings_page()
    for name in set(Settings.model_fields) - {"home", "project"}:
        assert f"| `{name}` |" in page
    assert "| `home` |" not in page
    assert "at least 0" in next(line for line in page.splitlines() if line.startswith("| `root_causes`"))


def test_dags_are_read_not_run(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(
        '"""What it is for."""\nimport nothing_that_exists\n'
        '@dag(dag_id="one", dag_display_name="One", description="Does it", schedule=None, tags=["a"],\n'
        '     params={"day": Param("2026", description="Which day")})\ndef one(): ...\n',
        encoding="utf-8",
    )
    (tmp_path / "helper.py").write_text("x = 1\n", encoding="utf-8")
    page = dags_page(tmp_path)
    assert "## one" in page and "What it is for." in page and "| `day` | `2026` | Which day |" in page
    assert "helper" not in page


@pytest.mark.parametrize(("value", "text"), [("a|b", "a\\|b"), ("a\n  b", "a b"), (None, "None"), ("", "")])
def test_a_cell_cannot_break_its_table(value: object, text: str) -> None:
    assert cell(value) == text


def test_each_table_says_what_it_reads_and_who_reads_it(wanted: dict[str, str]) -> None:
    page = wanted["tables.md"]
    section = page.split("\n### core.live_account\n")[1].split("\n### ")[0]
    assert "\nReads [source.account](source.md#account).\n" in section
    read_by = next(line for line in section.splitlines() if line.startswith("Read by "))
    readers = [
        name
        for name, table in load_catalog(PROJECT_ROOT / "include").tables.items()
        if "core.live_account" in table.references
    ]
    assert len(readers) > 5
    for name in readers:
        assert f"[{name.removeprefix('audit.')}](" in read_by
    source = wanted["source.md"].split("\n## account\n")[1].split("\n## ")[0]
    assert "[core.live_account](tables.md#corelive_account)" in source


def test_what_nobody_reads_says_so(wanted: dict[str, str]) -> None:
    section = wanted["tables.md"].split("\n### mart.line_loss\n")[1].split("\n### ")[0]
    assert "\nRead by no other table or rule.\n" in section


def test_settings_made_anew_for_each_home_show_what_they_are() -> None:
    page = settings_page()
    assert '| `approvers` | map of list of string | `{"*": ["admin"]}` |' in page
    channels = next(line for line in page.splitlines() if line.startswith("| `channels`"))
    assert '"post": {"cost_amount": ' in channels
