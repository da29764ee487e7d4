"""What transformers of a size lose, and the codes that the utility keeps these losses under."""

from __future__ import annotations

import numpy as np

from wattmark_sample.people import Text, join, number_text, take
from wattmark_sample.plan import Floats, Ints

TRANSFORMER_MODELS = ("S11-M", "S13-M")


def iron_kwh_per_day(kva: Floats, model: Ints) -> Floats:
    """Iron loss of a transformer, invented on the order of Chinese standard series."""
    return np.round(
        24 * 0.2 * (np.asarray(kva) / 100) ** 0.76 * np.where(np.asarray(model) == 0, 1.0, 0.75), 2
    )


def copper_rate(kva: Floats) -> Floats:
    """kWh lost in the windings for each kWh metered."""
    return np.round(0.02 - 0.003 * np.log10(np.maximum(np.asarray(kva), 50) / 50), 4)


def loss_codes(kva: Floats, model: Ints) -> Text:
    """Identifier of the loss code of a model and size."""
    return join(take(TRANSFORMER_MODELS, model), "-", number_text(np.asarray(kva).astype(np.int64)))
