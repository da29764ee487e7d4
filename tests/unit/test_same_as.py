"""One definition of a threshold that two rules share."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from wattmark.engine.catalog import load_catalog
from wattmark.engine.sqlfile import SqlFile, read_sql_file
from wattmark.errors import SettingsError, SqlFileError
from wattmark.settings import PROJECT_ROOT, load_settings

BANDS = {"10": [50, 60]}


def _override(owner: str, name: str, value: object) -> dict[str, object]:
    return {owner: {name: {"value": value, "since": dt.date(2026, 1, 1), "reason": "test"}}}


def test_the_declaration_is_the_owners() -> None:
    tables = load_catalog(PROJECT_ROOT / "include").tables
    owner, borrower = tables["audit.ACC-02"], tables["audit.ARC-03"]
    assert isinstance(owner, SqlFile) and isinstance(borrower, SqlFile)
    assert borrower.parameters["bands_kva"].default == owner.parameters["bands_kva"].default
    assert borrower.parameters["bands_kva"].same_as == "ACC-02.bands_kva"
    assert owner.parameters["bands_kva"].same_as == ""


def test_an_override_of_the_owner_changes_both(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, parameters=_override("ACC-02", "bands_kva", BANDS))
    found = load_catalog(settings.include).overrides(settings)
    assert found == {"audit.ACC-02": {"bands_kva": BANDS}, "audit.ARC-03": {"bands_kva": BANDS}}


def test_an_override_of_the_borrower_names_the_owner(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, parameters=_override("ARC-03", "bands_kva", BANDS))
    with pytest.raises(SettingsError) as error:
        load_catalog(settings.include).overrides(settings)
    assert error.value.code == "parameter.borrowed"
    assert "parameters.ACC-02.bands_kva" in str(error.value.remedy)


def _include(root: Path, **headers: str) -> Path:
    include = root / "include"
    (include / "contract").mkdir(parents=True)
    (include / "contract" / "source-model.yaml").write_text(
        (PROJECT_ROOT / "include" / "contract" / "source-model.yaml").read_text()
    )
    (include / "sql" / "facts").mkdir(parents=True)
    for name, params in headers.items():
        (include / "sql" / "facts" / f"{name}.sql").write_text(
            f"/*\ngrain: one row per account\nkey: [account_id]\npurpose: A test.\nparams: {params}\n*/\n"
            "SELECT a.account_id FROM source.account AS a WHERE a.contracted_kva > $least\n"
        )
    return include


@pytest.mark.parametrize(
    "other",
    ["facts.nothing.least", "facts.lender.most", "facts.between.least"],
    ids=["no such file", "no such parameter", "borrowed itself"],
)
def test_what_cannot_be_borrowed_stops_the_catalog(tmp_path: Path, other: str) -> None:
    include = _include(
        tmp_path,
        lender="{least: {type: number, default: 1}}",
        between="{least: {same_as: facts.lender.least}}",
        borrower=f"{{least: {{same_as: {other}}}}}",
    )
    with pytest.raises(SqlFileError) as error:
        load_catalog(include)
    assert error.value.code == "parameter.same_as"
    assert "borrower.sql" in str(error.value)


def test_same_as_stands_alone(tmp_path: Path) -> None:
    include = _include(tmp_path, borrower="{least: {same_as: facts.lender.least, default: 2}}")
    with pytest.raises(SqlFileError) as error:
        read_sql_file(include / "sql" / "facts" / "borrower.sql", "facts")
    assert error.value.code == "parameter.declaration"
