"""Applications as they are sent: rows checked against the source contract, and what is wrong with them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, create_model

from wattmark.audit.counter.plan import CHANGEABLE, CHANGES, ORDER, Plan
from wattmark.audit.slice import ACCOUNT
from wattmark.contract.model import Column, Table
from wattmark.errors import WattmarkError

MAX_ROWS = 500
"""Rows one table of an application may have; a customer with more is not served at a counter."""
MAX_TEXT = 500
"""Characters one value may have."""
_DEFAULTED = ("updated_at", "submitted_at")
"""Columns that a counter does not type in: the first instant of ``as_of`` stands where they are left out."""

MAX_KV = 1500.0
"""Highest voltage that an application may ask for."""

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Application:
    """What somebody applies for.

    Attributes:
        rows: by contract table, in the contract's types.
        changes: columns of the order's account, with the values that they are to have.
    """

    rows: dict[str, Rows]
    changes: dict[str, Any]


class ApplicationError(WattmarkError):
    """The application does not fit the source contract.

    ``problems`` lists ``{"where": "account[0].supply_kv", "what": "…"}``; no value is repeated in it.
    """

    def __init__(self, problems: list[dict[str, str]]) -> None:
        self.problems = problems
        listed = "; ".join(f"{problem['where']}: {problem['what']}" for problem in problems[:3])
        super().__init__(
            "counter.application",
            f"the application has {len(problems)} problem{'s' if len(problems) != 1 else ''}: {listed}.",
            "Correct the fields named; the source contract says what each table holds.",
        )


class Requests:
    """Reads applications; the models of their rows are made once."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._models = {name: _row_model(plan.catalog.contract.tables[name]) for name in plan.tables}
        self.changes = _change_model(plan.catalog.contract.tables[ACCOUNT])

    def read(self, application: Mapping[str, Any], day: dt.date, *, is_cut: bool = False) -> Application:
        """An application in the contract's types.

        Args:
            application: rows by contract table name, each a mapping or a list of mappings; and ``changes``, a mapping
                of some of ``CHANGEABLE``, where it wants to change them.
            day: the local day it is checked on.
            is_cut: the rows were cut out of the source for the account of the order, so that a row of another
                account is there for a reason.

        Raises:
            ApplicationError: names every field that is wrong.
        """
        reading = _Reading(self, day, is_cut=is_cut)
        changes = reading.changes_of(application.get(CHANGES, {}))
        given = reading.tables_of({name: rows for name, rows in application.items() if name != CHANGES})
        account_id = _account_of(given)
        result = {name: reading.rows_of(name, rows, account_id) for name, rows in given.items()}
        if len(result.get(ACCOUNT, [])) > 1:
            reading.refuse(ACCOUNT, "more than one account")
        if reading.problems:
            raise ApplicationError(reading.problems)
        return Application(result, changes)

    def model(self, name: str) -> type[BaseModel]:
        """What a row of a table must be, or what may stand in ``changes``."""
        return self.changes if name == CHANGES else self._models[name]


class _Reading:
    """One application being read, and what is wrong with it so far."""

    def __init__(self, requests: Requests, day: dt.date, *, is_cut: bool) -> None:
        self.requests, self.plan, self.is_cut = requests, requests.plan, is_cut
        self.zone = self.plan.settings.zone
        self.start = dt.datetime.combine(day, dt.time(), self.zone)
        self.problems: list[dict[str, str]] = []

    def refuse(self, where: str, what: str) -> None:
        self.problems.append({"where": where, "what": what})

    def changes_of(self, given: Any) -> dict[str, Any]:
        """What is to change of the account."""
        if not isinstance(given, dict):
            self.refuse(CHANGES, "is not an object")
            return {}
        try:
            return self.requests.changes.model_validate(given).model_dump(exclude_unset=True)
        except ValidationError as error:
            self._refuse_each(CHANGES, error)
            return {}

    def _refuse_each(self, where: str, error: ValidationError) -> None:
        for problem in error.errors(include_url=False, include_context=False, include_input=False):
            self.refuse(f"{where}.{'.'.join(map(str, problem['loc']))[:60]}", problem["msg"])

    def tables_of(self, application: Mapping[str, Any]) -> dict[str, list[Any]]:
        """Rows by table, not looked into yet."""
        given: dict[str, list[Any]] = {}
        known = set(self.plan.tables)
        for name, rows in application.items():
            if name not in known:
                self.refuse(str(name)[:60], f"no such table here; there are {', '.join(sorted(known))}")
                continue
            given[name] = rows if isinstance(rows, list) else [rows]
            if len(given[name]) > MAX_ROWS:
                raise ApplicationError([{"where": name, "what": f"more than {MAX_ROWS} rows"}])
        if not given.get(ORDER):
            raise ApplicationError([*self.problems, {"where": ORDER, "what": "the order is missing"}])
        return given

    def rows_of(self, name: str, rows: list[Any], account_id: Any) -> Rows:
        """The good rows of a table."""
        table = self.plan.catalog.contract.tables[name]
        owner = self.plan.slice.account_columns(name)
        filler: dict[str, Any] = {
            column.name: self.start for column in table.columns if column.name in _DEFAULTED
        }
        filler |= dict.fromkeys(owner[:1], account_id)
        found: Rows = []
        keys = set()
        for at, row in enumerate(rows):
            if not isinstance(row, dict):
                self.refuse(f"{name}[{at}]", "is not an object")
                continue
            try:
                good = self.requests.model(name).model_validate({**filler, **row}).model_dump()
            except ValidationError as error:
                self._refuse_each(f"{name}[{at}]", error)
                continue
            if (
                name == ORDER
                and not self.is_cut
                and (asked := good["requested_kva"]) is not None
                and asked <= 0
            ):
                self.refuse(f"{name}[{at}].requested_kva", "must be above 0")
            if not self.is_cut and owner and all(good[column] != account_id for column in owner):
                self.refuse(f"{name}[{at}].{owner[0]}", "belongs to another account than the order")
            key = tuple(good[column] for column in table.key)
            if key in keys:
                self.refuse(f"{name}[{at}]", f"the same {', '.join(table.key)} as in another row")
            keys.add(key)
            found.append({column: self._zoned(value) for column, value in good.items()})
        return found

    def _zoned(self, value: Any) -> Any:
        is_naive = isinstance(value, dt.datetime) and value.tzinfo is None
        return value.replace(tzinfo=self.zone) if is_naive else value


