"""What a utility sets about its audit cases, and which of them others leave alone.

Defaults are those of the rules that the loop rests on.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from wattmark.source_settings import SettingsModel

IN_DISPUTE = ("open", "assigned", "proposed", "confirmed", "rectifying", "reopened")
"""States in which something is still to be decided or mended."""
DISPUTED_SQL = (
    f"(c.state IN ({', '.join(repr(state) for state in IN_DISPUTE)}) AND (c.rule_id <> 'MANUAL' OR EXISTS ("
    "SELECT FROM ops.audit_case_event AS e WHERE e.case_id = c.case_id "
    "AND (e.event_no = 1 AND e.actor <> 'night' OR e.to_state = 'confirmed'))))"
)
"""Of a row ``c`` of ``ops.audit_case``: whether campaigns leave its account alone. One that the lot opened, on an account of
which nobody had found anything, counts once it was confirmed."""


class DueDays(SettingsModel):
    """Working days within which a case is done, by severity."""

    high: int = Field(5, ge=1)
    medium: int = Field(10, ge=1)
    low: int = Field(20, ge=1)

    def of(self, severity: str) -> int:
        """Working days of a severity."""
        return int(getattr(self, severity))


class Cases(SettingsModel):
    """What holds for audit cases."""

    due_days: DueDays = DueDays()
    extend_days: int = Field(10, ge=1, description="Most working days by which a due date is put off, once")
    rectified_days: int = Field(1, ge=0, description="Days after mending before a finding reopens its case")
    close_days: int = Field(30, ge=0, description="Days after which the night files a verified case")
    keep_due_days: int = Field(
        30, ge=0, description="A case reopened by the night so soon after mending keeps its due date"
    )
    again_months: int = Field(24, ge=0, description="Months back that are judged again for their cases")
    brake_share: float = Field(
        0.1, gt=0, le=1, description="Share of what a rule judged above which it opens nothing"
    )
    brake_findings: int = Field(50, ge=1, description="Findings from which on the brake holds")
    least_amount: dict[str, float] = Field(
        default_factory=dict, description="By rule id: |at stake| below which no case opens"
    )
    four_eyes_amount: float = Field(1000, ge=0, description="Money from which on a second person decides")
    exemption_months: int = Field(12, ge=1, description="Furthest that an exemption may reach")
    exemption_times: float = Field(2, ge=1, description="Times |at stake| up to which an exemption holds")
    week_hours: float = Field(8, gt=0, description="Hours a week of each member of staff with a login")
    site_hours: float = Field(2, gt=0, description="Hours of a case that asks for a visit")
    desk_hours: float = Field(0.5, gt=0, description="Hours of any other case")
    random_share: float = Field(0.1, ge=0, le=1, description="Share of the hours that cases drawn by lot get")
    missed_share: float = Field(
        0.01, ge=0, le=1, description="Share of all posts' hours for accounts without a case"
    )
    record_share: float = Field(
        0.01, ge=0, le=1, description="Share of all posts' hours for files that are held against the field"
    )
    prior_cases: float = Field(
        20, gt=0, description="Cases that a family's share weighs against a rule's own"
    )
    least_decided: int = Field(30, ge=1, description="Decided cases from which on a rule is judged")
    personal_roles: tuple[Literal["viewer", "worker", "approver"], ...] = Field(
        ("worker", "approver"), description="Roles that see names, addresses and telephone numbers"
    )
    hole_share: float = Field(
        0.1, gt=0, le=1, description="Share of what a rule should check above which not judging it is a hole"
    )
    tighten_share: float = Field(
        0.2, ge=0, le=1, description="Upper limit of confirmed below which a rule is put in question"
    )
