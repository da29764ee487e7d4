"""Everything that a utility set up, looked at before any data is touched: each mistake once, all of them in one go.

``look`` never waits longer than ``LIMIT_SECONDS`` for what lies elsewhere; whatever has not answered by then is a mistake
of its own. It reads the names of tables and columns, and no rows.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from wattmark.atomic import write_atomically
from wattmark.audit.in_force import refuse_unknown
from wattmark.audit.rules import all_rules
from wattmark.audit.scope import refuse_unknown_families
from wattmark.checkup_sources import (
    CONNECT_SECONDS,
    LIMIT_SECONDS,
    Connections,
    Elsewhere,
    Found,
    ask_servers,
    ask_sources,
    asked_of_airflow,
    mapping_mistakes,
    missing,
)
from wattmark.contract import load_contract
from wattmark.engine.catalog import Catalog, catalog_of
from wattmark.errors import (
    SettingsError,
    WattmarkError,
    together,
)
from wattmark.home import Home, warehouse_url
from wattmark.settings import Settings, place


def look(
    settings: Settings,
    *,
    campaigns: bool = True,
    files: bool = True,
    already: Iterable[WattmarkError] = (),
    connections: Connections = asked_of_airflow,
) -> Found:
    """Look at settings, parameters, SQL files, expectations, targets, campaigns, sources, servers, keys and people.

    Args:
        settings: the home's settings, which are right in themselves.
        already: what was wrong in them, and is left out of them.
        campaigns: whether campaign files, and where their lists go, are looked at; a night publishes without them.
        files: whether parameters, expectations and SQL files are looked at. Where the project's alone can be wrong, the
            night's own look is soon enough: the first one of a home parses all files.
        connections: how Airflow's connections are looked up.
    """
    found = Found(errors=list(already))
    contract = found.attempt(lambda: load_contract(settings.include / "contract" / "source-model.yaml"))
    elsewhere = Elsewhere(time.monotonic() + LIMIT_SECONDS)
    # What lies elsewhere is asked first, so that it answers while files are read.
    if contract is not None:
        found.errors += mapping_mistakes(settings, contract)
        ask_sources(settings, contract, found, elsewhere, connections)
    ask_servers(settings, elsewhere)
    catalog = found.attempt(lambda: catalog_of(settings)) if files else None
    if catalog is not None:
        _look_at_files(settings, catalog, found)
    if campaigns:
        _look_at_key(settings, elsewhere)
        found.counts["campaigns"] = _look_at_campaigns(settings, found)
        _look_at_delivery(settings, found)
    elsewhere.wait(found)
    if contract is not None and elsewhere.tables is not None:
        found.errors += missing(settings, contract, elsewhere.tables)
        left_out = [
            name for name, table in contract.tables.items() if table.optional and name not in elsewhere.tables
        ]
        if left_out:
            found.notes.append(f"no source has {', '.join(left_out)}, which may be left out")
    return found


def check(settings: Settings, *, campaigns: bool = True) -> Found:
    """As ``look``.

    Raises:
        WattmarkError: something is wrong; ``errors`` of it has each thing once.
    """
    found = look(settings, campaigns=campaigns)
    if found.errors:
        raise together(found.errors)
    return found


def _look_at_files(settings: Settings, catalog: Catalog, found: Found) -> None:
    """Parameters, expectations, targets, and every SQL file, bound on empty tables so that a column that does not exist is found."""
    from wattmark.derive.target_file import read_targets
    from wattmark.quality.checks import suites

    overridden = found.attempt(lambda: catalog.overrides(settings))
    found.attempt(lambda: suites(catalog.contract, settings.project / "expectations"))
    rules = found.attempt(lambda: all_rules(catalog)) or {}
    if rules:
        found.attempt(lambda: refuse_unknown(rules, settings))
        found.attempt(lambda: refuse_unknown_families(rules.values(), settings))
    targets = found.attempt(lambda: read_targets(settings.home, catalog))
    if overridden is not None:
        found.attempt(lambda: _bind_once(settings, catalog))
    found.counts |= {
        "tables": len(catalog.tables) - len(rules),
        "rules": len(rules),
        "overridden_parameters": sum(map(len, settings.parameters.values())),
        "targets": len(targets or ()),
    }


def _bind_once(settings: Settings, catalog: Catalog) -> None:
    """Bind all files unless the very same ones were bound before."""
    from wattmark.engine.catalog import catalog_digest
    from wattmark.engine.check import bind_all

    marker = Home(settings.home).catalog / "bound"
    digest = catalog_digest(settings.include)
    if marker.exists() and marker.read_text(encoding="utf-8") == digest:
        return
    bind_all(settings, catalog)
    write_atomically(marker, digest)


def _look_at_campaigns(settings: Settings, found: Found) -> int:
    from wattmark.campaign.check import check as check_file
    from wattmark.campaign.definition import read_campaigns

    files, wrong = read_campaigns(settings)
    found.errors += wrong
    people = settings.campaigns.approvers
    for file in files:
        found.attempt(partial(check_file, file, settings))
        if settings.home in file.path.parents and not any(
            people.get(who) for who in (*file.campaign.approval.by, "*")
        ):
            # A role that nobody stands for may still be a user's own name: that is for Airflow to know.
            found.notes.append(
                f"{file.path}: campaigns.approvers names nobody for {', '.join(file.campaign.approval.by)}; "
                "only a user of that very name can approve its lists"
            )
    return len(files)


def _look_at_key(settings: Settings, elsewhere: Elsewhere) -> None:
    """The campaign key, against the fingerprint that a warehouse that is up knows."""
    import sqlalchemy as sa

    from wattmark.campaign.definition import CampaignError
    from wattmark.campaign.keys import check_key

    def work(errors: list[WattmarkError]) -> None:
        try:
            engine = sa.create_engine(
                warehouse_url(settings), connect_args={"connect_timeout": CONNECT_SECONDS}
            )
            with engine.connect() as connection:
                # Before the first night, or the first since the table came, nobody knows of a key.
                if connection.execute(sa.text("SELECT to_regclass('ops.campaign_key')")).scalar():
                    check_key(settings.home, connection)
        except CampaignError as error:
            errors.append(error)
        except (WattmarkError, sa.exc.SQLAlchemyError):
            # What is wrong with the warehouse is told where servers are asked; an embedded one may be down.
            return

    elsewhere.ask("the campaign key", "ops.campaign_key", work)


def _look_at_delivery(settings: Settings, found: Found) -> None:
    """The keys that lists are encrypted to, where they go, and who may let them go."""
    from wattmark.campaign.keys import own_identities, recipient
    from wattmark.campaign.targets import check_target

    def at_keys(keys: Sequence[str | int], work: Callable[[], Any]) -> None:
        try:
            work()
        except WattmarkError as error:
            where = place(settings.home, settings.project, ["campaigns", *keys])
            found.errors.append(SettingsError(error.code, f"{where}: {error.message}", error.remedy))

    def at(key: str, work: Callable[[], Any]) -> None:
        try:
            work()
        except WattmarkError as error:
            where = place(settings.home, settings.project, ["campaigns", key])
            found.errors.append(
                SettingsError(error.code, f"{where}: campaigns.{key}: {error.message}", error.remedy)
            )

    at_keys(
        ("list_key_file" if settings.campaigns.list_key_file else "list_identity_file",),
        lambda: own_identities(settings),
    )
    for channel, keys in settings.campaigns.list_recipients.items():
        for number, key in enumerate(keys):
            at_keys(("list_recipients", channel, number), partial(recipient, channel, key))
    at("delivery", lambda: check_target(settings.campaigns.delivery or "", settings.campaigns.sftp))
    at("delivery", lambda: _check_folder(settings.campaigns.delivery))
    for role, people in settings.campaigns.approvers.items():
        if not people or not all(who.strip() for who in people) or not role.strip():
            where = place(settings.home, settings.project, ["campaigns", "approvers", role])
            found.errors.append(
                SettingsError(
                    "settings.approvers",
                    f"{where}: campaigns.approvers.{role}: it names nobody.",
                    "Name user names of Airflow, or leave the role out.",
                )
            )


def _check_folder(delivery: str | None) -> None:
    if not delivery or "://" in delivery:
        return
    folder = Path(delivery).expanduser()
    nearest = next((parent for parent in (folder, *folder.parents) if parent.exists()), folder)
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        raise SettingsError(
            "delivery.folder",
            f"lists cannot be written to {folder}: {nearest} is {'not writable' if nearest.is_dir() else 'not a folder'}.",
            "Name a folder that the pipeline may write to.",
        )
