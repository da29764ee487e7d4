"""Channels are data in one file: another one needs no other."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wattmark.channels import CHANNELS, channels
from wattmark.errors import SettingsError
from wattmark.settings import PROJECT_ROOT

FAX = "fax:\n  address: telephone\n  shows: [name, phone]\n  may_show: [name]\n  seed: phone\n  one_an_address: true\n"
USE = """
import sys
from pathlib import Path
import wattmark
from tests.campaign.test_decide import campaign
from tests.campaign.test_persons import GRANTED, OFF
from tests.campaign.world import open_world
from wattmark.campaign.check import check
from wattmark.campaign.decide import decide
from wattmark.campaign.fields import personal_fields
from wattmark.settings import load_settings

assert Path(wattmark.__file__).is_relative_to(sys.argv[1])
settings = load_settings(Path(sys.argv[1]) / "home", campaigns={"channels": {"fax": {"cost_amount": 0.1, "days": "working_days"}}})
file = campaign(channels=[{"channel": "fax"}, {"channel": "sms"}], control_share=0, exclude=OFF, personalise=["contact.name"])
check(file, settings)
assert personal_fields(file, "fax") == ["name", "phone"]
granted = GRANTED.replace("'post', ", "'post', 'fax', ")
with open_world(settings, 30, accepted__consent=granted) as session:
    assert decide(session, None, [file]).problems == {}
    print(session.duck.sql("SELECT channel, COUNT(*) FROM night.member WHERE outcome = 'listed' GROUP BY 1").fetchall())
"""


def test_a_seventh_channel_is_one_entry(tmp_path: Path) -> None:
    for folder in ("src", "include", "expectations"):
        shutil.copytree(
            PROJECT_ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__")
        )
    with (tmp_path / "include" / "channels.yaml").open("a") as file:
        file.write(FAX)
    path = os.pathsep.join((str(tmp_path / "src"), str(PROJECT_ROOT)))
    done = subprocess.run(
        [sys.executable, "-c", USE, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert "('fax', " in done.stdout


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("fax: {address: pigeon}", "pigeon is no kind of address"),
        ("fax: {address: email, shows: [id_number]}", "id_number may stand on no list"),
        ("fax: {address: email, seed: born_on}", "born_on is nothing that a seed names"),
        ("fax: {address: email, colour: red}", "a key that no channel has"),
        ("fax: {shows: [name]}", "lacks its address"),
    ],
)
def test_what_is_wrong_with_a_channel_is_told(tmp_path: Path, entry: str, said: str) -> None:
    file = tmp_path / "channels.yaml"
    file.write_text(f"post: {{address: postal}}\n{entry}\n")
    with pytest.raises(SettingsError, match=said) as raised:
        channels(file)
    assert "channels.yaml:2: fax" in str(raised.value)
    assert CHANNELS[0] == "post"
