"""The file of steps says what the database lets through."""

from __future__ import annotations

from sqlalchemy import Engine, text

from wattmark.cases.model import NIGHT, load_steps
from wattmark.settings import PROJECT_ROOT


def test_the_file_of_steps_says_what_the_database_lets_through(ops: Engine) -> None:
    steps = load_steps(PROJECT_ROOT / "include")
    told = {(name, before, after) for name, step in steps.steps.items() for before, after in step.moves}
    with ops.connect() as connection:
        rows = connection.execute(
            text("SELECT step, from_state, to_state, taken_by FROM ops.audit_case_transition")
        ).all()
    assert {(step, before, after) for step, before, after, _ in rows} == told
    for step, _, _, taken_by in rows:
        by = steps.steps[step].by
        assert (NIGHT in by) == (taken_by in ("night", "both")) or taken_by == "night"
        assert (set(by) != {NIGHT}) == (taken_by in ("people", "both")) or (step, taken_by) == (
            "reopen",
            "night",
        )
    assert {state for _, *both, _ in rows for state in both} == {"", *steps.states}
