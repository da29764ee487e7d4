"""How small an effect a campaign could find, before it is sent."""

from __future__ import annotations

import math

from scipy import special

from wattmark.engine.session import Session
from wattmark.engine.sqlfile import SqlFile
from wattmark.errors import SqlFileError

POWER = 0.8
VERDICT_LEVEL = 0.025
"""What ``campaign.lift`` leaves to a campaign as a whole of the 5% that all its rows have together."""


def lift_parameter(session: Session, name: str) -> float:
    """A parameter of ``campaign.lift``, where what verdicts need is set, as the home has it."""
    table = "campaign.lift"
    definition = session.catalog.tables[table]
    if not isinstance(definition, SqlFile):
        raise SqlFileError("campaign.result", f"{table} is no SQL file.")
    values = definition.values(definition.day_of(session.scalars), session.overrides.get(table))
    return float(values[name])


def found_with(listed: int, control: int, base: float, effect: float, sharpest_at: float) -> float:
    """Chance that a verdict tells an effect once all successes are in, on one list.

    Args:
        listed: contacts.
        control: held back.
        base: share that succeeds without a contact.
        effect: how much more with one.
        sharpest_at: the parameter of ``campaign.lift``.
    """
    with_contact, all_of_them = base + effect, listed + control
    weight = listed * control / all_of_them
    mean = (listed * with_contact + control * base) / all_of_them
    spread = weight * mean * (1 - mean) * all_of_them / max(all_of_them - 1, 1)
    bound = math.sqrt(
        2 * (spread + sharpest_at) * math.log(math.sqrt(1 + spread / sharpest_at) / VERDICT_LEVEL)
    )
    error = weight * math.sqrt(with_contact * (1 - with_contact) / listed + base * (1 - base) / control)
    distance = weight * effect - bound
    return float(distance > 0) if error == 0 else float(special.ndtr(distance / error))


def smallest_lift(listed: int, control: int, base: float, sharpest_at: float) -> float | None:
    """The smallest lift, as a share, that a verdict finds four times in five; None where not even the largest would be.

    Args:
        listed: contacts that the list would make.
        control: customers that it would hold back.
        base: share that succeeds without a contact.
        sharpest_at: the parameter of ``campaign.lift``.
    """
    from scipy.optimize import brentq

    if listed < 1 or control < 1 or found_with(listed, control, base, 1 - base, sharpest_at) < POWER:
        return None
    return float(
        brentq(
            lambda effect: found_with(listed, control, base, effect, sharpest_at) - POWER,
            0.0,
            1 - base,
            xtol=1e-6,
        )
    )
