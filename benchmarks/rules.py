"""All audit rules at two sizes, and the ten slowest against the same rules in pandas.

    python benchmarks/rules.py [--source DIR ...] [--accounts 3000 --accounts 12000] [--folder DIR]

A source is a folder made by `wattmark sample`; without one, samples of the given sizes are made. First the facts that
rules read are built and all rules run, in a process of its own; three rules that wait for a model's scores are left
out. Then the ten slowest run in pandas over the same accepted tables, in a process of their own. What several of the
ten share is worked out once on both sides: the facts they need here, the cached frames there. The facts serve the other
rules, the marts and the segments too, so the ratio is told without them and with all of them. Both must flag the same
subjects, else the benchmark fails. CPU seconds are user and system time of all threads.
"""

from __future__ import annotations

import datetime as dt
import itertools
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench import clocked, make_sample, measured, options, settings_of, working
from pandas_rules import RULES, Data
from rich.console import Console
from rich.table import Table

from wattmark import night
from wattmark.audit.rules import all_rules
from wattmark.audit.runner import create_findings, run_rule
from wattmark.engine.catalog import Catalog
from wattmark.engine.session import DuckDBSession
from wattmark.lake import Lake
from wattmark.quality.accept import accept_all
from wattmark.quality.landing import extract
from wattmark.run import Run
from wattmark.settings import Settings

MODEL_RULES = {"ANA-04", "ANA-05", "RSK-04"}
SLOWEST = 10


def take_up(settings: Settings, run: Run) -> int:
    """Extract and accept the source; returns accepted rows."""
    for name in night.tables(settings):
        extract(settings, run, name)
    return sum(accepted.accepted_rows for accepted in accept_all(settings, run))


def needed(catalog: Catalog, names: Iterable[str]) -> set[str]:
    """Derived tables that others are made from, themselves included."""
    found: set[str] = set()
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in found and name.split(".")[0] in ("core", "facts"):
            found.add(name)
            todo += catalog.tables[name].references
    return found


def run_ours(settings: Settings, run: Run) -> dict[str, Any]:
    """Build the facts and run the rules.

    Returns:
        tables: name to (wall, CPU); rules: id to (wall, CPU, looked at, tables it needs); flagged: id to subjects;
        params: id to parameters of the rules that exist in pandas.
    """
    tables: dict[str, tuple[float, float]] = {}
    rules: dict[str, tuple[float, float, int, list[str]]] = {}
    with DuckDBSession(settings, run) as session:
        catalog = session.catalog
        wanted = [rule for rule in all_rules(catalog).values() if rule.rule_id not in MODEL_RULES]
        facts = needed(catalog, [name for rule in wanted for name in rule.file.references])
        for layer in ("core", "facts"):
            for table in catalog.layer(layer):
                if table.name in facts and not table.is_view:
                    wall, cpu, _ = clocked(lambda name=table.name: session.build(name))
                    tables[table.name] = (wall, cpu)
        findings = create_findings(session)
        for rule in wanted:
            wall, cpu, coverage = clocked(lambda rule=rule: run_rule(session, rule, findings))
            reads = sorted(needed(catalog, rule.file.references) & tables.keys())
            rules[rule.rule_id] = (wall, cpu, coverage.should_check, reads)
        flagged: dict[str, set[str]] = {rule_id: set() for rule_id in rules}
        rows = session.duck.execute(f"SELECT rule_id, subject_id FROM {findings}").fetchall()
        for rule_id, subject_id in rows:
            flagged[rule_id].add(subject_id)
        params = {
            rule.rule_id: {
                name: value["default"] for name, value in (rule.file.header.get("params") or {}).items()
            }
            | session.overrides.get(rule.file.name, {})
            for rule in wanted
            if rule.rule_id in RULES
        }
    return {"tables": tables, "rules": rules, "flagged": flagged, "params": params}


def run_pandas(
    settings: Settings, run: Run, rule_ids: list[str], params: dict[str, dict[str, Any]]
) -> dict[str, tuple[float, float, set[str]]]:
    """Run rules in pandas from the accepted tables: rule id to wall and CPU seconds and what it flags."""
    data = Data(Lake(settings.lake), run, params)
    results = {}
    for rule_id in rule_ids:
        wall, cpu, found = clocked(lambda rule_id=rule_id: set(RULES[rule_id](data)))
        results[rule_id] = (wall, cpu, found)
    return results


