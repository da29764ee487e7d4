"""The truth beside a seeded sample: which rule must flag what, in a file that is no part of the source."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path

from wattmark_sample.faults.registry import Truth
from wattmark_sample.plan import SampleError


def truth_file(folder: Path) -> Path:
    """Where the truth of a sample folder stands: beside it, so that nothing takes it up as a source table."""
    return folder.with_name(f"{folder.name}.truth.json")


def write_truth(path: Path, truth: Iterable[Truth]) -> None:
    """Write seeded faults, one JSON object a line."""
    lines = [json.dumps(dataclasses.asdict(fault), ensure_ascii=False) for fault in truth]
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def read_truth(path: Path) -> list[Truth]:
    """Read what ``write_truth`` wrote.

    Raises:
        SampleError: there is no such file.
    """
    if not path.exists():
        raise SampleError("sample.truth", f"{path} does not exist.", "Make the sample with --faults.")
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        found.append(Truth(**{**row, "effects": tuple(row["effects"]), "touched": tuple(row["touched"])}))
    return found
