"""Lists handed over to real servers: OpenSSH's, and SeaweedFS for S3."""

from __future__ import annotations

import contextlib
import hashlib
import multiprocessing
import random
import shutil
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from tests.object_store import ObjectStore, object_store
from tests.ssh_server import SshServer, make_key, ssh_server
from wattmark.campaign.definition import CampaignError
from wattmark.campaign.deliver import deliver, take_back_drafts
from wattmark.campaign.targets import Target, check_target, target_of
from wattmark.settings import load_settings
from wattmark.store_settings import S3, Sftp

RUN = "contract-renewal.2026-11-02.1"
BUCKET = "lists"
MANIFESTS = {"manifest.json": b'{"state": "released"}\n'}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    with ssh_server(tmp_path_factory.mktemp("ssh") / "server") as running:
        yield running


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with (
        object_store(tmp_path_factory.mktemp("store"), BUCKET) as running,
        pytest.MonkeyPatch.context() as patch,
    ):
        running.let_in(patch)
        yield running


@pytest.fixture(params=["sftp", pytest.param("s3", marks=pytest.mark.slow)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """Settings that deliver to an empty place of a real server."""
    if request.param == "sftp":
        server: SshServer = request.getfixturevalue("server")
        shutil.rmtree(server.root)
        server.root.mkdir()
        access = {"key_file": str(server.key), "known_hosts_file": str(server.known_hosts)}
        return {"campaigns": {"delivery": server.url, "sftp": access}}
    store: ObjectStore = request.getfixturevalue("store")
    return {
        "campaigns": {"delivery": f"s3://{BUCKET}/{tmp_path.name}"}, "s3": {"endpoint_url": store.url},
    }  # fmt: skip


@contextlib.contextmanager
def opened(place: dict[str, Any]) -> Iterator[Target]:
    campaigns = place["campaigns"]
    target = target_of(campaigns["delivery"], Sftp(**campaigns.get("sftp", {})), S3(**place.get("s3", {})))
    with contextlib.closing(target):
        yield target


def files_of(folder: Path, *sizes: int) -> list[dict[str, Any]]:
    """Files of so many bytes and their entries in the manifest."""
    folder.mkdir(exist_ok=True)
    entries = []
    for number, size in enumerate(sizes):
        content = random.Random(number).randbytes(size)
        (folder / f"part-{number}.csv").write_bytes(content)
        entries.append({"file": f"part-{number}.csv", "file_sha256": hashlib.sha256(content).hexdigest()})
    return entries


def test_a_list_is_handed_over_once(place: dict[str, Any], tmp_path: Path) -> None:
    # An empty file, one of a byte, and one of several packets of the protocol.
    entries = files_of(tmp_path / "list", 0, 1, 300_000)
    said = [f"{RUN}/{entry['file']}" for entry in entries] + [f"{RUN}/manifest.json"]
    with opened(place) as target:
        assert deliver(target, RUN, tmp_path / "list", entries, MANIFESTS) == said
    with opened(place) as target:
        for entry in entries:
            assert target.read(f"{RUN}/{entry['file']}") == (tmp_path / "list" / entry["file"]).read_bytes()
        assert not target.exists(f".drafts/{RUN}")
        assert target.exists(f".receipts/{RUN}")
        with pytest.raises(FileNotFoundError):
            target.read(f"{RUN}/another.csv")
        # Whoever fetched it took it away: it does not come a second time.
        target.remove(RUN)
        assert deliver(target, RUN, tmp_path / "list", entries, MANIFESTS) == []
        assert not target.exists(f"{RUN}/part-0.csv")
        # A list of that name that was made anew is another one.
        entries = files_of(tmp_path / "list", 7)
        assert deliver(target, RUN, tmp_path / "list", entries, {}) == [f"{RUN}/part-0.csv"]


@pytest.mark.slow
def test_a_killed_delivery_leaves_no_half_file(place: dict[str, Any], tmp_path: Path) -> None:
    entries = files_of(tmp_path / "list", 3_000_000, 40, 2_000_000)
    right = {entry["file"]: entry["file_sha256"] for entry in entries}
    right["manifest.json"] = hashlib.sha256(MANIFESTS["manifest.json"]).hexdigest()
    # The child imports once and is forked for each try: what is killed is a delivery, not its start.
    forks = multiprocessing.get_context("forkserver")
    forks.set_forkserver_preload([__name__])

    def start() -> multiprocessing.process.BaseProcess:
        here, there = forks.Pipe()
        child = forks.Process(target=_deliver_as_told, args=(there, place, tmp_path / "list", entries))
        child.start()
        there.close()
        assert here.recv() == "begins"
        return child

    child = start()
    began = time.monotonic()
    child.join()
    assert child.exitcode == 0
    whole_s = time.monotonic() - began
    moments = random.Random(18)
    broken = 0
    with opened(place) as target:
        for _ in range(6):
            for folder in (RUN, f".drafts/{RUN}", f".receipts/{RUN}"):
                target.remove(folder)
            child = start()
            time.sleep(moments.uniform(0, whole_s * 0.9))
            child.kill()
            child.join()
            broken += child.exitcode != 0
            there = {name for name in right if target.exists(f"{RUN}/{name}")}
            for name in there:
                assert hashlib.sha256(target.read(f"{RUN}/{name}")).hexdigest() == right[name], name
            # What is there was fetched and taken away; what follows brings the rest alone.
            target.remove(RUN)
            again = deliver(target, RUN, tmp_path / "list", entries, MANIFESTS)
            came = {path.rpartition("/")[2] for path in again}
            assert came | there == set(right)
            # A store that renames by copying may have copied before it was killed, and copies the same again.
            assert len(came & there) <= (1 if "s3" in place else 0)
            assert all(
                hashlib.sha256(target.read(f"{RUN}/{name}")).hexdigest() == right[name] for name in came
            )
            assert not target.exists(f".drafts/{RUN}")
    assert broken >= 3


def test_what_a_killed_release_left_is_taken_back(place: dict[str, Any], tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "home", **place)
    with opened(place) as target:
        target.write(f".drafts/{RUN}/part-0.csv", b"half")
        target.write(".drafts/another/part-0.csv", b"half")
        take_back_drafts(settings, RUN)
        assert not target.exists(f".drafts/{RUN}/part-0.csv")
        assert target.exists(".drafts/another/part-0.csv")
    take_back_drafts(settings, RUN)


# --- OpenSSH -------------------------------------------------------------------------------------


def refused(url: str, **access: Path) -> CampaignError:
    with pytest.raises(CampaignError) as raised:
        target_of(url, Sftp(**access))
    return raised.value


def test_another_server_in_its_place_is_refused(server: SshServer, tmp_path: Path) -> None:
    own = {"key_file": server.key, "known_hosts_file": server.known_hosts}
    with contextlib.closing(target_of(server.url, Sftp(**own))):
        pass
    others_key = Path(f"{make_key(tmp_path / 'other')}.pub").read_text()
    impostor, stranger = tmp_path / "impostor", tmp_path / "stranger"
    impostor.write_text(f"[127.0.0.1]:{server.port} {others_key}")
    stranger.write_text(f"elsewhere.example {others_key}")
    error = refused(server.url, **own | {"known_hosts_file": impostor})
    assert error.code == "delivery.host_key"
    assert str(impostor) in error.message
    assert error.message.count("SHA256:") == 2
    error = refused(server.url, **own | {"known_hosts_file": stranger})
    assert (error.code, "is not among the servers" in error.message) == ("delivery.host_key", True)
    error = refused(server.url, **own | {"known_hosts_file": tmp_path / "none"})
    assert (error.code, str(tmp_path / "none") in error.message) == ("delivery.host_key", True)
    # Nobody logged in where the key was another.
    before = (server.folder / "sshd.log").read_text().count("Accepted publickey")
    refused(server.url, **own | {"known_hosts_file": impostor})
    assert (server.folder / "sshd.log").read_text().count("Accepted publickey") == before > 0


def test_who_is_not_let_in_is_told(server: SshServer, tmp_path: Path) -> None:
    known = {"known_hosts_file": server.known_hosts}
    error = refused(server.url, key_file=make_key(tmp_path / "another"), **known)
    assert error.code == "delivery.login"
    secret = server.url.replace("@", ":of-nobody@")
    error = refused(secret, **known)
    assert error.code == "delivery.login"
    assert "of-nobody" not in str(error)
    with pytest.raises(CampaignError, match=r"delivery\.key_file.*campaigns\.sftp\.key_file"):
        check_target(server.url, Sftp(key_file=tmp_path / "none", **known))
    for wrong in ("sftp:///lists", "sftp://host:port/lists"):
        with pytest.raises(CampaignError, match=r"delivery\.unknown"):
            check_target(wrong, Sftp(**known))
    (tmp_path / "broken").write_text("no key")
    assert refused(server.url, key_file=tmp_path / "broken", **known).code == "delivery.failed"


def test_a_server_that_goes_away_is_told(tmp_path: Path) -> None:
    with ssh_server(tmp_path / "server") as server:
        access = Sftp(key_file=server.key, known_hosts_file=server.known_hosts)
        entries = files_of(tmp_path / "list", 100_000)
        with contextlib.closing(target_of(server.url, access)) as target:
            server.stop()
            with pytest.raises(CampaignError) as raised:
                deliver(target, RUN, tmp_path / "list", entries, MANIFESTS)
            assert raised.value.code == "delivery.failed"
            assert f":{server.port}" in raised.value.message
        assert (
            refused(server.url, key_file=server.key, known_hosts_file=server.known_hosts).code
            == "delivery.failed"
        )
        assert not list(server.root.iterdir())
        server.start()
        with contextlib.closing(target_of(server.url, access)) as target:
            assert len(deliver(target, RUN, tmp_path / "list", entries, MANIFESTS)) == 2


def test_a_folder_that_may_not_be_written_is_told(server: SshServer, tmp_path: Path) -> None:
    access = Sftp(key_file=server.key, known_hosts_file=server.known_hosts)
    (server.folder / "a-file").write_text("in the way")
    entries = files_of(tmp_path / "list", 10)
    with (
        contextlib.closing(target_of(server.url.replace("/lists", "/a-file"), access)) as target,
        pytest.raises(CampaignError, match=r"delivery\.failed") as raised,
    ):
        deliver(target, RUN, tmp_path / "list", entries, MANIFESTS)
    assert "part-0.csv" in raised.value.message


# --- S3 ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_no_bucket_is_made_and_no_key_is_told(
    store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = files_of(tmp_path / "list", 10)
    access = S3(endpoint_url=store.url)

    def told(url: str, access: S3 = access) -> CampaignError:
        with pytest.raises(CampaignError) as raised:
            deliver(target_of(url, s3=access), RUN, tmp_path / "list", entries, MANIFESTS)
        return raised.value

    assert told("s3://lists-of-nobody/2026").code == "delivery.failed"
    # Who may make buckets makes none by mistake either.
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "maker")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "maker")
    assert told("s3://lists-of-nobody/2026").code == "delivery.failed"
    import s3fs

    assert BUCKET in s3fs.S3FileSystem(endpoint_url=store.url).ls("", refresh=True)
    assert "lists-of-nobody" not in s3fs.S3FileSystem(endpoint_url=store.url).ls("", refresh=True)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-wrong-secret")
    error = told(f"s3://{BUCKET}/2026")
    assert error.code == "delivery.failed"
    assert "a-wrong-secret" not in str(error)


def _deliver_as_told(
    line: Connection, place: dict[str, Any], folder: Path, entries: list[dict[str, Any]]
) -> None:
    """What a process does that a test kills."""
    with opened(place) as target:
        line.send("begins")
        deliver(target, RUN, folder, entries, MANIFESTS)
