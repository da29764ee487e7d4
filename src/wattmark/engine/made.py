"""What a table was made of, noted with each of its commits: so that it can be told what a change would build anew.

``by`` is all that decides what a table says of its inputs: its statement and those of the views it reads through, values
of parameters, functions, settings, files and the code of Python tables. ``inputs`` names each stored table that was read
with the state it was in. Two notes that are the same give the same rows.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import sqlglot

from wattmark.engine.catalog import KNOWN_LAYER, SOURCE_LAYER, Catalog
from wattmark.engine.idioms import IDIOMS
from wattmark.engine.python_table import PythonTable
from wattmark.home import Home
from wattmark.lake import Lake
from wattmark.settings import Settings

MADE_OF = "made_of"
"""Key of the note in a commit's metadata."""
DATED_LAYERS = ("segment_state", "campaign_state", "audit_state")
"""Layers that carry their own dates: a night reads what earlier ones left, whatever is written into them after it."""
_ASKED = "ask"
_BASE = ("engine", "contract", "lake", "lake_read", "ledger", "writer", "settings", "home", "run", "errors", "atomic",
         "yamlfile", "urls", "publish", "assets", "clock")  # fmt: skip
"""Modules that carry rows and do not decide about them: a change of theirs makes no table anew."""
JUDGED = (
    "kind",
    "modes",
    "subject",
    "severity",
    "judges",
    "valid_from",
    "valid_to",
    "after",
    "on",
    "country",
    "messages",
)
"""What a rule's header says of its findings besides its SELECT."""


@dataclass(frozen=True)
class Made:
    """What a table or rule was made of: kinds and names (``parameter ACC-02.min_kva``) and inputs, each with a short mark."""

    by: dict[str, str]
    inputs: dict[str, str]

    def to_json(self) -> dict[str, Any]:
        """Plain values for a commit's note."""
        return {"by": self.by, "inputs": self.inputs}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Made:
        """The inverse of ``to_json``."""
        return cls(dict(raw["by"]), dict(raw["inputs"]))

    @classmethod
    def noted(cls, note: Mapping[str, str]) -> Made | None:
        """What the note of a commit says; None where it says nothing."""
        return cls.from_json(json.loads(note[MADE_OF])) if MADE_OF in note else None


class Maker:
    """Says what tables are made of under some settings.

    Args:
        settings: the home's.
        catalog: all tables.
        overrides: the utility's parameter values (``Catalog.overrides``).
        stamp: names the state of a table of the lake; empty where it is not there.
    """

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        overrides: Mapping[str, Mapping[str, Any]],
        stamp: Callable[[str], str],
    ) -> None:
        self.settings, self.catalog, self.overrides, self.stamp = settings, catalog, overrides, stamp

    def made(self, name: str, also: Iterable[str] = ()) -> Made:
        """What a table or rule is made of as things stand.

        Args:
            name: ``layer.table``.
            also: tables that are read besides what its file names.
        """
        by = {"setting utility.time_zone": self.settings.utility.time_zone, **dict(self._own(name))}
        inputs: set[str] = set()
        waiting, seen = {*self.catalog.tables[name].references, *also}, {name}
        while waiting:
            read = waiting.pop()
            if read in seen:
                continue
            seen.add(read)
            layer, table = read.split(".")
            definition = self.catalog.tables.get(read)
            if layer in (SOURCE_LAYER, KNOWN_LAYER) and table in self.catalog.contract.tables:
                by[f"contract {table}"] = _mark(self.catalog.contract.tables[table].as_of_sql("_"))
                inputs.add(f"accepted.{table}")
            elif definition is not None and definition.is_view:
                by.update(self._own(read))
                waiting |= definition.references
            elif layer not in (*DATED_LAYERS, _ASKED):
                inputs.add(read)
        return Made(dict(sorted(by.items())), {read: self.stamp(read) for read in sorted(inputs)})

    def _own(self, name: str) -> Iterator[tuple[str, str]]:
        definition = self.catalog.tables[name]
        if isinstance(definition, PythonTable):
            yield f"code {name}", _code(definition.maker.split(":")[0])
            for setting in definition.settings:
                yield f"setting {setting}", _mark(_dumped(self.settings, setting))
            for file in definition.files:
                yield f"file {file}", _mark(_contents(self.settings, file))
            return
        mark, functions = _meaning(definition.text)
        yield f"statement {name}", mark
        for function in functions:
            yield f"function {function}", _mark(IDIOMS[function].template)
        for parameter, value in definition.standing(self.overrides.get(name)).items():
            owner = definition.borrowed.get(parameter, f"{name.removeprefix('audit.')}.{parameter}")
            yield f"parameter {owner}", _mark(json.dumps(value, default=str, sort_keys=True))
        if name.startswith("audit."):
            said = {key: definition.header.get(key) for key in JUDGED}
            yield f"header {name}", _mark(json.dumps(said, default=str, sort_keys=True))
            rule = name.removeprefix("audit.")
            own = self.settings.audit.rules.get(rule)
            yield f"setting audit.rules.{rule}", _mark(own.model_dump_json() if own else "")
            if definition.header.get("country"):
                yield "setting utility.country", _mark(_dumped(self.settings, "utility.country"))


def made_note(made: Made) -> dict[str, str]:
    """The note of a commit of one table."""
    return {MADE_OF: json.dumps(made.to_json(), ensure_ascii=False)}


def stamp_of(lake: Lake, versions: Mapping[str, int], name: str) -> str:
    """Names the state of a table that a session reads: its newest one, or the one it is held at."""
    if name in versions and lake.exists(name):
        return f"{lake.identity(name)}@{versions[name]}"
    return lake.stamp(name)


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@lru_cache(maxsize=2048)
def _meaning(text: str) -> tuple[str, tuple[str, ...]]:
    """A mark of a file's statement, whatever its form and comments, and the project's functions in it."""
    tokens = [token.text for token in sqlglot.tokenize(text, read="duckdb")]
    return _mark("\0".join(tokens)), tuple(sorted(set(tokens) & set(IDIOMS)))


def _dumped(settings: Settings, name: str) -> str:
    value: Any = settings.model_dump(mode="json")
    for part in name.split("."):
        value = value[part]
    return json.dumps(value, sort_keys=True)


def _contents(settings: Settings, file: str) -> str:
    """A file or folder below the project or the home, as text that is another where any of it is."""
    found = []
    for path in (settings.project / file, Home(settings.home).folder / file):
        for each in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if each.is_file():
                text = each.read_bytes()
                text = text.partition(b"*/")[0] if each.suffix == ".sql" else text
                found.append(f"{each.relative_to(path)}:{hashlib.sha256(text).hexdigest()}")
    return "\n".join(found)


@lru_cache(maxsize=256)
def _code(module: str) -> str:
    """A mark of a module's code and of all it imports of the project that decides about rows."""
    found: dict[str, str] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in found or (name.split(".")[1:2] and name.split(".")[1] in _BASE):
            continue
        mark, imported = _source(name)
        found[name] = mark
        waiting += imported
    return _mark("".join(f"{name}{mark}" for name, mark in sorted(found.items())))


@lru_cache(maxsize=512)
def _source(module: str) -> tuple[str, tuple[str, ...]]:
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.origin:
        return "", ()
    text = Path(spec.origin).read_text(encoding="utf-8")
    own = module.split(".")[0]
    named: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.ImportFrom)
            and (node.module or "").split(".")[0] == own
            and node.module != own
        ):
            named.add(node.module or "")
        elif isinstance(node, ast.Import):
            named |= {name.name for name in node.names if name.name.startswith(f"{own}.")}
    return _mark(text), tuple(sorted(named))
