"""Users as ``settings.yaml`` names them: what is refused, and what the embedded Airflow is told of them."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from wattmark.errors import SettingsError
from wattmark.home import Home, secret
from wattmark.local.airflow import airflow_env, airflow_users, passwords, prepare_folder
from wattmark.local.processes import ServicesFile, write_services
from wattmark.local.secret import ensure_secrets
from wattmark.settings import Settings, load_settings

THREE = """\
users:
  chen: {role: viewer}
  li.wei: {role: worker, staff_id: S1, org_unit_id: U1}
  王芳: {role: approver, staff_id: S2}
"""


def home_with(folder: Path, text: str) -> Settings:
    home = folder / "home"
    home.mkdir(exist_ok=True)
    Home(home).settings.write_text(text, encoding="utf-8")
    return load_settings(home)


@pytest.mark.parametrize(
    ("users", "said"),
    [
        ("li: {role: manager}", "users.li.role: Input should be 'viewer', 'worker' or 'approver'"),
        ("li: {staff_id: S1}", "users.li.role: Field required"),
        ("li: {role: worker, unit: U1}", "users.li.unit: Extra inputs are not permitted"),
        ("'li,wei': {role: worker}", "is not a login"),
        ("'li:op': {role: worker}", "is not a login"),
        ("'li wei': {role: worker}", "is not a login"),
        ("'%(x)s': {role: worker}", "is not a login"),
        ("Night: {role: worker}", "what the program itself does bears that name"),
        ("a: {role: worker, staff_id: S1}\n  b: {role: approver, staff_id: S1}", "S1 signs in as a already"),
        ("li: {role: worker}\n  Li: {role: approver}", "li differs from it in case alone"),
        ("li: {role: worker, staff_id: ''}", "at least 1 character"),
    ],
)
def test_what_cannot_be_a_user_is_refused_by_file_and_line(tmp_path: Path, users: str, said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        home_with(tmp_path, f"users:\n  {users}\n")
    assert said in caught.value.message
    assert "settings.yaml:" in caught.value.message


def test_airflow_is_told_each_user_and_their_role_there(tmp_path: Path) -> None:
    settings = home_with(tmp_path, THREE + "  admin: {role: viewer, org_unit_id: U1}\n")
    assert airflow_users(settings) == {"admin": "admin", "chen": "viewer", "li.wei": "user", "王芳": "user"}
    ensure_secrets(settings.home, airflow_users(settings))
    write_services(settings.home, ServicesFile(postgres_port=1))
    told = airflow_env(settings)["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"]
    assert told == "admin:admin,chen:viewer,li.wei:user,王芳:user"


def test_each_user_has_a_password_of_their_own_that_stays(tmp_path: Path) -> None:
    settings = home_with(tmp_path, THREE)
    ensure_secrets(settings.home, ["admin"])
    admins = secret(settings.home, "airflow_admin")
    ensure_secrets(settings.home, airflow_users(settings))
    prepare_folder(settings, passwords(settings))
    file = Home(settings.home).airflow / "passwords.json"
    kept = json.loads(file.read_text(encoding="utf-8"))
    assert list(kept) == ["admin", "chen", "li.wei", "王芳"]
    assert kept["admin"] == admins
    assert len(set(kept.values())) == 4
    assert min(len(password) for password in kept.values()) >= 24
    assert (
        stat.S_IMODE(file.stat().st_mode) == stat.S_IMODE(Home(settings.home).secrets.stat().st_mode) == 0o600
    )
    # One who is no longer named does not get in; the others keep theirs.
    fewer = home_with(tmp_path, "users: {chen: {role: viewer}}\n")
    ensure_secrets(fewer.home, airflow_users(fewer))
    prepare_folder(fewer, passwords(fewer))
    assert json.loads(file.read_text(encoding="utf-8")) == {name: kept[name] for name in ("admin", "chen")}


def test_a_new_user_starts_no_other_part_of_airflow_anew(tmp_path: Path) -> None:
    from wattmark.local import airflow

    settings = home_with(tmp_path, "users: {}\n")
    ensure_secrets(settings.home)
    write_services(settings.home, ServicesFile(postgres_port=1))
    before = {name: airflow._fingerprint(settings, name) for name in airflow.COMPONENTS}
    after = {name: airflow._fingerprint(home_with(tmp_path, THREE), name) for name in airflow.COMPONENTS}
    assert {name for name in airflow.COMPONENTS if before[name] != after[name]} == {"api-server"}
