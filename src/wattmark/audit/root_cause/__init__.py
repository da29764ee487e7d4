"""Findings that follow from another one hang on it.

For each cause the few source rows that it names are mended in memory, and the rules behind the findings on
the same account, or on the areas and lines that its points belong to, are run again over these few rows. A
finding that is gone then follows from the cause. It is tried twice: with the readings and files mended, and
with the month billed anew as well. No pair of rules is taken for granted.

A rule whose finding does not come out the same over the few rows as it did over all (it compares with
peers) is run over all accounts with the mended account put in place, where it reads nothing but bills; else
its findings stay unexplained.

``mend`` says how a cause is mended, ``pool`` holds the rows, ``billing`` bills them anew, ``judge`` asks the rules,
``trial`` puts these together, ``areas`` does so for transformers and lines, ``step`` for a night; ``link`` is what
comes out.
"""

from wattmark.audit.root_cause.link import Link, Outcome, subject_of
from wattmark.audit.root_cause.mend import CAUSES, Bench
from wattmark.audit.root_cause.step import ROOT_CAUSE, explain, night_root_causes, rows_of

__all__ = [
    "CAUSES",
    "ROOT_CAUSE",
    "Bench",
    "Link",
    "Outcome",
    "explain",
    "night_root_causes",
    "rows_of",
    "subject_of",
]
