"""What came of a table's night: counts that add up, the layers and schemas they stand in, and whether the night stops."""

from __future__ import annotations

from dataclasses import dataclass

from wattmark.contract.types import schema_of
from wattmark.engine.produced import PRODUCED
from wattmark.quality.holding import FOLLOWS
from wattmark.quality.reading import FILLER

QUARANTINE_SCHEMA = schema_of(
    {
        "key": "string", "row": "string", "reason": "string", "file": "string", "run_id": "string", "first_seen": "date",
    }
)  # fmt: skip
RECONCILIATION = "quality.reconciliation"
CONFLICTING_ROW = "quality.conflicting_row"
RECONCILIATION_SCHEMA = schema_of(PRODUCED[RECONCILIATION])
CONFLICTING_SCHEMA = schema_of(PRODUCED[CONFLICTING_ROW])


@dataclass(frozen=True)
class Reconciled:
    """What is known of one table after a night; ``read_rows`` is the sum of the accepted, quarantined and superseded.

    All rows count that the source handed over and did not take back, tonight or before. ``conflicting_rows`` of the
    superseded differed from what holds, at the same moment. ``warned_rows`` counts accepted rows with a warning;
    ``reasons`` rows set aside by reason. A row that refers to a refused one is set aside as well
    (``follows:<column>``) and not counted as a fault of its own. ``fresh_rows`` and ``fresh_faulty_rows`` are of tonight's reading.
    ``deleted_rows`` went from the source, None where the night compared no keys; see ``quality.deleted``.
    """

    source_table: str
    read_rows: int
    accepted_rows: int
    quarantined_rows: int
    superseded_rows: int
    conflicting_rows: int
    warned_rows: int
    fresh_rows: int
    fresh_faulty_rows: int
    reasons: dict[str, int]
    deleted_rows: int | None = None

    @property
    def faulty_rows(self) -> int:
        """Rows set aside for a fault of their own."""
        return sum(
            count for reason, count in self.reasons.items() if not reason.startswith((FOLLOWS, FILLER))
        )


@dataclass
class Fresh:
    """Counts of tonight's rows, summed over the units."""

    rows: int = 0
    refused: int = 0
    keys: int = 0
    repeated_keys: int = 0
    lost_by_repeats: int = 0
