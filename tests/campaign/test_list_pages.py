"""Pages of lists: who approves sees the list, what its members are told, and the digest; nobody else sees a name."""

from __future__ import annotations

from pathlib import Path

from fastapi.testclient import TestClient
from sqlalchemy import Engine

from tests.campaign.test_day import home_of
from tests.campaign.test_lists import NOW, digest, make, release, rows_of
from tests.web.browser import browser
from tests.web.test_browser import served
from wattmark.campaign.outcome import CampaignOutcome
from wattmark.settings import Settings, load_settings
from wattmark.web.pages import pages_app

ONE = "contract-renewal"


def client(settings: Settings, who: str) -> TestClient:
    return TestClient(pages_app(settings, guards=[], who=lambda: who))


def names(outcome: CampaignOutcome) -> set[str]:
    rows = [row for path in outcome.files if path.endswith(".csv") for row in rows_of(path)]
    return {row["name"] for row in rows if row["is_seed"] == "false"}


def test_who_may_approve_sees_list_messages_and_digest(
    tmp_path: Path, ops: Engine, warehouse_url: str
) -> None:
    settings = home_of(tmp_path / "home", warehouse_url)
    outcome = make(settings, ops, [ONE])[ONE]
    boss, viewer = client(settings, "head-of-contracts"), client(settings, "somebody")
    overview = viewer.get("/lists/").text
    assert f'href="{outcome.campaign_run_id}/"' in overview
    assert "awaiting approval" in overview
    page = boss.get(f"/lists/{outcome.campaign_run_id}/")
    assert page.status_code == 200
    assert "no-store" in page.headers["cache-control"]
    assert digest(outcome) in page.text
    assert "The files are those of the digest." in page.text
    assert f"wattmark campaign approve {outcome.campaign_run_id} --by admin" in page.text
    some = [name for name in names(outcome) if f"{name}：" in page.text]
    assert 3 <= len(some) <= 30
    assert "您的供用电合同即将到期" in page.text
    assert "first rows" in page.text
    # Whoever may not approve it sees what it is, and nobody on it.
    said = viewer.get(f"/lists/{outcome.campaign_run_id}/").text
    assert digest(outcome) in said
    assert "somebody may not approve this list" in said
    assert not [name for name in names(outcome) if f">{name}<" in said or f"{name}：" in said]
    for path in map(Path, outcome.files):
        assert boss.get(f"/lists/{outcome.campaign_run_id}/{path.name}").content == path.read_bytes()
        assert viewer.get(f"/lists/{outcome.campaign_run_id}/{path.name}").status_code == 403
    for name in ("previews.json", "manifest.json", "..%2fmanifest.json", "none.csv"):
        assert boss.get(f"/lists/{outcome.campaign_run_id}/{name}").status_code == 404
    for name in ("none", "%00", "a" * 3000):
        assert boss.get(f"/lists/{name}/").status_code == 404
    stranger = TestClient(pages_app(settings))
    for path in (
        "/lists/",
        f"/lists/{outcome.campaign_run_id}/",
        f"/lists/{outcome.campaign_run_id}/sms.csv",
    ):
        assert stranger.get(path).status_code in (401, 403)
    Path(outcome.files[0]).write_text("another")
    assert "are not those of the digest" in boss.get(f"/lists/{outcome.campaign_run_id}/").text
    changed = boss.get(f"/lists/{outcome.campaign_run_id}/{Path(outcome.files[0]).name}")
    assert changed.status_code == 404


def test_the_pages_fit_a_phone_and_a_released_list_says_so(
    tmp_path: Path, ops: Engine, warehouse_url: str
) -> None:
    settings = home_of(tmp_path / "home", warehouse_url)
    outcome = make(settings, ops, [ONE])[ONE]
    with served(pages_app(settings, guards=[], who=lambda: "admin")) as site, browser() as tab:
        for width in (375, 1200):
            for path in ("/lists/", f"/lists/{outcome.campaign_run_id}/"):
                shot = tmp_path / f"page-{width}{path.replace('/', '-')}.png"
                seen = tab.look(site + path, width=width, shot=shot)
                assert (seen.status, seen.mains, seen.complaints, seen.wide <= 0) == (200, 1, [], True)
                assert tab.violations() == []
        assert {link.rsplit("/", 1)[-1] for link in seen.links} >= {Path(path).name for path in outcome.files}
        release(settings, ops, outcome.campaign_run_id, "head-of-contracts", digest(outcome), NOW)
        seen = tab.look(f"{site}/lists/{outcome.campaign_run_id}/")
        assert "released on 2026-11-03 09:00, approved by head-of-contracts" in seen.text
        assert "wattmark campaign approve" not in seen.text


def test_before_the_first_list(tmp_path: Path, ops: Engine, warehouse_url: str) -> None:
    page = client(load_settings(home_of(tmp_path / "home", warehouse_url).home), "admin").get("/lists/")
    assert page.status_code == 200
    assert "No list awaits an answer" in page.text
