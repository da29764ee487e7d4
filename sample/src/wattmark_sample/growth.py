"""Capacity that open increases ask for: so much that everything about the account fits it already."""

from __future__ import annotations

import numpy as np

from wattmark_sample.model import MAIN, Model, power_factor_standard
from wattmark_sample.plan import Floats, Ints

SHARE = 0.2
"""Of its capacity, what an account asks for in addition."""
_LARGEST_KVA = ((0.3, 16.0), (1.0, 160.0), (20.0, 15_000.0), (60.0, 40_000.0))
"""Largest capacity below a supply voltage in kV."""


def added_kva(model: Model, who: Ints) -> Floats:
    """What each account asks for in addition, in kVA; NaN where it does not say yet.

    It says so where neither voltage, power-factor standard nor load control change by it, the meter or its current
    transformers bear it, and no transformer of its own would have to be bought first.
    """
    kva, kv = model.kva[who], model.supply_kv[who]
    added = np.round(kva * SHARE, 0)
    after = kva + added
    largest = np.full(len(who), np.inf)
    for below, most in reversed(_LARGEST_KVA):
        largest[kv < below] = most
    owned = np.isin(who, model.transformers.account[model.transformers.dedicated])
    same_standard = power_factor_standard(model.category[who], after, kv) == model.standard[who]
    controlled = model.load_control[who] | (after < 100)
    fits = (added > 0) & (after <= largest) & ~owned & same_standard & controlled & _borne(model, who, after)
    return np.where(fits, added, np.nan)


def _borne(model: Model, who: Ints, kva: Floats) -> Floats:
    """Whether every main point of the account measures the current of a capacity."""
    points = model.points
    after = np.full(model.size, np.nan)
    after[who] = kva
    at = np.flatnonzero((points.role == MAIN) & np.isin(points.account, who))
    account = points.account[at]
    one_phase = model.supply_kv[account] < 0.3
    amps = np.where(
        one_phase, after[account] / 0.22, after[account] / (np.sqrt(3) * model.metering_kv[account])
    )
    ct = points.ct_primary[at]
    bears = np.where(ct > 0, (amps <= ct) & (ct <= 3 * amps), amps <= points.max_current_a[at])
    result = np.ones(model.size, dtype=bool)
    result[account[~bears]] = False
    return result[who]
