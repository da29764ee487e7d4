"""What the counter takes and answers, as OpenAPI and as a page: from the contract, with an example that it answers itself."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from wattmark import __version__
from wattmark.audit.counter import CHANGES, ORDER, Counter, Violation
from wattmark.audit.counter.request import MAX_ROWS
from wattmark.page import page as framed

EXAMPLE: dict[str, Any] = {
    "service_order": {
        "order_id": "EXAMPLE-ORDER", "account_id": "EXAMPLE-SHOP", "kind": "increase", "requested_kva": 5000,
        "needs_customer_works": False, "works_materials_entered": False, "equipment_list_provided": True,
        "vat_documents_complete": True,
    },
    "changes": {"demand_basis": "none"},
    "account": {
        "account_id": "EXAMPLE-SHOP", "customer_id": "EXAMPLE-CUSTOMER", "account_name": "Example shop", "service_address": "1 Example Road",
        "org_unit_id": "EXAMPLE-UNIT", "status": "active", "usage_category": "commercial", "industry_code": "F52", "supply_kv": 0.38,
        "metering_kv": 0.38, "metering_mode": "lv_lv", "contracted_kva": 50, "running_kva": 50, "demand_basis": "none",
        "allocation": "none", "is_temporary": False, "is_dual_supply": False, "has_self_generation": False, "has_load_control": False,
        "payment_method": "counter", "wants_vat_invoice": False,
    },
    "customer": {
        "customer_id": "EXAMPLE-CUSTOMER", "name": "Example shop", "kind": "organisation", "contact_name": "Example",
        "mobile": "13800000001", "registered_on": "2020-01-01",
    },
    "supply_point": [{"supply_point_id": "EXAMPLE-SUPPLY", "line_id": "EXAMPLE-LINE", "transformer_id": "EXAMPLE-AREA", "is_primary": True}],
    "metering_point": [{"metering_point_id": "EXAMPLE-POINT", "role": "main", "meter_id": "EXAMPLE-METER", "multiplier": 1}],
    "meter": [{"meter_id": "EXAMPLE-METER", "metering_point_id": "EXAMPLE-POINT", "model_retired": False, "phases": 3,
               "max_current_a": 100, "status": "in_use"}],
    "instrument_transformer": [],
    "transformer": [],
    "fee": [],
}  # fmt: skip
"""An application that brings everything itself, so that it is answered over any lake: 5,000 kVA more at low voltage."""
ROW_REFERENCE = "#/components/schemas/{model}"
_JSON = {"string": "string", "number": "number", "integer": "integer", "boolean": "boolean"}


def answer_of(counter: Counter, violations: list[Violation]) -> dict[str, Any]:
    """What the counter says of an application, as it goes out."""
    return {"checked": sorted(counter.rules), "violations": [asdict(violation) for violation in violations]}


def openapi(counter: Counter, path: str) -> dict[str, Any]:
    """The OpenAPI document of the counter.

    Args:
        counter: answers the example.
        path: where the counter's application is.
    """
    schemas = {
        name: counter.requests.model(name).model_json_schema(ref_template=ROW_REFERENCE)
        for name in (*sorted(counter.plan.tables), CHANGES)
    }
    schemas |= {"application": _application(counter), "answer": _answer(), "problems": _problems()}
    answers = {language: answer_of(counter, counter.check(EXAMPLE, language)) for language in ("en", "zh")}
    operation = {
        "summary": "Check an application before it is accepted.",
        "description": "Runs the rules of applications over the rows that are sent and the lake's rows of the account. "
        "Tables that are not sent are as they stand; so is of the account what changes does not name.",
        "operationId": "check",
        "security": [{"token": []}],
        "parameters": [
            {"name": "language", "in": "query", "description": "Of titles and messages; else the header Accept-Language decides.",
             "schema": {"type": "string", "enum": ["en", "zh"]}},
            {"name": "Accept-Language", "in": "header", "schema": {"type": "string"}},
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {
                "schema": {"$ref": ROW_REFERENCE.format(model="application")},
                "examples": {"increase": {"summary": "5,000 kVA more at low voltage", "value": EXAMPLE}},
            }},
        },
        "responses": {
            "200": {
                "description": "Checked; violations is empty where nothing is wrong.",
                "content": {"application/json": {
                    "schema": {"$ref": ROW_REFERENCE.format(model="answer")},
                    "examples": {f"increase_{language}": {"value": answer} for language, answer in answers.items()},
                }},
            },
            "400": {"description": "The body is no JSON object."},
            "401": {"description": "Not signed in."},
            "403": {"description": "Sent from another site, or by somebody who only looks on."},
            "413": {"description": "The body is too large."},
            "415": {"description": "The body is not application/json."},
            "422": {
                "description": "The application does not fit the contract; no value is repeated.",
                "content": {"application/json": {"schema": {"$ref": ROW_REFERENCE.format(model="problems")}}},
            },
            "429": {"description": "Too many checks; Retry-After says how many seconds to wait."},
            "503": {"description": "The lake cannot be read now."},
        },
    }  # fmt: skip
    return {
        "openapi": "3.1.0",
        "info": {"title": "Wattmark counter", "version": __version__},
        "servers": [{"url": path or "/"}],
        "paths": {"/check": {"post": operation}},
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": "A token of Airflow: POST /auth/token."}},
        },
    }  # fmt: skip


def _application(counter: Counter) -> dict[str, Any]:
    contract = counter.plan.catalog.contract
    tables = {
        name: {
            "description": contract.tables[name].doc,
            "oneOf": [
                {"$ref": ROW_REFERENCE.format(model=name)},
                {"type": "array", "maxItems": MAX_ROWS, "items": {"$ref": ROW_REFERENCE.format(model=name)}},
            ],
        }
        for name in sorted(counter.plan.tables)
    }
    changes = {
        "$ref": ROW_REFERENCE.format(model=CHANGES),
        "description": "What is to change of the account.",
    }
    return {
        "type": "object",
        "required": [ORDER],
        "properties": {**tables, CHANGES: changes},
        "additionalProperties": False,
    }


def _answer() -> dict[str, Any]:
    texts = {field.name: {"type": "string"} for field in fields(Violation)}
    more = {"at_stake_amount": {"type": ["number", "null"]}, "evidence": {"type": "object"}}
    violation = {"type": "object", "required": list(texts), "properties": {**texts, **more}}
    return {
        "type": "object",
        "required": ["checked", "violations"],
        "properties": {
            "checked": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Rules that looked at it.",
            },
            "violations": {"type": "array", "items": violation},
        },
    }


def _problems() -> dict[str, Any]:
    texts = {"where": {"type": "string"}, "what": {"type": "string"}}
    return {
        "type": "object",
        "required": ["code", "problems"],
        "properties": {
            "code": {"type": "string"},
            "problems": {
                "type": "array",
                "items": {"type": "object", "required": list(texts), "properties": texts},
            },
        },
    }


def _kind(schema: dict[str, Any]) -> str:
    """A column's type in a word."""
    kinds = schema.get("anyOf", [schema])
    said = [
        kind.get("format") or _JSON.get(str(kind.get("type")), "")
        for kind in kinds
        if kind.get("type") != "null"
    ]
    return " or ".join(dict.fromkeys(word for word in said if word))


