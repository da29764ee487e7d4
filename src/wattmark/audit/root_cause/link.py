"""What hangs on what: a finding that is gone once another one is mended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from wattmark.audit.replay import Finding
from wattmark.audit.root_cause.mend import CAUSES, Change, plain

AREAS = ("transformer", "line")
"""Subjects that are judged over many accounts at once."""

Subject = tuple[str, str, str]
"""Rule id, subject type and subject id of a finding."""


@dataclass(frozen=True)
class Link:
    """A finding that is gone once another one is mended: what was mended, and the values on both sides."""

    effect: Finding
    cause: Finding
    billed_anew: bool
    changes: tuple[Change, ...]
    before: dict[str, Any]
    after: dict[str, Any]
    together_with: tuple[Finding, ...] = ()
    """Other causes that had to be mended as well."""

    def explanation(self) -> dict[str, Any]:
        """What a clerk reads: the mend in words, the values changed, the effect's values before and after."""
        kind = CAUSES[self.cause.rule_id]
        return {
            "if": kind.what,
            "if_zh": kind.zh,
            "together_with": ["/".join(subject_of(cause)) for cause in self.together_with],
            "billed_anew": self.billed_anew,
            "changes": [change.told() for change in self.changes],
            "before": {name: plain(value) for name, value in self.before.items()},
            "after": {name: plain(value) for name, value in self.after.items()},
        }


@dataclass(frozen=True)
class Outcome:
    """What was looked at: ``left_out`` causes were over the limit, ``unmended`` ones name no change."""

    links: tuple[Link, ...]
    causes: int
    left_out: int
    unmended: int
    effects: int


def subject_of(finding: Finding) -> Subject:
    """Which finding it is."""
    return finding.rule_id, finding.subject_type, finding.subject_id
