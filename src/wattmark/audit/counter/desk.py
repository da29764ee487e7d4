"""The counter itself: takes an application, has it checked, and hands back what is wrong with it."""

from __future__ import annotations

import datetime as dt
import queue
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wattmark.audit.counter.messages import Violation, violation_of
from wattmark.audit.counter.plan import CHANGEABLE, Plan, plan_of
from wattmark.audit.counter.request import Requests
from wattmark.audit.counter.store import LookUpStore
from wattmark.audit.counter.worker import HANDS, Worker
from wattmark.audit.slice import ACCOUNT
from wattmark.code_names import Language
from wattmark.settings import Settings


@dataclass(frozen=True)
class Looked:
    """What the rules say of one application.

    ``in_hand``: an order is new or increase, and neither closed, withdrawn nor rejected (``core.open_application``).
    ``violations``: the same ones, in the same order, in each language.
    """

    in_hand: bool
    violations: dict[Language, list[Violation]]


class Counter:
    """Checks applications; may be called from several threads.

    Args:
        settings: the utility's settings; their parameters hold here too.
        workers: how many applications are checked at the same time.
    """

    def __init__(self, settings: Settings, workers: int = 2) -> None:
        self.settings = settings
        self.plan: Plan = plan_of(settings)
        self.rules = self.plan.rules
        self.requests = Requests(self.plan)
        self.store = LookUpStore(self.plan)
        self._workers: queue.LifoQueue[Worker | None] = queue.LifoQueue()
        for _ in range(workers):
            self._workers.put(None)
        self._threads = ThreadPoolExecutor(workers * HANDS, "counter-rules")

    def prepare(self) -> None:
        """Make the look-up file and start a worker, so that the first answer is as fast as any."""
        with self.worker(self._today()):
            pass

    def renew(self) -> Path:
        """Make the look-up file for the lake as it is now, unless it is there; returns its path."""
        return self.store.make(patience_minutes=1)

    def close(self) -> None:
        """Give back memory; the counter must not be used afterwards."""
        while not self._workers.empty():
            worker = self._workers.get()
            if worker is not None:
                worker.close()
        self._threads.shutdown()
        self.store.close()

    def _today(self) -> dt.date:
        return dt.datetime.now(self.settings.zone).date()

    @contextmanager
    def worker(self, as_of: dt.date) -> Iterator[Worker]:
        """A worker for a day, waited for while all are at work, and not used by others meanwhile."""
        worker = self._workers.get()
        try:
            store = self.store.current()
            if worker is None or worker.as_of != as_of or worker.store is not store:
                if worker is not None:
                    worker.close()
                    worker = None
                worker = Worker(self.plan, store, as_of, self._threads)
            yield worker
        finally:
            self._workers.put(worker)

    def check(
        self, application: Mapping[str, Any], language: Language = "en", as_of: dt.date | None = None
    ) -> list[Violation]:
        """Run all online rules over one application.

        Args:
            application: rows by contract table name, each a mapping or a list of mappings; ``service_order``
                must be there. ``account_id`` may be left out of the rows of other tables. ``changes`` holds what is
                to change of the account: some of ``CHANGEABLE``.
            language: language of titles and messages.
            as_of: the local day it is checked on; today where None.

        Returns:
            what is wrong, by rule and subject.

        Raises:
            ApplicationError: tables or columns that do not exist, wrong types or values, rows of other
                accounts, an account nobody knows.
        """
        return self.look(application, as_of, (language,)).violations[language]

    def account(self, account_id: str) -> dict[str, Any] | None:
        """What stands of an account that an application may change, and its capacity; None where nobody knows it."""
        shown = (*CHANGEABLE, "contracted_kva")
        found = self.store.current().rows(ACCOUNT, {"account_id": [account_id]}).select(shown).to_pylist()
        return found[0] if found else None

    def look(
        self,
        application: Mapping[str, Any],
        as_of: dt.date | None = None,
        languages: Iterable[Language] = ("en", "zh"),
        *,
        only_in_hand: bool = False,
        is_cut: bool = False,
    ) -> Looked:
        """As ``check``, in several languages at once, and whether the order is in hand at all.

        With ``only_in_hand`` the rules are not asked about an order that is not. With ``is_cut`` the rows were cut
        out of the source by ``plan.slice`` and not typed in by somebody: those that the account shares with others
        are among them.
        """
        day = as_of or self._today()
        read = self.requests.read(application, day, is_cut=is_cut)
        with self.worker(day) as worker:
            in_hand, found = worker.check(read, only_in_hand=only_in_hand)
        return Looked(
            in_hand,
            {
                language: [violation_of(rule, row, language, self.plan.words) for rule, row in found]
                for language in languages
            },
        )