def _values(schema: dict[str, Any]) -> list[Any]:
    return next((variant["enum"] for variant in [schema, *schema.get("anyOf", [])] if "enum" in variant), [])


def docs_page(document: dict[str, Any]) -> str:
    """The document as a page to read."""
    operation = document["paths"]["/check"]["post"]
    body = operation["requestBody"]["content"]["application/json"]
    tables = [
        (
            name,
            schema.get("description", ""),
            [
                (column, _kind(kind), column in schema.get("required", []), _values(kind), kind.get("description", ""))
                for column, kind in schema["properties"].items()
            ],
        )
        for name, schema in document["components"]["schemas"].items()
        if name not in ("application", "answer", "problems")
    ]  # fmt: skip
    examples = operation["responses"]["200"]["content"]["application/json"]["examples"]
    template = Environment(loader=PackageLoader("wattmark.web"), autoescape=True).get_template(
        "counter_docs.html"
    )
    text = template.render(
        operation=operation,
        path=document["servers"][0]["url"].rstrip("/"),
        tables=tables,
        request=_pretty(body["examples"]["increase"]["value"]),
        answers={name: _pretty(example["value"]) for name, example in examples.items()},
    )  # fmt: skip
    return framed("Wattmark counter", Markup(text))  # noqa: S704 - rendered with escaping


def _pretty(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
