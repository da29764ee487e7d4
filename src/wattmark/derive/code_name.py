"""What published codes are called: the file of code names, and the names that the night's own tables have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import cast

from wattmark.code_names import CodeNames, Language, by_language, load_code_names
from wattmark.contract.types import Rows
from wattmark.derive.kpi import figures
from wattmark.derive.segment_lookalikes import PREFIX
from wattmark.engine.python_table import TableContext, python_table
from wattmark.engine.session import Session
from wattmark.segment import profiles

Names = dict[Language, str]

_STATIC = re.compile(r"[a-z_]+/[a-z]+/[SMLX]+/[A-Z-]/[a-z]+")
_BEHAVIOUR = re.compile(r"[a-z]+/[a-z]+/[a-z]+")
_METRIC = re.compile(r"[a-z]+(_[a-z0-9]+)+")


@python_table(
    "mart.code_name",
    key=("code_list", "code"),
    files=("include/code-names.yaml",),
    columns={"code_list": "string", "code": "string", "name_en": "string", "name_zh": "string"},
    needs=(
        "source.tariff",
        "source.address_reference",
        "source.loss_code",
        "segment.customer_segment",
        "segment.segment_definition",
        "segment.load_centroid",
        "segment_state.segment",
        "mart.model_quality",
    ),
    grain="one row per code list and code",
    purpose="What the codes in published columns are called, in English and in Chinese.",
    docs={
        "code_list": "The list, as include/code-names.yaml calls it; there stands which columns hold its codes.",
        "code": "The code.",
        "name_en": "Its name in English.",
        "name_zh": "Its name in Chinese.",
    },
)
def code_name(context: TableContext) -> Rows:
    """Every code of every list."""
    names = load_code_names(context.settings.include / "code-names.yaml")
    found: dict[tuple[str, str], Names] = {
        (name, code): told for name, codes in names.lists.items() for code, told in codes.items()
    }
    for name, made in (
        ("tariff", _tariffs(context)),
        ("region", _regions(context)),
        ("loss_code", _loss_codes(context)),
        ("segment", _segments(context, names)),
        ("load_profile", _profiles(context)),
        ("tariff_left_out", _left_out(names)),
        ("model", _lookalikes(context, names)),
        ("model_metric", _metrics(context, names)),
        ("kpi", _figures(context)),
    ):
        for code, told in made:
            found.setdefault((name, code), told)
    return [
        {"code_list": name, "code": code, "name_en": told["en"], "name_zh": told["zh"]}
        for (name, code), told in sorted(found.items())
    ]


def _rows(context: TableContext, query: str) -> list[tuple[str | None, ...]]:
    return [tuple(row.values()) for row in context.query(query).to_pylist()]


def _tariffs(context: TableContext) -> Iterator[tuple[str, Names]]:
    for code, name in _rows(context, "SELECT tariff.tariff_code, tariff.name FROM source.tariff"):
        yield str(code), by_language(str(name or code))


def _regions(context: TableContext) -> Iterator[tuple[str, Names]]:
    for code, *parts in _rows(
        context,
        "SELECT address_reference.region_code, address_reference.province, address_reference.city, address_reference.district FROM source.address_reference",
    ):
        # A city under the central government is its own province.
        said = list(dict.fromkeys(part for part in parts if part))
        yield str(code), {"en": " ".join(said), "zh": "".join(said)}


def _loss_codes(context: TableContext) -> Iterator[tuple[str, Names]]:
    for code, model, rated_kva in _rows(
        context,
        "SELECT loss_code.loss_code, loss_code.model, CAST(CAST(loss_code.rated_kva AS DECIMAL(18, 1)) AS VARCHAR) FROM source.loss_code",
    ):
        told = f"{model} {(rated_kva or '').removesuffix('.0')} kVA"
        yield str(code), {"en": told, "zh": told}


def _segments(context: TableContext, names: CodeNames) -> Iterator[tuple[str, Names]]:
    for code, chinese in _rows(
        context,
        "SELECT segment_definition.segment, segment_definition.segment_zh FROM segment.segment_definition",
    ):
        yield str(code), {"en": str(code), "zh": str(chinese)}
    yield from names.lists["product"].items()
    for (code,) in _rows(
        context,
        # Of the state what stood before tonight: a rerun finds there what its first attempt left.
        "SELECT customer_segment.segment FROM segment.customer_segment UNION SELECT segment.segment FROM segment_state.segment "
        "WHERE segment.segment IS NOT NULL AND segment.as_of < $as_of",
    ):
        yield str(code), _segment(str(code), names)


def _segment(code: str, names: CodeNames) -> Names:
    if _STATIC.fullmatch(code):
        category, voltage, size, section, tenure = code.split("/")
        told = [
            _of(names, ("usage_category", "segment_part"), category),
            _of(names, ("segment_part",), voltage),
            _of(names, ("segment_part",), size),
            _of(names, ("segment_part",) if section == "-" else ("industry",), section),
            _of(names, ("segment_part",), tenure),
        ]
        return _joined(told)
    if _BEHAVIOUR.fullmatch(code):
        return _joined([_of(names, ("segment_part",), part) for part in code.split("/")])
    return {"en": code, "zh": profiles.NAMES.in_chinese(code)}


def _of(names: CodeNames, lists: tuple[str, ...], code: str) -> Names:
    return next(
        (names.lists[name][code] for name in lists if code in names.lists[name]), {"en": code, "zh": code}
    )


def _joined(told: list[Names]) -> Names:
    return {"en": "; ".join(names["en"] for names in told), "zh": "；".join(names["zh"] for names in told)}


def _left_out(names: CodeNames) -> Iterator[tuple[str, Names]]:
    """Why a tariff is not compared: reasons of the shadow bill, of the tariff itself or of the account's own."""
    for code, told in names.lists["not_checked_reason"].items():
        yield code, told
        yield f"own:{code}", {"en": f"the own tariff: {told['en']}", "zh": f"现行电价：{told['zh']}"}


def _profiles(context: TableContext) -> Iterator[tuple[str, Names]]:
    for name, chinese in _rows(
        context, "SELECT DISTINCT load_centroid.name, load_centroid.name_zh FROM segment.load_centroid"
    ):
        yield str(name), {"en": str(name), "zh": str(chinese or profiles.NAMES.in_chinese(str(name)))}


def _lookalikes(context: TableContext, names: CodeNames) -> Iterator[tuple[str, Names]]:
    """Models of who takes a service up, a service each."""
    for (model,) in _rows(
        context, f"SELECT DISTINCT m.model FROM mart.model_quality AS m WHERE m.model LIKE '{PREFIX}%'"
    ):
        product = _of(names, ("product",), str(model).removeprefix(PREFIX))
        yield str(model), {"en": f"lookalikes: {product['en']}", "zh": f"相似客户：{product['zh']}"}


def _figures(context: TableContext) -> Iterator[tuple[str, Names]]:
    for file in figures(cast(Session, context.session).catalog):
        yield file.table, {"en": str(file.header["title"]), "zh": str(file.header["zh"])}


def _metrics(context: TableContext, names: CodeNames) -> Iterator[tuple[str, Names]]:
    parts = names.lists["model_metric_part"]

    def write(part: str, language: Language) -> str:
        return parts[part][language] if part in parts else part.lstrip("0") or "0"

    for (metric,) in _rows(context, "SELECT DISTINCT m.metric FROM mart.model_quality AS m"):
        if metric and _METRIC.fullmatch(metric):
            words = metric.split("_")
            yield (
                metric,
                {
                    "en": " ".join(write(word, "en") for word in words),
                    "zh": " ".join(write(word, "zh") for word in words),
                },
            )
