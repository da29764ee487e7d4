"""What a night does to cases, worked out in memory: settle, let links fall, open, hang, give out."""

from __future__ import annotations

import datetime as dt
import decimal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from wattmark.cases.act import RULE
from wattmark.cases.assign import Staffing, hours_in_work, in_order
from wattmark.cases.brake import LAPSED, Share, is_let_through, rule_case_id
from wattmark.cases.decide import CLOSE, ENDED, IN_WORK, REOPEN, STAY, TOUCH, VERIFY, Seen, decide, outcome
from wattmark.cases.draft import Draft
from wattmark.cases.due import due_after
from wattmark.cases.findings import Finding
from wattmark.cases.hang import MAY_HANG, Hanger
from wattmark.cases.judged import FOUND, NOT_FOUND, NOT_JUDGED, Judgement
from wattmark.cases.log import canonical
from wattmark.cases.model import NIGHT, REOPENED, Case, Steps, case_id_of, lasting_subject
from wattmark.cases.rulebook import Rulebook
from wattmark.run import Run
from wattmark.settings import Settings

Exemptions = Mapping[tuple[str, str, str], list[decimal.Decimal | None]]
"""Money exempted, by rule and subject, of the exemptions that hold on a day."""


@dataclass(frozen=True)
class Inputs:
    """What a night knows before it decides.

    Attributes:
        at: the instant of the night's events; a case that saw a later one has its own.
        settles: False where the run was asked for a month of its own: it opens and touches, and no more.
        findings: tonight's, and those of past months judged again, by case.
        judged: of cases that tonight's findings do not name.
        own_staff: staff whose own work a finding is, by case.
        shares: what each rule found of what it judged.
    """

    settings: Settings
    run: Run
    book: Rulebook
    steps: Steps
    at: dt.datetime
    settles: bool
    findings: dict[str, Finding]
    judged: Mapping[str, Judgement]
    own_staff: Mapping[str, tuple[str, ...]]
    shares: Mapping[str, Share]
    exemptions: Exemptions
    staffing: Staffing
    counts: dict[str, int] = field(default_factory=dict)


