"""One cause, one case: which case another one hangs on, and what its own effects then do."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable

from wattmark.cases.act import RULE
from wattmark.cases.decide import ENDED, IN_WORK
from wattmark.cases.draft import Draft
from wattmark.cases.model import lasting_subject

MAY_HANG = ("open", "assigned", "reopened")
"""States in which a case may be hung on another one."""


class Hanger:
    """Hangs cases on their causes.

    Args:
        drafts: every case in work, and the causes of those that hang on one.
        effect_of: rules whose cases may be the cause of a rule's, the likeliest first.
    """

    def __init__(self, drafts: Iterable[Draft], effect_of: Callable[[str], tuple[str, ...]]) -> None:
        self._effect_of = effect_of
        self._drafts: dict[str, Draft] = {}
        self._by_subject: dict[tuple[str, str, str], list[Draft]] = {}
        self._by_account: dict[tuple[str, str], list[Draft]] = {}
        self._effects: dict[str, list[Draft]] = {}
        for draft in drafts:
            self.add(draft)

    def add(self, draft: Draft) -> None:
        """Take up a case; each once."""
        self._drafts[draft.case_id] = draft
        case = draft.case
        if case.subject_type == RULE:
            return
        if case.period is not None:
            key = (case.rule_id, *lasting_subject(case.subject_type, case.subject_id, case.account_id))
            self._by_subject.setdefault(key, []).append(draft)
        if case.account_id is not None:
            self._by_account.setdefault((case.rule_id, case.account_id), []).append(draft)
        if draft.is_effect:
            self._effects.setdefault(draft.get("root_cause_case_id"), []).append(draft)

    def cause_of(self, draft: Draft) -> tuple[str, str] | None:
        """The cause that a case would hang on, and how it was found: earlier_month or effect_of."""
        earlier = self._earlier(draft)
        if earlier is not None:
            return earlier, "earlier_month"
        case = draft.case
        if case.account_id is None:
            return None
        for rule_id in self._effect_of(case.rule_id):
            found = [
                (other.case_id, root)
                for other in self._by_account.get((rule_id, case.account_id), ())
                if other.state in IN_WORK
                and _same_month(other.case.period, case.period)
                and (root := self._root(other, draft)) is not None
            ]
            if found:
                return min(found)[1], "effect_of"
        return None

    def _earlier(self, draft: Draft) -> str | None:
        case = draft.case
        if case.period is None:
            return None
        key = (case.rule_id, *lasting_subject(case.subject_type, case.subject_id, case.account_id))
        found = [
            (other.case.period, other.case_id, root)
            for other in self._by_subject.get(key, ())
            if other.case.period is not None
            and other.case.period < case.period
            and other.state in IN_WORK
            and (root := self._root(other, draft)) is not None
        ]
        if not found:
            return None
        latest = max(period for period, _, _ in found)
        return min(each[1:] for each in found if each[0] == latest)[1]

    def _root(self, other: Draft, draft: Draft) -> str | None:
        """What a case would hang on by another one; None where that is the case itself, or has ended."""
        root = other.get("root_cause_case_id")
        if root is None:
            return None if other is draft else other.case_id
        cause = self._drafts.get(root)
        return None if cause is None or cause is draft or cause.state in ENDED else cause.case_id

    def hang(self, draft: Draft, root: str) -> list[Draft]:
        """Note that a case hangs on a cause; returns the effects that it hands on to it, in the order of their ids."""
        handed = [effect for effect in self._effects.pop(draft.case_id, ()) if effect.state in MAY_HANG]
        self._effects.setdefault(root, []).extend([draft, *handed])
        return sorted(handed, key=lambda effect: effect.case_id)


def _same_month(month: dt.date | None, other: dt.date | None) -> bool:
    return month is None or other is None or month == other
