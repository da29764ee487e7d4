"""Keeps the SQL files in form: python tools/format_sql.py [--check] [FILE ...]

The statement is sqruff's (see .sqruff), the header with its long lines of YAML is left as it is. Without
files: all of include/sql, and what campaigns ask, but LEFT_OUT. Ends with 1 where a file had to be changed, or would have to be (--check), and
where sqruff cannot bring one into form.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SQL = ROOT / "include" / "sql"
RELATIONS = ROOT / "include" / "campaigns" / "relations"
SQRUFF = Path(sys.executable).with_name("sqruff")
# Files below include/sql that sqruff cannot read: GROUPING SETS, and a window as long as a parameter says.
LEFT_OUT = {"campaign/lift.sql", "facts/interval_flag.sql"}
HEADER = re.compile(r"\A\s*/\*.*?\*/\n*", re.DOTALL)


def header_of(text: str) -> str:
    """The header comment with the line breaks after it; empty where there is none."""
    found = HEADER.match(text)
    return found.group() if found else ""


def sqruff(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run sqruff on the files in a folder."""
    return subprocess.run(  # noqa: S603 - the program of this environment
        [SQRUFF, "--nocolor", "--ignore-local-config", "--config", ROOT / ".sqruff", *words, "."],
        cwd=folder,
        text=True,
        capture_output=True,
        check=False,
    )


def formed(texts: dict[str, str]) -> tuple[dict[str, str], str]:
    """Texts of SQL files in form, by name, and what sqruff says of those it cannot bring into form."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in texts.items():
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            (folder / file).write_text(text.removeprefix(header_of(text)), encoding="utf-8")
        sqruff("fix", folder=folder)
        left = sqruff("lint", "--parsing-errors", folder=folder)
        done = {
            file: header_of(text) + (folder / file).read_text(encoding="utf-8")
            for file, text in texts.items()
        }
    return done, left.stdout + left.stderr if left.returncode else ""


def main(words: list[str]) -> int:
    """Bring files into form, or say which are not."""
    check = "--check" in words
    given = [Path(word).resolve() for word in words if word != "--check"]
    paths = [
        path
        for path in given or sorted((*SQL.glob("*/*.sql"), *RELATIONS.glob("*.sql")))
        if not any(path.is_relative_to(SQL / layer) for layer in LEFT_OUT)
    ]
    texts = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in paths}
    done, left = formed(texts)
    changed = [file for file, text in texts.items() if done[file] != text]
    for file in changed:
        print(f"{file} {'is not in form; run make format' if check else 'brought into form'}")
        if not check:
            (ROOT / file).write_text(done[file], encoding="utf-8")
    if left:
        print(left)
    return 1 if changed or left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
