"""Where released lists are handed over: a folder, an SFTP server, or an object store."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from stat import S_ISDIR
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import unquote, urlsplit

from wattmark.atomic import write_atomically
from wattmark.campaign.definition import CampaignError
from wattmark.store_settings import S3, Sftp
from wattmark.urls import masked, without_secrets

if TYPE_CHECKING:
    import paramiko

WAIT_S = 60.0
"""How long a server may be silent."""
AGAIN = (
    "Look at the server and the connection, and release the list again: what arrived whole is not sent twice."
)


class Target(Protocol):
    """Where lists are delivered to; paths are relative and use ``/``.

    What a server refuses, or that it does not answer, is a CampaignError.
    """

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""

    def read(self, path: str) -> bytes:
        """The content of a file; FileNotFoundError where there is none."""

    def write(self, path: str, content: bytes) -> None:
        """Write a file; what a killed writer leaves of it may be half."""

    def rename(self, old: str, new: str) -> None:
        """Give a whole file its name, which never stands for half of it."""

    def remove(self, path: str) -> None:
        """Take away a folder and what lies in it, if there is one."""

    def close(self) -> None:
        """Let go of the connection."""


class FolderTarget:
    """A folder of this machine, or one that is mounted."""

    def __init__(self, root: Path) -> None:
        """Deliver below ``root``, which is made if need be."""
        self.root = root

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        return (self.root / path).exists()

    def read(self, path: str) -> bytes:
        """The content of a file."""
        return (self.root / path).read_bytes()

    def write(self, path: str, content: bytes) -> None:
        """Write a file in one step, readable by its owner alone."""
        write_atomically(self.root / path, content, private=True)

    def rename(self, old: str, new: str) -> None:
        """Rename in one step and wait until the disk has it."""
        (self.root / new).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.root / old).replace(self.root / new)
        handle = os.open((self.root / new).parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def remove(self, path: str) -> None:
        """Take away a folder and what lies in it, drafts of killed writers among it."""
        shutil.rmtree(self.root / path, ignore_errors=True)

    def close(self) -> None:
        """Nothing is open."""


EXTRAS = {"sftp": "sftp", "ssh": "sftp", "s3": "s3", "s3a": "s3"}
"""The extra of this package that brings what a kind of URL needs."""


def check_target(location: str, sftp: Sftp | None = None) -> None:
    """Whether lists could be delivered there as far as can be told without asking it.

    Raises:
        CampaignError: what a URL of this kind needs is not installed, there is no such kind, or a file that the
            settings of SFTP name is not there.
    """
    scheme, separator, _ = location.partition("://")
    if not separator:
        return
    import fsspec

    try:
        fsspec.get_filesystem_class(scheme)
    except ImportError as error:
        extra = EXTRAS.get(scheme)
        raise CampaignError(
            "delivery.not_installed",
            f"Lists cannot be delivered to {scheme}://: {error}.",
            f"Run: pip install 'wattmark[{extra}]'." if extra else "Install it, or deliver to a folder.",
        ) from None
    except ValueError:
        raise CampaignError(
            "delivery.unknown",
            f"Lists cannot be delivered to {scheme}://: nothing here knows such a place.",
            "Set campaigns.delivery to a folder, sftp://… or s3://….",
        ) from None
    if EXTRAS.get(scheme) == "sftp":
        access = sftp or Sftp()
        if not _names_server(location):
            raise CampaignError(
                "delivery.unknown",
                f"{masked(location)} names no server, or a port that is none.",
                "Set campaigns.delivery to sftp://user@server/folder.",
            )
        _known_hosts(access)
        if access.key_file and not access.key_file.expanduser().is_file():
            raise CampaignError(
                "delivery.key_file",
                f"campaigns.sftp.key_file: there is no file {access.key_file.expanduser()}.",
                "Put the private key there, readable by its owner alone.",
            )


def _names_server(location: str) -> bool:
    try:
        place = urlsplit(location)
        return bool(place.hostname) and place.port != 0
    except ValueError:
        return False


def _known_hosts(access: Sftp) -> Path:
    file = (access.known_hosts_file or Path("~/.ssh/known_hosts")).expanduser()
    if not file.is_file():
        raise CampaignError(
            "delivery.host_key",
            f"There is no {file}, so no SFTP server is known.",
            "Ask its operator for the server's key and write it there as OpenSSH does (ssh-keyscan shows what the "
            "server says; compare the fingerprint), or name another file in campaigns.sftp.known_hosts_file.",
        )
    return file


class SftpTarget:
    """A folder of an SFTP server whose key is known: ``sftp://user@server:port/folder``.

    A server that is not in the file of known hosts, or shows another key, is refused before anybody logs in.
    """

    def __init__(self, url: str, access: Sftp) -> None:
        """Log in.

        Raises:
            CampaignError: the server does not answer, is not known, shows another key, or lets nobody in.
        """
        import paramiko

        place = urlsplit(url)
        self.name = masked(url)
        self._url = url
        self.root = PurePosixPath(unquote(place.path) or "/")
        self._client = paramiko.SSHClient()
        with self._told("the connection"):
            known = _known_hosts(access)
            self._client.load_host_keys(str(known))
            self._client.set_missing_host_key_policy(paramiko.RejectPolicy())
            by_itself = access.key_file is None and place.password is None
            try:
                self._client.connect(
                    place.hostname or "",
                    place.port or 22,
                    username=unquote(place.username) if place.username else None,
                    password=unquote(place.password) if place.password else None,
                    key_filename=str(access.key_file.expanduser()) if access.key_file else None,
                    allow_agent=by_itself,
                    look_for_keys=by_itself,
                    timeout=WAIT_S,
                    banner_timeout=WAIT_S,
                    auth_timeout=WAIT_S,
                )
                self._files = self._opened()
            except BaseException as error:
                self._client.close()
                self._explain(error, known)
                raise

    def _opened(self) -> paramiko.SFTPClient:
        files = self._client.open_sftp()
        if (channel := files.get_channel()) is not None:
            channel.settimeout(WAIT_S)
        return files

    def _explain(self, error: BaseException, known: Path) -> None:
        import paramiko

        compare = "Ask its operator which key it has; deliver nothing before you know. Then mend the file."
        if isinstance(error, paramiko.BadHostKeyException):
            raise CampaignError(
                "delivery.host_key",
                f"{self.name} is not the server that {known} knows: it shows the key {error.key.fingerprint}, "
                f"known is {error.expected_key.fingerprint}.",
                compare,
            ) from None
        if isinstance(error, paramiko.AuthenticationException | paramiko.PasswordRequiredException):
            raise CampaignError(
                "delivery.login",
                f"{self.name} lets nobody in by the key or password given.",
                "See that campaigns.sftp.key_file is the private key whose public key the server has for this user; a "
                "key with a passphrase is held by ssh-agent, with key_file left empty.",
            ) from None
        if isinstance(error, paramiko.SSHException) and "not found in known_hosts" in str(error):
            raise CampaignError(
                "delivery.host_key", f"{self.name} is not among the servers of {known}.", compare
            ) from None

    @contextlib.contextmanager
    def _told(self, what: str) -> Iterator[None]:
        import paramiko

        try:
            yield
        except FileNotFoundError:
            raise
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise _failed(self.name, self._url, what, error) from None

    def _at(self, path: str) -> str:
        return str(self.root / path)

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        try:
            with self._told(path):
                self._files.stat(self._at(path))
        except FileNotFoundError:
            return False
        return True

    def read(self, path: str) -> bytes:
        """The content of a file; FileNotFoundError where there is none."""
        content = io.BytesIO()
        with self._told(path):
            self._files.getfo(self._at(path), content)
        return content.getvalue()

    def write(self, path: str, content: bytes) -> None:
        """Write a file, folders above it made; the server decides by its umask who may read it."""
        try:
            with self._told(path):
                self._make_folder(PurePosixPath(self._at(path)).parent)
                self._files.putfo(io.BytesIO(content), self._at(path), len(content))
        except FileNotFoundError as error:
            raise _failed(self.name, self._url, path, error) from None

    def _make_folder(self, folder: PurePosixPath) -> None:
        try:
            self._files.stat(str(folder))
        except FileNotFoundError:
            self._make_folder(folder.parent)
            try:
                self._files.mkdir(str(folder))
            except OSError:
                # Another one may have made it meanwhile.
                self._files.stat(str(folder))

    def rename(self, old: str, new: str) -> None:
        """Rename in one step, in place of a file that has the name."""
        try:
            with self._told(new):
                self._make_folder(PurePosixPath(self._at(new)).parent)
                self._files.posix_rename(self._at(old), self._at(new))
        except FileNotFoundError as error:
            raise _failed(self.name, self._url, new, error) from None

    def remove(self, path: str) -> None:
        """Take away a folder and what lies in it, if there is one."""
        with self._told(path), contextlib.suppress(FileNotFoundError):
            self._remove(self._at(path))

    def _remove(self, folder: str) -> None:
        for entry in self._files.listdir_attr(folder):
            below = f"{folder}/{entry.filename}"
            if S_ISDIR(entry.st_mode or 0):
                self._remove(below)
            else:
                self._files.remove(below)
        self._files.rmdir(folder)

    def close(self) -> None:
        """Log out."""
        self._client.close()


class FsspecTarget:
    """An object store, ``s3://`` with the extra of that name, or whatever else fsspec reaches, such as ``memory://``.

    An object store writes an object in one step, but renames by copying; a kill in between is seen by the
    receipt and the draft, and the copy is made again with the same content. Its bucket is there: a name that is
    misspelt must not become a new one.
    """

    def __init__(self, url: str, s3: S3) -> None:
        """Deliver below a URL."""
        import fsspec

        self.name = masked(url)
        self._url = url
        options: dict[str, Any] = {"skip_instance_cache": True}
        self._has_folders = EXTRAS.get(url.partition("://")[0]) != "s3"
        if not self._has_folders:
            options |= {"use_listings_cache": False, "endpoint_url": s3.endpoint_url}
            options["config_kwargs"] = {"connect_timeout": WAIT_S, "read_timeout": WAIT_S}
            if s3.region:
                options["client_kwargs"] = {"region_name": s3.region}
        with self._told("the connection"):
            self.files, root = fsspec.core.url_to_fs(url, **options)
        self.root = str(root).rstrip("/")

    @contextlib.contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except (FileNotFoundError, CampaignError):
            raise
        except Exception as error:
            # Each kind of store has errors of its own.
            raise _failed(self.name, self._url, what, error) from None

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        with self._told(path):
            self.files.invalidate_cache()
            return bool(self.files.exists(f"{self.root}/{path}"))

    def read(self, path: str) -> bytes:
        """The content of a file; FileNotFoundError where there is none."""
        with self._told(path):
            self.files.invalidate_cache()
            return bytes(self.files.cat_file(f"{self.root}/{path}"))

    def write(self, path: str, content: bytes) -> None:
        """Write a file; in one step on object stores."""
        target = f"{self.root}/{path}"
        try:
            with self._told(path):
                self._make_folder(target)
                self.files.pipe_file(target, content)
        except FileNotFoundError as error:
            raise _failed(self.name, self._url, path, error) from None

    def _make_folder(self, target: str) -> None:
        if self._has_folders:
            self.files.makedirs(target.rpartition("/")[0], exist_ok=True)

    def rename(self, old: str, new: str) -> None:
        """Move a file."""
        try:
            with self._told(new):
                self._make_folder(f"{self.root}/{new}")
                self.files.mv(f"{self.root}/{old}", f"{self.root}/{new}")
        except FileNotFoundError as error:
            raise _failed(self.name, self._url, new, error) from None

    def remove(self, path: str) -> None:
        """Take away a folder and what lies in it, if there is one."""
        with self._told(path), contextlib.suppress(FileNotFoundError):
            self.files.invalidate_cache()
            self.files.rm(f"{self.root}/{path}", recursive=True)

    def close(self) -> None:
        """Connections are closed with the process."""


def target_of(location: str, sftp: Sftp | None = None, s3: S3 | None = None) -> Target:
    """The target a setting names: a folder, or a URL. Close it after use.

    Raises:
        CampaignError: the URL's kind is not supported by what is installed, or the server does not let us in.
    """
    if "://" not in location:
        return FolderTarget(Path(location))
    check_target(location, sftp)
    if EXTRAS.get(location.partition("://")[0]) == "sftp":
        return SftpTarget(location, sftp or Sftp())
    return FsspecTarget(location, s3 or S3())


def _failed(name: str, url: str, what: str, error: BaseException) -> CampaignError:
    said = without_secrets(str(error).strip() or type(error).__name__, [url]).splitlines()[0]
    return CampaignError("delivery.failed", f"{name}: {what}: {said.rstrip('.')}.", AGAIN)