class Plan:
    """Works out a night.

    Args:
        known: what the night knows.
        drafts: cases by id: all that are not closed or dismissed, the causes of effects, and those found tonight.
    """

    def __init__(self, known: Inputs, drafts: dict[str, Draft]) -> None:
        self.known, self.drafts = known, drafts
        self.day, self.run_id = known.run.as_of, known.run.run_id
        self._braked: set[str] = set()
        self._not_above: set[str] = set()
        self._to_hang: list[Draft] = []

    def make(self) -> list[Draft]:
        """Work the night out; returns the drafts that are changed, those that others hang on first."""
        self._brake()
        causes = [draft for draft in self.drafts.values() if not draft.is_effect]
        effects = [draft for draft in self.drafts.values() if draft.is_effect]
        for draft in causes:
            self._settle(draft)
        for draft in effects:
            self._settle(draft, self._ended_cause(draft))
        self._open()
        self._hang()
        self._assign()
        changed = [draft for draft in self.drafts.values() if draft.is_new or draft.events or draft.values]
        return sorted(changed, key=lambda draft: (not draft.is_new, draft.is_effect, draft.case_id))

    def _step(self, draft: Draft, step: str, to_state: str, detail: Mapping[str, Any] | None = None) -> None:
        judgement = self.known.judged.get(draft.case_id)
        note = judgement.note if judgement is not None and step in (TOUCH, VERIFY, REOPEN) else None
        draft.step(step, to_state, self.day, self.run_id, detail, note)
        self.known.counts[step] = self.known.counts.get(step, 0) + 1

    # --- the brake ---------------------------------------------------------------------------------------

    def _brake(self) -> None:
        """Find out which rules are held, and what is to become of the cases that say so."""
        known = self.known
        most = decimal.Decimal(str(known.settings.cases.brake_share))
        for rule_id, share in known.shares.items():
            case_id = rule_case_id(known.book, rule_id, known.run.period)
            draft = self.drafts.get(case_id)
            through = draft is not None and is_let_through(draft.case)
            if not share.is_above:
                self._not_above.add(case_id)
                if through and known.settles and draft is not None:
                    evidence = {**(draft.case.evidence or {}), LAPSED: draft.case.version}
                    draft.put({"evidence": evidence})
                continue
            if through:
                continue
            self._braked.add(rule_id)
            en, zh = share.told(most)
            period = known.book.month_of(rule_id, known.run.period)
            known.findings[case_id] = Finding(
                case_id=case_id_of(rule_id, RULE, rule_id, period), rule_id=rule_id, subject_type=RULE, subject_id=rule_id,
                period=period, account_id=None, customer_id=None, org_unit_id=known.staffing.top_unit, severity="high",
                at_stake_amount=None, evidence=canonical(share.evidence), evidence_hash=share.evidence_hash, kind="exception",
                message_en=en, message_zh=zh,
            )  # fmt: skip
        known.counts["braked_rules"] = len(self._braked)

    # --- cases that are there ----------------------------------------------------------------------------

    def _verdict(self, case: Case) -> str:
        if case.case_id in self.known.findings:
            return FOUND
        if case.subject_type == RULE:
            return NOT_FOUND if case.case_id in self._not_above else NOT_JUDGED
        judgement = self.known.judged.get(case.case_id)
        return judgement.verdict if judgement is not None else NOT_JUDGED

    def _seen(self, case: Case) -> Seen:
        finding = self.known.findings.get(case.case_id)
        if finding is None:
            return Seen(self._verdict(case))
        braked = case.subject_type != RULE and case.rule_id in self._braked
        may_reopen = self.known.settles and not braked and not self._is_exempt(finding)
        return Seen(FOUND, finding.evidence_hash, may_reopen, braked or not self.known.settles)

    def _is_exempt(self, finding: Finding) -> bool:
        exemptions, times = (
            self.known.exemptions,
            decimal.Decimal(str(self.known.settings.cases.exemption_times)),
        )
        if not exemptions:
            return False
        subjects = {
            (finding.subject_type, finding.subject_id),
            lasting_subject(finding.subject_type, finding.subject_id, finding.account_id),
        }
        worth = abs(finding.at_stake_amount or decimal.Decimal(0))
        return any(
            worth <= times * abs(amount or decimal.Decimal(0))
            for subject in subjects
            for amount in exemptions.get((finding.rule_id, *subject), ())
        )

    def _ended_cause(self, draft: Draft) -> Draft | None:
        """The cause of an effect where it has ended and the link falls."""
        cause = self.drafts.get(draft.get("root_cause_case_id"))
        falls = draft.state in MAY_HANG and self.known.settles
        return cause if falls and cause is not None and cause.state in ENDED else None

    def _settle(self, draft: Draft, ended: Draft | None = None) -> None:
        """Do what the table says to one case; ``ended`` is the cause that it hung on until tonight."""
        case, known = draft.case, self.known
        self._note_rule(draft)
        seen = self._seen(case)
        if case.period == known.run.period and seen.verdict != NOT_JUDGED and case.state in IN_WORK:
            draft.put({"judged_run_id": self.run_id})
        does = decide(case, seen, self.day, known.settings.cases)
        if not known.settles and does in (VERIFY, CLOSE):
            does = STAY
        finding = known.findings.get(case.case_id)
        if ended is not None:
            self._unlink(draft, finding, stays=does != VERIFY)
        if does == TOUCH and finding is not None:
            self._touch(draft, finding)
        elif does == REOPEN and finding is not None:
            self._reopen(draft, finding)
        elif does == VERIFY:
            self._verify(draft, ended)
        elif does == CLOSE:
            self._step(draft, "close", "closed")
            draft.put({"closed_at": draft.at, "closed_on": self.day})
        elif finding is not None and case.state in ("verified", "dismissed"):
            draft.put({"last_seen_on": max(case.last_seen_on, self.day)})

    def _note_rule(self, draft: Draft) -> None:
        """Say, once, that a case's rule is not used."""
        is_off = self.known.book.is_off(draft.case.rule_id)
        if not self.known.settles or is_off == draft.case.is_off:
            return
        if not is_off:
            draft.put({"is_off": False})
        elif draft.state in IN_WORK:
            self._step(draft, "off", draft.state)
            draft.put({"is_off": True})

    def _found(self, finding: Finding, case: Case | None) -> dict[str, Any]:
        """Columns that tell of the night that found a case last."""
        known = self.known
        rule_hash = known.book.rule_hash(finding.rule_id, finding.period)
        values: dict[str, Any] = {
            "last_seen_on": self.day if case is None else max(case.last_seen_on, self.day),
            "severity": finding.severity,
            "at_stake_amount": finding.at_stake_amount,
            "evidence_hash": finding.evidence_hash,
            "found_rule_hash": rule_hash,
        }
        same = case is not None and (case.evidence_hash, case.found_rule_hash) == (
            finding.evidence_hash,
            rule_hash,
        )
        if not same or finding.subject_type == RULE or known.book.moves(finding.rule_id):
            # What did not change is not written a second time.
            values |= {
                "evidence": finding.evidence,
                "message_en": finding.message_en,
                "message_zh": finding.message_zh,
            }
        if finding.case_id in known.own_staff:
            values["own_staff_ids"] = known.own_staff[finding.case_id]
        if finding.period == known.run.period:
            values["judged_run_id"] = self.run_id
        return values

    def _touch(self, draft: Draft, finding: Finding) -> None:
        before = draft.case
        changed: dict[str, Any] = {
            name: getattr(finding, name)
            for name in ("severity", "at_stake_amount", "evidence_hash")
            if getattr(finding, name) != getattr(before, name)
        }
        draft.put(self._found(finding, before))
        # One that a person opened from a finding knows no hash; that it has one now is no news.
        if changed and (before.evidence_hash is not None or set(changed) != {"evidence_hash"}):
            self._step(draft, "touch", draft.state, changed)

    def _reopen(self, draft: Draft, finding: Finding) -> None:
        case, cases = draft.case, self.known.settings.cases
        keeps = (
            case.due_on is not None
            and case.rectified_on is not None
            and self.day <= case.rectified_on + dt.timedelta(days=cases.keep_due_days)
        )
        due_on = case.due_on if keeps else due_after(self.known.settings, self.day, finding.severity)
        why = "found again" if case.state != "dismissed" else "found otherwise"
        if case.state == "dismissed" and finding.evidence_hash == case.dismissed_evidence_hash:
            why = "its exemption has run out"
        self._step(draft, "reopen", "reopened", {"why": why, "due_on": due_on})
        draft.put(
            {
                **self._found(finding, case),
                **REOPENED,
                "reopened_at": draft.at,
                "reopened_on": self.day,
                "reopened_by": NIGHT,
                "org_unit_id": finding.org_unit_id,
                "due_on": due_on,
                "extended_due_on": case.extended_due_on if keeps else None,
            }
        )
        self._to_hang.append(draft)

    def _verify(self, draft: Draft, ended: Draft | None) -> None:
        case, known = draft.case, self.known
        if case.subject_type == RULE:
            ends = "vanished"
        else:
            judgement = known.judged.get(case.case_id)
            ends = outcome(
                case,
                subject_gone=judgement is not None and judgement.subject_gone,
                rule_changed=case.found_rule_hash
                not in (None, known.book.rule_hash(case.rule_id, case.period)),
            )
        if ended is not None:
            ends = ended.get("outcome") or ends
        self._step(draft, "verify", "verified", {"outcome": ends})
        draft.put({"outcome": ends, "verified_at": draft.at, "verified_on": self.day})

    def _unlink(self, draft: Draft, finding: Finding | None, *, stays: bool) -> None:
        detail: dict[str, Any] = {"root_cause_case_id": draft.get("root_cause_case_id")}
        values: dict[str, Any] = {"root_cause_case_id": None, "cause_kind": None, "assigned_to": None}
        if stays:
            severity = finding.severity if finding is not None else draft.case.severity
            values["due_on"] = detail["due_on"] = due_after(self.known.settings, self.day, severity)
            values["extended_due_on"] = None
        self._step(draft, "unlink", "open", detail)
        draft.put(values)

    # --- new ones, causes, people --------------------------------------------------------------------------

    def _open(self) -> None:
        for finding in self.known.findings.values():
            if finding.case_id in self.drafts or finding.kind != "exception" or not self._may_open(finding):
                continue
            due_on = due_after(self.known.settings, self.day, finding.severity)
            case = Case(
                case_id=finding.case_id, rule_id=finding.rule_id, subject_type=finding.subject_type, subject_id=finding.subject_id,
                period=finding.period, account_id=finding.account_id, customer_id=finding.customer_id, org_unit_id=finding.org_unit_id,
                first_seen_on=self.day, last_seen_on=self.day, state="open", severity=finding.severity,
                at_stake_amount=finding.at_stake_amount, opened_at=self.known.at, opened_on=self.day, version=0, due_on=due_on,
            )  # fmt: skip
            draft = Draft(case, self.known.at, is_new=True)
            draft.put(self._found(finding, None))
            detail = {
                "rule_id": finding.rule_id,
                "subject_type": finding.subject_type,
                "subject": finding.subject_id,
            }
            if finding.period is not None:
                detail["period"] = finding.period.isoformat()
            self._step(draft, "open", "open", {**detail, "why": "found", "due_on": due_on})
            self.drafts[draft.case_id] = draft
            self._to_hang.append(draft)

    def _may_open(self, finding: Finding) -> bool:
        if finding.subject_type == RULE:
            return True
        least = decimal.Decimal(str(self.known.settings.cases.least_amount.get(finding.rule_id, 0)))
        # A finding without money is not one of little money.
        is_little = finding.at_stake_amount is not None and abs(finding.at_stake_amount) < least
        return not is_little and finding.rule_id not in self._braked and not self._is_exempt(finding)

    def _hang(self) -> None:
        """Hang what was opened or reopened on its cause, earlier months first."""
        hanging = [draft for draft in self._to_hang if draft.case.subject_type != RULE]
        if not hanging:
            return
        in_work = (draft for draft in self.drafts.values() if draft.state in IN_WORK or draft.state in ENDED)
        hanger = Hanger(in_work, self.known.book.effect_of)
        for draft in sorted(hanging, key=lambda hung: (hung.case.period or dt.date.min, hung.case_id)):
            cause = hanger.cause_of(draft)
            if cause is None:
                continue
            root, kind = cause
            self._link(draft, root)
            draft.put({"cause_kind": kind})
            for effect in hanger.hang(draft, root):
                self._link(effect, root)

    def _link(self, draft: Draft, root: str) -> None:
        self._step(draft, "link", "open", {"root_cause_case_id": root})
        draft.put(
            {"root_cause_case_id": root, "assigned_to": None, "assigned_org_unit_id": None, "due_on": None, "extended_due_on": None}
        )  # fmt: skip

    def _assign(self) -> None:
        """Give out all that waits to be given out, as long as there is a unit."""
        known = self.known
        if known.staffing.top_unit is None:
            return
        waiting = _waiting(self.drafts.values(), all_of_them=known.settles)
        if not waiting:
            return
        load = hours_in_work(self.drafts.values(), known.book.hours)
        none = decimal.Decimal(0)
        for draft in in_order(waiting):
            case = draft.case
            unit, members = known.staffing.candidates(
                draft.get("org_unit_id"), known.steps.post_of(case.rule_id), draft.get("own_staff_ids")
            )
            staff = min(members, key=lambda member: (load.get(member, none), member)) if members else None
            if staff is not None:
                load[staff] = load.get(staff, none) + known.book.hours(case.rule_id)
            detail = {"org_unit_id": unit} | ({"staff_id": staff} if staff is not None else {})
            self._step(draft, "assign", "assigned", detail)
            draft.put({"assigned_org_unit_id": unit, "assigned_to": staff})


def _waiting(drafts: Iterable[Draft], *, all_of_them: bool) -> list[Draft]:
    """Cases that somebody has to be found for; of a run for a month of its own those alone that it opened."""
    return [
        draft
        for draft in drafts
        if draft.state in ("open", "reopened")
        and not draft.is_effect
        and draft.case.subject_type != RULE
        and (all_of_them or draft.is_new)
    ]