def compare(console: Console, settings: Settings, run: Run, ours: dict[str, Any]) -> bool:
    """Print the slowest rules beside pandas; returns whether all flag the same subjects."""
    slowest = sorted(ours["rules"], key=lambda rule_id: -ours["rules"][rule_id][0])[:SLOWEST]
    both = [rule_id for rule_id in slowest if rule_id in RULES]
    pandas_run = measured(run_pandas, settings, run, both, ours["params"])
    theirs = pandas_run.result
    table = Table("rule", "looked at", "flagged", "s", "CPU s", "pandas s", "CPU s", title_justify="left")
    table.title = f"the {SLOWEST} slowest rules, against pandas ({pandas_run.peak_mb:,.0f} MB)"
    same = True
    for rule_id in slowest:
        wall, cpu, looked_at, _ = ours["rules"][rule_id]
        flagged = ours["flagged"][rule_id]
        row = [rule_id, f"{looked_at:,}", f"{len(flagged):,}", f"{wall:.2f}", f"{cpu:.2f}"]
        if rule_id not in theirs:
            table.add_row(*row, "not written")
            continue
        their_wall, their_cpu, found = theirs[rule_id]
        table.add_row(*row, f"{their_wall:.2f}", f"{their_cpu:.2f}")
        if found != flagged:
            same = False
            console.print(
                f"{rule_id}: pandas flags {len(found - flagged)} others, and not {len(flagged - found)} of ours"
            )
    shared = {name for rule_id in both for name in ours["rules"][rule_id][3]}
    facts = [sum(ours["tables"][name][place] for name in shared) for place in (0, 1)]
    table.add_row("their facts", "", "", f"{facts[0]:.2f}", f"{facts[1]:.2f}", "in the rules")
    alone = [sum(ours["rules"][rule_id][place] for rule_id in both) for place in (0, 1)]
    whole = [sum(pair) for pair in zip(alone, facts, strict=True)]
    pandas = [sum(theirs[rule_id][place] for rule_id in both) for place in (0, 1)]
    table.add_row("together", "", "", *(f"{value:.2f}" for value in (*whole, *pandas)), style="bold")
    console.print(table)
    console.print(
        f"pandas takes {pandas[0] / alone[0]:.1f} times the seconds of the rules ({pandas[1] / alone[1]:.1f} CPU), and "
        f"{pandas[0] / whole[0]:.1f} times those of the rules and all facts they read ({pandas[1] / whole[1]:.1f} CPU)"
    )
    return same


def main() -> None:
    parser = options(__doc__)
    parser.add_argument(
        "--source", type=Path, action="append", help="sample folder; may be given more than once"
    )
    parser.add_argument("--accounts", type=int, action="append", help="size of a sample to make")
    parser.add_argument("--as-of", type=dt.date.fromisoformat, default=dt.date(2026, 11, 4))
    given = parser.parse_args()
    run = Run.of(given.as_of, "Asia/Shanghai")
    sizes: list[tuple[str, float, float]] = []
    same = True
    with working(given.folder, width=140) as (work, console):
        sources: list[Path] = list(given.source or [])
        for accounts in given.accounts or ([] if sources else [3000, 12000]):
            sources.append(work / f"source-{accounts}")
            measured(make_sample, accounts, sources[-1])
        for source in sources:
            settings = settings_of(work / f"home-{source.name}", source)
            if not Lake(settings.lake).exists("accepted.payment"):
                measured(take_up, settings, run)
            cost = measured(run_ours, settings, run)
            ours = cost.result
            facts = [sum(column) for column in zip(*ours["tables"].values(), strict=True)]
            rules = [sum(value[place] for value in ours["rules"].values()) for place in (0, 1)]
            looked_at = sum(value[2] for value in ours["rules"].values())
            found = sum(map(len, ours["flagged"].values()))
            console.print(
                f"[bold]{source.name}[/]: {len(ours['rules'])} rules looked at {looked_at:,} subjects, flagged {found:,}; "
                f"facts {facts[0]:.1f} s ({facts[1]:.1f} CPU), rules {rules[0]:.1f} s ({rules[1]:.1f} CPU), peak {cost.peak_mb:,.0f} MB"
            )
            sizes.append((source.name, facts[0] + rules[0], facts[1] + rules[1]))
            same = compare(console, settings, run, ours) and same
        for (small, wall, cpu), (big, more_wall, more_cpu) in itertools.pairwise(sizes):
            console.print(
                f"{big} takes {more_wall / wall:.2f} times the seconds of {small} ({more_cpu / cpu:.2f} CPU)"
            )
    if not same:
        sys.exit(1)


if __name__ == "__main__":
    main()
