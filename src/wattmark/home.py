"""Where everything of a home lies, how its databases are reached, and that it is private.

What a home holds is made by others: the services write what is read here of ports and passwords. Personal data lies
in it, so no other account of the machine reads it.
"""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import URL

from wattmark.errors import ServiceError

PRIVATE_UMASK = 0o077
OTHERS = 0o077

HOST = "127.0.0.1"
"""Where the embedded services listen."""

DATABASES = {"airflow": "airflow", "warehouse": "wattmark", "source": "wattmark"}
"""Embedded databases and the role that owns each."""


@dataclass(frozen=True)
class Home:
    """Files and folders of a home, by what they are; nothing is looked at or made."""

    folder: Path

    # --- what a utility puts there ---

    @property
    def settings(self) -> Path:
        """What the utility sets."""
        return self.folder / "settings.yaml"

    @property
    def campaigns(self) -> Path:
        """Campaigns of the utility's own."""
        return self.folder / "campaigns"

    @property
    def targets(self) -> Path:
        """What key figures are to be."""
        return self.folder / "targets.yaml"

    # --- what nights leave ---

    @property
    def lake(self) -> Path:
        """The Delta tables."""
        return self.folder / "lake"

    @property
    def state(self) -> Path:
        """What one night leaves to the next, beside the lake."""
        return self.folder / "state"

    @property
    def lake_notes(self) -> Path:
        """Versions, sizes and checksums of the lake's files, a file per table."""
        return self.state / "lake"

    @property
    def watermarks(self) -> Path:
        """How far each published night had read, a file per date."""
        return self.state / "watermarks"

    @property
    def landing_notes(self) -> Path:
        """What each run noted of what it read, a folder per run."""
        return self.state / "landing"

    @property
    def settled(self) -> Path:
        """What each table's rows were decided on last, a file per table."""
        return self.state / "settled"

    @property
    def steps(self) -> Path:
        """How long the steps of each run took, a folder per run."""
        return self.state / "steps"

    @property
    def versions(self) -> Path:
        """Lake versions of what each published run had accepted, a file per run."""
        return self.state / "versions"

    @property
    def references(self) -> Path:
        """What was noted of the keys that other tables refer to, a file per table."""
        return self.state / "references"

    @property
    def catalog(self) -> Path:
        """Parsed SQL files; may be emptied."""
        return self.state / "catalog"

    @property
    def failures(self) -> Path:
        """Why tasks failed, until it was told, a folder a DAG."""
        return self.state / "failures"

    @property
    def writer(self) -> Path:
        """Who holds the home."""
        return self.state / "writer.json"

    @property
    def writer_lock(self) -> Path:
        """Locked by each process of who holds the home."""
        return self.state / "writer.lock"

    @property
    def scratch(self) -> Path:
        """Spill files; may be emptied between nights."""
        return self.folder / "scratch"

    @property
    def counter(self) -> Path:
        """What the counter keeps to answer from."""
        return self.folder / "counter"

    @property
    def java(self) -> Path:
        """A Java home around the packaged runtime, for Spark."""
        return self.folder / "java"

    # --- what people read ---

    @property
    def data_docs(self) -> Path:
        """Great Expectations' pages."""
        return self.folder / "data-docs"

    @property
    def reports(self) -> Path:
        """Reports, a folder per kind."""
        return self.folder / "reports"

    @property
    def segment_reports(self) -> Path:
        """Segment reports, a file per date."""
        return self.reports / "segments"

    @property
    def campaign_reports(self) -> Path:
        """Campaign reports, a folder per date."""
        return self.reports / "campaigns"

    @property
    def reviews(self) -> Path:
        """Reviews of the audit, a folder a span, period and unit."""
        return self.folder / "reviews"

    @property
    def lists(self) -> Path:
        """Campaign lists, a folder per date."""
        return self.folder / "lists"

    @property
    def logs(self) -> Path:
        """Logs of nights and services."""
        return self.folder / "logs"

    @property
    def lineage(self) -> Path:
        """OpenLineage's events, appended."""
        return self.logs / "openlineage.jsonl"

    # --- services and secrets ---

    @property
    def airflow(self) -> Path:
        """Airflow's own folder."""
        return self.folder / "airflow"

    @property
    def airflow_logs(self) -> Path:
        """Logs of tasks."""
        return self.airflow / "logs"

    @property
    def postgres(self) -> Path:
        """Data of the embedded PostgreSQL, unless ``postgres_pointer`` names another folder."""
        return self.folder / "postgres"

    @property
    def postgres_pointer(self) -> Path:
        """Names the folder of the embedded PostgreSQL where it lies elsewhere."""
        return self.folder / "postgres.folder"

    @property
    def services(self) -> Path:
        """What was started, and on which ports it listens."""
        return self.folder / "services.json"

    @property
    def services_lock(self) -> Path:
        """Locked while services are started or stopped."""
        return self.folder / "services.lock"

    @property
    def secrets(self) -> Path:
        """Passwords and keys of the services."""
        return self.folder / "secrets.json"

    @property
    def campaign_key(self) -> Path:
        """Key that control groups and hashed addresses are drawn with."""
        return self.folder / "campaign.key"

    @property
    def sample(self) -> Path:
        """Sample utility that the quick start makes."""
        return self.folder / "sample"

    def is_there(self) -> bool:
        """Whether the folder is a home: set up, or run in before."""
        marks = (
            self.settings, self.services, self.secrets, self.lake, self.state, self.campaigns, self.airflow, self.campaign_key
        )  # fmt: skip
        return any(os.path.lexists(mark) for mark in marks)


