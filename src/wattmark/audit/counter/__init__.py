"""The audit at the counter: one application checked at once, by the SQL files that the night runs.

An application is a set of source rows: the order, and whatever rows it brings (account, customer, supply
points, fees, metering points, meters, instrument transformers, dedicated transformers), and what is to change
of its account. Tables that it does not bring are filled from the lake with the rows of its account. The rules then run over these few
rows as they run over all rows at night.

Who changes what: ``request`` says what an application must look like, ``store`` keeps the lake's rows where they
are found fast, ``worker`` runs the rules over one application, ``messages`` puts what they found into words, and
``desk`` holds them together. ``plan`` is what they all know: which rules there are and which tables these read.
"""

from wattmark.audit.counter.desk import Counter, Looked
from wattmark.audit.counter.messages import Violation
from wattmark.audit.counter.plan import CHANGEABLE, CHANGES, ORDER
from wattmark.audit.counter.request import ApplicationError
from wattmark.code_names import Language

__all__ = ["CHANGEABLE", "CHANGES", "ORDER", "ApplicationError", "Counter", "Language", "Looked", "Violation"]
