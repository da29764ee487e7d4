"""YAML files with line numbers, so that an error can name the place.

Whatever stands in a file, in whatever encoding: it is read, or refused by a ``SettingsError`` that names file and
line. Nothing else is raised.
"""

from __future__ import annotations

import math
import pickle
import re
import stat
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from wattmark.errors import SettingsError

MAX_BYTES = 5_000_000
"""Of one file; what people write is a thousandth of it."""
MAX_DEPTH = 40
MAX_NODES = 200_000
"""Of one document, each alias counted as all that it stands for."""

_BOMS = (
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_INTEGERS = range(-(2**63), 2**63)
_COLLECTIONS = (yaml.MappingStartEvent, yaml.SequenceStartEvent)


class _Loader(yaml.CSafeLoader):
    """libyaml's loader with YAML 1.2's booleans (NO is Norway, not false)."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - how PyYAML declares it
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool"]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            value = super().construct_object(node, deep)
        except yaml.MarkedYAMLError:
            raise
        except (ValueError, TypeError, ArithmeticError, AttributeError, LookupError) as error:
            # A word that looks like a date or a number and is none, such as 2026-02-30.
            kind = node.tag.rpartition(":")[2]
            raise _wrong(f"{_short(node.value)} is not a {kind} ({error})", node.start_mark) from None
        if isinstance(value, float) and not math.isfinite(value):
            raise _wrong(f"{_short(node.value)} is not a finite number", node.start_mark)
        if isinstance(value, int) and value not in _INTEGERS:
            raise _wrong(f"{_short(node.value)} is a number too large", node.start_mark)
        return value


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)


def _short(value: object) -> str:
    text = str(value) if isinstance(value, str) else "this"
    return text if len(text) <= 40 else f"{text[:37]}..."


def _wrong(problem: str, mark: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


def _bounded(text: str) -> None:
    """Refuse what would take the machine's memory or the interpreter's stack: depth, aliases in aliases, more documents.

    Raises:
        MarkedYAMLError: the text goes beyond a limit, or cannot be parsed at all.
    """
    sizes: dict[str, int] = {}
    open_: list[tuple[str | None, int]] = []
    total, documents = 0, 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        anchor = getattr(event, "anchor", None)
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise _wrong("a second document begins here; one is wanted", event.start_mark)
        elif isinstance(event, yaml.AliasEvent):
            if anchor not in sizes:
                raise _wrong(f"*{_short(anchor)} stands for nothing that ends before it", event.start_mark)
            total += sizes[anchor]
        elif isinstance(event, _COLLECTIONS):
            open_.append((anchor, total))
            total += 1
            if len(open_) > MAX_DEPTH:
                raise _wrong(f"nested more than {MAX_DEPTH} deep", event.start_mark)
        elif isinstance(event, yaml.ScalarEvent):
            total += 1
            if anchor:
                sizes[anchor] = 1
        elif isinstance(event, yaml.CollectionEndEvent):
            begun, before = open_.pop()
            if begun:
                sizes[begun] = total - before
        if total > MAX_NODES:
            raise _wrong(
                f"more than {MAX_NODES:,} values, aliases counted as what they stand for", event.start_mark
            )


def _check_keys(root: yaml.Node) -> None:
    """Refuse a key that stands twice, and one that is no word or number."""
    waiting, seen = [root], set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif isinstance(node, yaml.MappingNode):
            keys: set[tuple[str, str]] = set()
            for key, value in node.value:
                kind = key.tag.rpartition(":")[2]
                if kind not in ("str", "int", "float", "merge"):
                    what = (
                        f"{_short(key.value)} ({kind})" if isinstance(key, yaml.ScalarNode) else f"a {kind}"
                    )
                    raise _wrong(f"{what} cannot be a key; put it in quotes", key.start_mark)
                if (kind, key.value) in keys:
                    raise _wrong(f"found duplicate key {_short(key.value)!r}", key.start_mark)
                keys.add((kind, key.value))
                waiting.append(value)


def parse_yaml(text: str, name: str, first_line: int = 1) -> Any:
    """Parse YAML text into plain Python objects.

    Args:
        text: the document.
        name: the file it came from, for messages.
        first_line: the line of that file the text starts on.

    Raises:
        SettingsError: the text is not one YAML document, or one that nobody would write (40 deep, a million aliases,
            a date that does not exist, a key twice); names file and line.
    """
    if found := _UNPRINTABLE.search(text):
        line = first_line + text.count("\n", 0, found.start())
        raise SettingsError(
            "yaml.character",
            f"{name}:{line}: a character that cannot be printed (U+{ord(found[0]):04X}).",
            "Delete it, or write it as an escape in double quotes.",
        )
    loader = None
    try:
        _bounded(text)
        loader = _Loader(text)
        root = loader.get_single_node()
        if root is None:
            return None
        _check_keys(root)
        return loader.construct_document(root)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = first_line + (mark.line if mark else 0)
        problem = " ".join(str(error.problem or error.context).split())
        raise SettingsError("yaml.syntax", f"{name}:{line}: {problem}.", _remedy(problem)) from None
    except (yaml.YAMLError, RecursionError, ValueError, TypeError) as error:
        problem = " ".join(str(error).split())[:200]
        raise SettingsError("yaml.syntax", f"{name}:{first_line}: {problem}.", _remedy("")) from None
    finally:
        if loader is not None:
            loader.dispose()


def _remedy(problem: str) -> str:
    if "cannot start any token" in problem:
        return "Correct the YAML: indent by spaces, not tabs, and quote what begins with a special character."
    if "is not a timestamp" in problem:
        return "Correct the date (YYYY-MM-DD)."
    return "Correct the YAML."


def read_text(path: Path) -> str:
    """Text of one small file that a person wrote.

    Raises:
        SettingsError: it is not there, not a file, may not be read, is too large, or is not UTF-8; names file and line.
    """
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            what = "a folder" if stat.S_ISDIR(mode) else "not a file"
            raise SettingsError("yaml.unreadable", f"{path}:1: it is {what}.", "Put a file in its place.")
        if path.stat().st_size > MAX_BYTES:
            raise SettingsError(
                "yaml.unreadable",
                f"{path}:1: it is larger than {MAX_BYTES / 1e6:.0f} MB.",
                "Check that it is the right file.",
            )
        raw = path.read_bytes()
    except FileNotFoundError:
        why = "the link leads nowhere" if path.is_symlink() else "there is no such file"
        raise SettingsError("yaml.unreadable", f"{path}:1: {why}.", "Check the path.") from None
    except OSError as error:
        raise SettingsError(
            "yaml.unreadable", f"{path}:1: {error.strerror}.", "Check the path and its rights."
        ) from None
    encoding = next((name for mark, name in _BOMS if raw.startswith(mark)), None)
    try:
        if encoding is None:
            return raw.decode("utf-8-sig")
        line = 1
    except UnicodeDecodeError as error:
        line = 1 + raw[: error.start].count(b"\n")
    raise SettingsError(
        "yaml.encoding",
        f"{path}:{line}: the file is not UTF-8 text{f' (it is {encoding})' if encoding else ''}.",
        "Save it as UTF-8.",
    )


def read_yaml(path: Path) -> Any:
    """Read one YAML file into plain Python objects, which are the caller's own.

    Raises:
        SettingsError: the file cannot be read, or is not YAML (see parse_yaml).
    """
    text = read_text(path)
    if len(text) > _KEPT:
        return parse_yaml(text, str(path))
    return pickle.loads(_parsed(text, str(path)))  # noqa: S301 - made by this process


_KEPT = 100_000
"""Longest text whose parse is kept, characters."""


@lru_cache(maxsize=256)
def _parsed(text: str, name: str) -> bytes:
    """A text's objects, pickled: settings, campaigns and contract are read again and again, and parsing takes ten times as long."""
    return pickle.dumps(parse_yaml(text, name))


def read_mapping(path: Path) -> dict[str, Any]:
    """Read one YAML file of keys and values; an empty one has none.

    Raises:
        SettingsError: the file cannot be read, is not YAML, or holds a list or a single value.
    """
    document = read_yaml(path)
    if document is None:
        return {}
    if not isinstance(document, dict):
        what = "a list" if isinstance(document, list) else f"a single value ({_short(document)})"
        raise SettingsError(
            "yaml.not_a_mapping", f"{path}:1: the file holds {what}.", "Write keys and values: `key: value`."
        )
    return document


def line_of(path: Path, keys: Sequence[str | int]) -> int | None:
    """The line (1-based) on which a key path stands in a YAML file; None where no part of it is there.

    A path whose end is not there has the line of the last part that is.
    """
    try:
        text = read_text(path)
        _bounded(text)
        node: yaml.Node | None = yaml.compose(text, Loader=_Loader)
    except (SettingsError, yaml.YAMLError):
        return None
    line: int | None = None
    for wanted in keys:
        found = next((pair for pair in _children(node) if str(pair[0]) == str(wanted)), None)
        if found is None:
            break
        line, node = found[1].start_mark.line + 1, found[2]
    return line


def _children(node: yaml.Node | None) -> Iterator[tuple[str | int, yaml.Node, yaml.Node]]:
    """Key or number, the node whose line counts, and the value, of each part of a node."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield key.value, key, value
    elif isinstance(node, yaml.SequenceNode):
        for at, value in enumerate(node.value):
            yield at, value, value
