"""A released list on real servers: OpenSSH's, and SeaweedFS for S3."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.campaign.test_lists import NOW, digest, make, release, state_of
from tests.object_store import object_store
from tests.ssh_server import ssh_server
from wattmark.campaign.definition import CampaignError
from wattmark.campaign.deliver import delivery_target
from wattmark.campaign.files import sha256_of
from wattmark.settings import load_settings


@pytest.mark.parametrize("kind", ["sftp", pytest.param("s3", marks=pytest.mark.slow)])
def test_a_release_delivers_once_the_server_is_there(
    kind: str, tmp_path: Path, ops: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with contextlib.ExitStack() as stack:
        if kind == "sftp":
            server = stack.enter_context(ssh_server(tmp_path / "server"))
            access = {"key_file": str(server.key), "known_hosts_file": str(tmp_path / "known")}
            chosen = {"campaigns": {"delivery": server.url, "sftp": access}}
            (tmp_path / "known").write_text("")
        else:
            store = stack.enter_context(object_store(tmp_path / "server", "lists"))
            chosen = {"campaigns": {"delivery": "s3://lists/2026"}, "s3": {"endpoint_url": store.url}}
        settings = load_settings(tmp_path / "home", **chosen)
        outcome = make(settings, ops, ["contract-renewal"])["contract-renewal"]
        name, approved = outcome.campaign_run_id, digest(outcome)
        # Its key is not known, or nobody has given us one: nothing leaves, and the list is not released.
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nobody")
        with pytest.raises(CampaignError, match=r"delivery\.(host_key|failed)"):
            release(settings, ops, name, "head-of-contracts", approved, NOW)
        assert state_of(ops, name) == "releasing"
        if kind == "sftp":
            (tmp_path / "known").write_text(server.known_hosts.read_text())
        else:
            store.let_in(monkeypatch)
        assert release(settings, ops, name, "head-of-contracts", approved, NOW)
        assert not release(settings, ops, name, "head-of-contracts", approved, NOW)
        assert state_of(ops, name) == "released"
        with delivery_target(settings) as target:
            assert target is not None
            manifest = json.loads(target.read(f"{name}/manifest.json"))
            assert {entry["file"] for entry in manifest["files"]} >= {"sms.csv", "email.csv", "post.pdf"}
            for entry in manifest["files"]:
                (tmp_path / "fetched").write_bytes(target.read(f"{name}/{entry['file']}"))
                assert sha256_of(tmp_path / "fetched") == entry["file_sha256"]
            assert not target.exists(f".drafts/{name}")