# --- how its databases are reached -----------------------------------------------------------------------


class _Services(Protocol):
    @property
    def warehouse_url(self) -> str | None: ...


class OfHome(Protocol):
    """What is asked of settings here."""

    @property
    def home(self) -> Path:
        """The home folder."""

    @property
    def services(self) -> _Services:
        """Servers of the utility's own."""


def warehouse_url(settings: OfHome) -> str:
    """SQLAlchemy URL of the warehouse, password included: the utility's own, else the embedded one.

    Raises:
        ServiceError: it is the embedded one and was never started.
    """
    return settings.services.warehouse_url or embedded_url(settings.home, "warehouse")


def embedded_url(home: Path, database: str) -> str:
    """SQLAlchemy URL of one of ``DATABASES``, password included.

    Raises:
        ServiceError: the home has no server yet, or what was noted of it cannot be read.
    """
    file = Home(home).services
    try:
        noted: Any = json.loads(file.read_bytes())
        port = noted.get("postgres_port")
        if not isinstance(port, int | None):
            raise TypeError
    except FileNotFoundError:
        port = None
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise services_unreadable(file, error) from None
    if port is None:
        raise ServiceError("services.not_set_up", f"{home} has no PostgreSQL yet.", "Run `wattmark up`.")
    role = DATABASES[database]
    made = URL.create(
        "postgresql+psycopg",
        username=role,
        password=secret(home, role),
        host=HOST,
        port=port,
        database=database,
    )
    return made.render_as_string(hide_password=False)


def services_unreadable(file: Path, error: Exception) -> ServiceError:
    """The error for a ``services.json`` that is not what was written."""
    return ServiceError(
        "services.file",
        f"{file} cannot be read ({type(error).__name__}).",
        "Stop the processes that use this home, delete the file, and run `wattmark up`.",
    )


def secret(home: Path, name: str) -> str:
    """One secret of a home.

    Raises:
        ServiceError: the home was never set up, or its secrets cannot be read.
    """
    file = Home(home).secrets
    if not file.exists():
        raise ServiceError("services.not_set_up", f"{home} has no services yet.", "Run `wattmark up`.")
    known = read_secrets(file)
    if name not in known:
        raise ServiceError("services.secrets", f"{file} lacks {name!r}.", "Run `wattmark up`, which adds it.")
    return known[name]


def login_secret(login: str) -> str:
    """Name of the secret that is the password of one of Airflow's users."""
    return f"airflow_{login}"


def read_secrets(file: Path) -> dict[str, str]:
    """All secrets of a file, a flat JSON object of texts.

    Raises:
        ServiceError: the file is not that.
    """
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ServiceError(
            "services.secrets",
            f"{file} cannot be read ({type(error).__name__}).",
            "Restore it from a backup.",
        ) from None
    if not isinstance(found, dict):
        raise ServiceError("services.secrets", f"{file} holds no object.", "Restore it from a backup.")
    return {str(key): str(value) for key, value in found.items()}


# --- that it is private ---------------------------------------------------------------------------------


def be_private() -> None:
    """Let whatever this process and its children make be readable by their owner alone."""
    os.umask(PRIVATE_UMASK)


def make_parents(home: Path) -> None:
    """Make the folders above a home as others make theirs: who may pass through them is not decided here."""
    before = os.umask(0o022)
    try:
        home.parent.mkdir(parents=True, exist_ok=True)
    finally:
        os.umask(before)


def tighten(home: Path, group: int | None = None) -> None:
    """Close a home that is there to other accounts, and, where it was open, all that lies in it.

    Files and folders of other accounts (PostgreSQL's) and links are left as they are.

    Args:
        home: the folder; nothing is done where there is none.
        group: the group that may pass through it, not look into it; nobody else where None.

    Raises:
        ServiceError: it is a folder that everybody may write to, or it is somebody else's and open.
    """
    if not home.is_dir():
        return
    found = home.stat()
    mode = stat.S_IMODE(found.st_mode)
    if mode & (stat.S_IWOTH | stat.S_ISVTX) or home == home.parent:
        raise ServiceError(
            "services.home_shared",
            f"{home} is a folder that other accounts use too; personal data would lie in it.",
            f"Choose a folder of its own, such as {home / 'wattmark'}.",
        )
    passing = stat.S_IXGRP if group is not None else 0
    if not mode & (OTHERS & ~passing) and (group is None or found.st_gid == group):
        return
    try:
        if group is not None:
            os.chown(home, -1, group)
        home.chmod(stat.S_IRWXU | passing)
    except PermissionError:
        raise ServiceError(
            "services.home_not_private",
            f"Other accounts may read {home}, which belongs to account {found.st_uid}.",
            f"Let its owner run: chmod 700 {home}; or choose another home.",
        ) from None
    if mode & (OTHERS & ~stat.S_IXGRP):
        _tighten_below(home)


def _tighten_below(folder: Path) -> None:
    mine = os.geteuid()
    for entry in os.scandir(folder):
        found = entry.stat(follow_symlinks=False)
        if stat.S_ISLNK(found.st_mode) or found.st_uid != mine:
            continue
        if found.st_mode & OTHERS:
            Path(entry.path).chmod(stat.S_IMODE(found.st_mode) & ~OTHERS)
        if entry.is_dir(follow_symlinks=False):
            _tighten_below(Path(entry.path))
