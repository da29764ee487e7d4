"""Trying causes: what is left of the findings near them once they are mended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wattmark.audit.replay import Finding
from wattmark.audit.root_cause.billing import bill_anew, shadow_bills
from wattmark.audit.root_cause.judge import evidence_of, is_cleared, judged, says_the_same
from wattmark.audit.root_cause.link import AREAS, Link, Subject, subject_of
from wattmark.audit.root_cause.mend import CAUSES, Change
from wattmark.audit.root_cause.pool import Pool
from wattmark.audit.rules import Rule
from wattmark.engine.session import ACCEPTED, DuckDBSession, Session

_POPULATION = frozenset({"source.account", "facts.bill_net"})
"""What a rule may read to be run over all accounts with one account mended."""


class Trial:
    """Findings of some subjects before and after a mend, over one pool."""

    def __init__(
        self, pool: Pool, rules: Mapping[str, Rule], effects: Sequence[Finding], session: Session
    ) -> None:
        self.pool, self.rules, self._session = pool, rules, session
        self.effects: dict[Subject, Finding] = {}
        self.before: dict[Subject, dict[str, Any]] = {}
        self._population: set[str] = set()
        with pool.bench() as bench:
            found = self._judge(bench.session, effects)
            # Areas and lines are weighed by what was metered, whatever was billed for it.
            self.shadow = (
                {} if all(effect.subject_type in AREAS for effect in effects) else shadow_bills(bench.session)
            )
        for effect in effects:
            key, row = subject_of(effect), found.get(subject_of(effect))
            if row is not None and says_the_same(row, effect):
                self.effects[key], self.before[key] = effect, row
            elif rules[effect.rule_id].file.references <= _POPULATION:
                # Judged against peers: over the few rows it is something else, over all it is not.
                self.effects[key], self.before[key] = effect, dict(effect.evidence)
                self._population.add(effect.rule_id)

    def _judge(self, session: Session, effects: Iterable[Finding]) -> dict[Subject, dict[str, Any]]:
        wanted: dict[str, list[Finding]] = {}
        for effect in effects:
            wanted.setdefault(effect.rule_id, []).append(effect)
        found: dict[Subject, dict[str, Any]] = {}
        for rule_id, findings in sorted(wanted.items()):
            rows = judged(session, self.rules[rule_id], [finding.subject_id for finding in findings])
            for finding in findings:
                if finding.subject_id in rows:
                    found[subject_of(finding)] = rows[finding.subject_id]
        return found

    def _after(self, session: Session, effects: Iterable[Finding]) -> dict[Subject, dict[str, Any]]:
        listed = list(effects)
        found = self._judge(session, [effect for effect in listed if effect.rule_id not in self._population])
        peers = [effect for effect in listed if effect.rule_id in self._population]
        if peers:
            found |= self._over_all(session, peers)
        return found

    def _over_all(self, mended: Session, effects: Sequence[Finding]) -> dict[Subject, dict[str, Any]]:
        whole = self._session
        mended.see(["facts.bill_net", f"{ACCEPTED}.account"])
        whole.see(["facts.bill_net", f"{ACCEPTED}.account"])
        with DuckDBSession(
            self.pool.settings, self.pool.run, self.pool.catalog, stored=False, shared=True
        ) as session:
            for name, where in (
                ("facts.bill_net", f"period = DATE '{self.pool.run.period.isoformat()}'"),
                (f"{ACCEPTED}.account", "TRUE"),
            ):
                some = mended.duck.sql(f"SELECT * FROM {name} WHERE {where}").to_arrow_table()
                whole.duck.register("_rc_some", some)
                rows = whole.duck.sql(
                    f"SELECT * FROM {name} WHERE {where} "
                    "AND account_id NOT IN (SELECT account_id FROM _rc_some) "
                    "UNION ALL BY NAME SELECT * FROM _rc_some"
                ).to_arrow_table()
                whole.duck.unregister("_rc_some")
                session.give(name, rows)
            return self._judge(session, effects)

    def links(self, causes: Sequence[tuple[Finding, Sequence[Finding]]]) -> tuple[list[Link], int]:
        """Try several causes at once, of different accounts; returns links and how many name no change."""
        links: list[Link] = []
        with self.pool.bench() as bench:
            changes = {subject_of(cause): CAUSES[cause.rule_id].mend(bench, cause) for cause, _ in causes}
            mended = [
                (cause, [effect for effect in near if subject_of(effect) in self.effects])
                for cause, near in causes
                if changes[subject_of(cause)]
            ]
            unmended = len(causes) - len(mended)
            if not any(near for _, near in mended):
                return links, unmended
            # What was built from rows before they were mended would hide the mend.
            with self.pool.bench(bench) as fresh:
                after = self._after(fresh.session, [effect for _, near in mended for effect in near])
                shadow = shadow_bills(fresh.session) if self.shadow else {}
            links += self._cleared(mended, changes, after, billed_anew=False)
            left = {subject_of(link.effect) for link in links}
            open_ = [
                (cause, [effect for effect in near if subject_of(effect) not in left])
                for cause, near in mended
            ]
            anew = bill_anew(bench, self.shadow, shadow)
            if anew and any(near for _, near in open_):
                with self.pool.bench(bench) as fresh:
                    after = self._after(fresh.session, [effect for _, near in open_ for effect in near])
                links += self._cleared(open_, changes, after, billed_anew=True)
        return links, unmended

    def _cleared(
        self,
        causes: Iterable[tuple[Finding, Sequence[Finding]]],
        changes: Mapping[Subject, list[Change]],
        after: Mapping[Subject, dict[str, Any]],
        *,
        billed_anew: bool,
    ) -> list[Link]:
        return [
            Link(
                effect=effect,
                cause=cause,
                billed_anew=billed_anew,
                changes=tuple(changes[subject_of(cause)]),
                before=dict(effect.evidence),
                after=evidence_of(after[subject_of(effect)]),
            )
            for cause, near in causes
            for effect in near
            if is_cleared(after.get(subject_of(effect)))
        ]
