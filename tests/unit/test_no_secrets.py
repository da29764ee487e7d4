"""No tracked file carries a secret, an address of a package registry or a path of somebody's machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from wattmark.settings import PROJECT_ROOT

# Written in pieces, so that this file does not carry what it looks for.
_PIECES = {
    "address of a package registry": (
        ["pypi", r"\.org"],
        ["python", r"hosted\.org"],
        ["npm", r"js\.org"],
        [r"proxy\.go", r"lang\.org"],
        ["artifact", "ory"],
        [r"/sim", "ple/"],
    ),
    "option naming an index": (
        [r"--(?:extra-)?ind", r"ex-url[ =]+\S"],
        ["--find", r"-links[ =]+\S"],
        ["--trusted", "-host"],
    ),
    "path of a machine": (
        [r"(?<![\w.])/wo", r"rk/"],
        [r"(?<![\w.])/ho", r"me/[a-z]"],
        [r"(?<![\w.])/Us", r"ers/"],
        [r"(?<![\w.])/ro", r"ot/"],
        [r"(?<![\w.])/mn", r"t/"],
        [r"[A-Z]:\\{1,2}", "Users"],
    ),
    "private key": (["-----BEGIN ", r"[A-Z ]*PRIVATE KEY-----"],),
    "credential": (
        [r"\b(?:gh[pousr]_|glpat-|xox[bp]-)", r"[A-Za-z0-9_-]{16,}"],
        [r"\bAKIA", r"[0-9A-Z]{16}\b"],
        [r"://[\w.-]+:", r"(?!\.\.\.|…|\*\*\*|secret@|password@|pw@|x@)[A-Za-z0-9_-]{16,}@"],
    ),
}  # fmt: skip
FORBIDDEN = {
    what: re.compile("|".join("".join(piece) for piece in pieces)) for what, pieces in _PIECES.items()
}

BINARY = {".parquet", ".png", ".gz", ".woff2", ".ico"}


def tracked() -> list[Path]:
    """Files git tracks; where the checkout is a plain folder, there is nothing to say about."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=PROJECT_ROOT, capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("not a git checkout")
    return [PROJECT_ROOT / name for name in done.stdout.decode().split("\0") if name]


def found_in(text: str) -> list[str]:
    """Line numbers and what stands there that should not; never the text itself."""
    return [
        f"{number}: {what}"
        for number, line in enumerate(text.splitlines(), 1)
        for what, pattern in FORBIDDEN.items()
        if pattern.search(line)
    ]


def test_tracked_files_are_clean() -> None:
    files = [path for path in tracked() if path.suffix not in BINARY and path.is_file()]
    assert len(files) > 50
    wrong = [
        f"{path.relative_to(PROJECT_ROOT)}:{place}"
        for path in files
        for place in found_in(path.read_text(encoding="utf-8"))
    ]
    assert not wrong, "\n".join(wrong)


def test_secrets_have_no_tracked_file() -> None:
    names = {path.name for path in tracked()}
    assert not names & {".env", "secrets.json", "passwords.json", ".pgpass", ".netrc", "id_rsa"}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("https://py" + "pi.org/project", "address of a package registry"),
        ("--index" + "-url https://example.com", "option naming an index"),
        ("at /wo" + "rk/main/x", "path of a machine"),
        ("C:\\Us" + "ers\\me", "path of a machine"),
        ("-----BEGIN RSA PRIV" + "ATE KEY-----", "private key"),
        ("postgresql://u:" + "abcdef0123456789abcdef@h/d", "credential"),
    ],
)
def test_the_patterns_find_what_they_are_for(text: str, what: str) -> None:
    assert found_in(f"first line\n{text}") == [f"2: {what}"]


@pytest.mark.parametrize(
    "text",
    [
        "uv pip compile --no-emit-index-url",
        "postgresql://wattmark:…@db.example/warehouse",
        "a network/path",
        "/var/lib/wattmark",
    ],
)
def test_the_patterns_leave_the_rest(text: str) -> None:
    assert found_in(text) == []
