"""A sample utility twice, with faults and without, so that faults may arise and be mended account by account."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from wattmark_sample.faults.registry import Truth
from wattmark_sample.generate import generate
from wattmark_sample.plan import SamplePlan
from wattmark_sample.sinks import INTERVALS, FolderSink

_BY = ("account_id", "metering_point_id", "bill_id", "order_id", "customer_id")
"""Columns by which a row belongs to an account, the first that a table has."""


class _MemorySink:
    """A sink that keeps the tables, and writes the intervals to a folder."""

    def __init__(self, intervals: FolderSink | None) -> None:
        self.parts: dict[str, list[pa.Table]] = defaultdict(list)
        self._intervals = intervals

    def write(self, table: str, rows: pa.Table) -> None:
        self.parts[table].append(rows)

    def write_intervals(self, day: dt.date, rows: pa.Table) -> None:
        if self._intervals is not None:
            self._intervals.write_intervals(day, rows)

    def __enter__(self) -> Self:
        if self._intervals is not None:
            self._intervals.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._intervals is not None:
            self._intervals.__exit__(kind, error, trace)


@dataclass(frozen=True)
class _Twin:
    """Tables of one sample, and the account of each row; None where it belongs to no account."""

    tables: Mapping[str, pa.Table]
    accounts: Mapping[str, list[str | None]]

    @classmethod
    def of(cls, tables: Mapping[str, pa.Table]) -> _Twin:
        def pairs(table: str, key: str, value: str) -> dict[str, str | None]:
            rows = tables[table]
            return dict(zip(rows[key].to_pylist(), rows[value].to_pylist(), strict=True))

        known: dict[str, dict[str, str | None]] = {
            "metering_point_id": pairs("metering_point", "metering_point_id", "account_id"),
            "bill_id": pairs("bill", "bill_id", "account_id"),
            "order_id": pairs("service_order", "order_id", "account_id"),
            # Of several accounts the first: what is said of the customer changes with it.
            "customer_id": dict(reversed(list(pairs_of_customers(tables["account"])))),
        }
        accounts: dict[str, list[str | None]] = {}
        for name, rows in tables.items():
            column = next((by for by in _BY if by in rows.schema.names), None)
            if column is None:
                accounts[name] = [None] * rows.num_rows
            elif column == "account_id":
                accounts[name] = rows[column].to_pylist()
            else:
                accounts[name] = [known[column].get(key) for key in rows[column].to_pylist()]
        return cls(tables, accounts)

    def of_accounts(self, name: str, chosen: Collection[str], *, others: bool) -> pa.Table:
        """Rows of a table that belong to accounts, or (``others``) to none of them."""
        mask = [(account in chosen) is not others for account in self.accounts[name]]
        return self.tables[name].filter(pa.array(mask, pa.bool_()))


def pairs_of_customers(account: pa.Table) -> list[tuple[str, str | None]]:
    """Customer and account of each account."""
    return list(zip(account["customer_id"].to_pylist(), account["account_id"].to_pylist(), strict=True))


class Twins:
    """The two samples, and what of them stands in a folder at a time.

    What belongs to no account (lines, transformers, staff, prices) is that of the sample with faults.
    """

    def __init__(self, plan: SamplePlan, folder: Path) -> None:
        """Make both samples in memory, some 20 MB a hundred accounts; intervals with their faults go to the folder at once.

        Args:
            plan: with faults.
            folder: what it holds of the contract's tables is replaced.
        """
        self.folder = folder
        faulty = _MemorySink(FolderSink(folder))
        self.truth: list[Truth] = generate(plan, faulty).truth
        clean = _MemorySink(None)
        generate(replace(plan, faults=False), clean)
        self._faulty, self._clean = (
            _Twin.of({name: pa.concat_tables(parts) for name, parts in sink.parts.items()})
            for sink in (faulty, clean)
        )

    @property
    def faulty_accounts(self) -> list[str]:
        """Accounts that carry a fault, in the order of their ids."""
        return sorted({fault.account_id for fault in self.truth if fault.account_id is not None})

    def units_above(self) -> dict[str, tuple[str, ...]]:
        """Of each unit itself and the units above it, the nearest first."""
        units = self._faulty.tables["org_unit"]
        parents = dict(zip(units["org_unit_id"].to_pylist(), units["parent_id"].to_pylist(), strict=True))
        found: dict[str, tuple[str, ...]] = {}
        for unit in parents:
            chain = [unit]
            while (above := parents.get(chain[-1])) is not None:
                chain.append(above)
            found[unit] = tuple(chain)
        return found

    def write(self, broken: Collection[str]) -> None:
        """Write all tables but the intervals as they are while some accounts carry their faults and the others do not.

        Args:
            broken: accounts that carry their fault at this time.
        """
        whole = set(self.faulty_accounts) - set(broken)
        for name in self._faulty.tables:
            if name == INTERVALS:
                continue
            rows = pa.concat_tables(
                [
                    self._faulty.of_accounts(name, whole, others=True),
                    self._clean.of_accounts(name, whole, others=False),
                ]
            )
            file = self.folder / f"{name}.parquet"
            part = file.with_suffix(".parquet.part")
            pq.write_table(rows, part, compression="zstd", compression_level=1, store_schema=False)
            part.rename(file)