def _account_of(given: Mapping[str, list[Any]]) -> Any:
    """The account that an order names, or the account's row where the order names none."""
    rows = [row for name in (ORDER, ACCOUNT) for row in given.get(name, []) if isinstance(row, dict)]
    return next((row["account_id"] for row in rows if row.get("account_id")), None)


def refuse_strangers(
    accounts: Rows, customers: Rows, changes: Mapping[str, Any], tariffs: Container[Any]
) -> None:
    """Refuse an order whose account, whose account's customer, or whose new tariff nobody knows.

    Raises:
        ApplicationError: naming the column that leads nowhere.
    """
    if not accounts:
        what = "no such account, and the application brings none"
        raise ApplicationError([{"where": f"{ORDER}[0].account_id", "what": what}])
    if len(customers) != 1 or customers[0]["customer_id"] != accounts[0]["customer_id"]:
        what = "no such customer, and the application does not bring it"
        raise ApplicationError([{"where": f"{ACCOUNT}[0].customer_id", "what": what}])
    if "tariff_code" in changes and changes["tariff_code"] not in tariffs:
        raise ApplicationError([{"where": f"{CHANGES}.tariff_code", "what": "no such tariff"}])


def _field(column: Column) -> tuple[Any, Any]:
    kinds: dict[str, Any] = {
        "string": Annotated[str, Field(max_length=MAX_TEXT)],
        "integer": Annotated[int, Field(ge=-(2**63), lt=2**63)],
        "decimal": Annotated[decimal.Decimal, Field(max_digits=18, decimal_places=2, allow_inf_nan=False)],
        "double": Annotated[float, Field(allow_inf_nan=False)],
        "date": dt.date,
        "timestamp": dt.datetime,
        "boolean": bool,
    }
    kind = kinds[column.type]
    if column.key:
        kind = Annotated[str, Field(min_length=1, max_length=MAX_TEXT)] if column.type == "string" else kind
    if column.values:
        allowed = column.values

        def one_of(value: Any) -> Any:
            if value not in allowed:
                raise ValueError(f"must be one of {', '.join(map(str, allowed))}")
            return value

        listed = Field(json_schema_extra={"enum": list(allowed)})
        kind = Annotated[kind, listed, AfterValidator(one_of)]
    if column.doc:
        kind = Annotated[kind, Field(description=column.doc)]
    return (kind | None, None) if column.optional else (kind, ...)


def _row_model(table: Table) -> type[BaseModel]:
    fields: dict[str, Any] = {column.name: _field(column) for column in table.columns}
    return create_model(table.name, __config__=ConfigDict(extra="forbid"), **fields)


def _change_model(account: Table) -> type[BaseModel]:
    """What may be changed of an account; an empty value is none, for what is not named is as it stands."""
    fields: dict[str, Any] = {}
    for column in account.columns:
        if column.name in CHANGEABLE:
            kind, _ = _field(dataclasses.replace(column, optional=False))
            if column.type == "double":
                kind = Annotated[kind, Field(gt=0, le=MAX_KV)]
            fields[column.name] = (kind, None)
    return create_model(CHANGES, __config__=ConfigDict(extra="forbid"), **fields)
