"""The formatter of SQL files: what it changes, what it leaves, and that it says which file is not in form."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from wattmark.settings import PROJECT_ROOT

TOOL = PROJECT_ROOT / "tools" / "format_sql.py"
HEADER = f"/*\ngrain: one row per account\nkey: [account_id]\npurpose: {'long ' * 40}\n*/\n"
ASKEW = f"""{HEADER}with  open as (
  -- Of the live ones.
  SELECT account.account_id, COUNT(*)   AS orders -- each
  FROM source.account
      JOIN core.open_application
      ON open_application.account_id = account.account_id AND open_application.kind <> $kind AND account.org_unit_id IS NOT NULL
  GROUP BY account.account_id)
SELECT open.account_id, round(RATIO(open.orders, $days), 6) as rate
FROM open
"""
IN_FORM = f"""{HEADER}WITH open AS (
  -- Of the live ones.
  SELECT
    account.account_id,
    COUNT(*) AS orders -- each
  FROM source.account
  JOIN core.open_application
    ON open_application.account_id = account.account_id
    AND open_application.kind <> $kind
    AND account.org_unit_id IS NOT NULL
  GROUP BY account.account_id
)

SELECT
  open.account_id,
  ROUND(RATIO(open.orders, $days), 6) AS rate
FROM open
"""


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("format_sql", TOOL)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_statement_gets_its_form_and_the_header_stays(tool: ModuleType) -> None:
    done, left = tool.formed({"facts/a.sql": ASKEW, "facts/b.sql": IN_FORM})
    assert done == {"facts/a.sql": IN_FORM, "facts/b.sql": IN_FORM}
    assert left == ""


def test_what_cannot_be_read_is_named(tool: ModuleType) -> None:
    _, left = tool.formed({"facts/broken.sql": f"{HEADER}SELECT (1 FROM\n"})
    assert "facts/broken.sql" in left


def test_a_file_that_is_not_in_form_fails_by_name(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    shutil.copy(TOOL, tmp_path / "tools")
    shutil.copy(PROJECT_ROOT / ".sqruff", tmp_path)
    folder = tmp_path / "include" / "sql" / "facts"
    folder.mkdir(parents=True)
    (folder / "askew.sql").write_text(ASKEW, encoding="utf-8")
    (folder / "kept.sql").write_text(IN_FORM, encoding="utf-8")

    def run(*words: str) -> tuple[int, str]:
        tool = tmp_path / "tools" / "format_sql.py"
        done = subprocess.run([sys.executable, tool, *words], capture_output=True, text=True, check=False)
        assert done.stderr == ""
        return done.returncode, done.stdout

    assert run("--check") == (1, "include/sql/facts/askew.sql is not in form; run make format\n")
    assert (folder / "askew.sql").read_text(encoding="utf-8") == ASKEW
    assert run() == (1, "include/sql/facts/askew.sql brought into form\n")
    assert (folder / "askew.sql").read_text(encoding="utf-8") == IN_FORM
    assert run("--check") == (0, "")
