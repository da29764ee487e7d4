"""Phone validity by libphonenumber, fast enough for every customer of a utility.

The library takes some 50 microseconds a number. Numbers written plainly in their own country are
therefore judged for whole columns at once, by the regular expressions of the library's own metadata;
whatever is written in any other way goes through the library, one by one. Both ways agree on every number.
"""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers
import pyarrow as pa
import pyarrow.compute as pc
from phonenumbers import PhoneMetadata, PhoneNumberFormat, PhoneNumberType

from wattmark.contract.types import table_of

COLUMNS = {"raw": "string", "e164": "string", "is_valid": "boolean", "is_mobile": "boolean"}
_MOBILE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
FEW = 50
"""Below so many numbers the library alone is quicker than preparing columns."""
_PLAIN = r"^(\+|00)?[0-9]+([- ][0-9]+)*$"
"""Digits in groups parted by one hyphen or blank: what the column-wise way looks at."""


_SEVERAL = re.compile(r"[/、;；，|]|(?<=[0-9])\s*,\s*|或")
"""What parts numbers that stand in one field."""
_INSIDE = re.compile(r"\s*(?:总机)?(?:转|轉|分机|分機|内线|內線)(?:号|號)?[:：]?\s*(?=[0-9])")
"""The usual words before an extension that libphonenumber does not know."""
_TAIL = re.compile(r"^(.*[0-9])-([0-9]{1,6})$")
"""A group after the number, which many write for its extension."""
EXTENSION = ";ext="
"""Between a number and its extension, as RFC 3966 writes it."""


def judge(raw: str, country: str) -> tuple[str | None, bool, bool]:
    """One text by the library; of several numbers in it the first that is valid.

    Args:
        raw: the number as written.
        country: the utility's country, ISO 3166-1 alpha-2.

    Returns:
        its E.164 form (of a number valid in any country, else None), with ``;ext=`` and the extension where it has
        one; whether it is a valid number of the utility's country; and whether it is valid anywhere and can be a
        mobile one. An extension is behind a switchboard, so it is none.
    """
    found: tuple[str | None, bool, bool] = (None, False, False)
    for part in _SEVERAL.split(raw):
        judged = _judge_one(part, country)
        if judged[1]:
            return judged
        if found[0] is None:
            found = judged
    return found


def _judge_one(raw: str, country: str) -> tuple[str | None, bool, bool]:
    number = _parsed(_INSIDE.sub(" ext. ", raw), country)
    if number is None and (tail := _TAIL.match(raw)):
        number = _parsed(tail[1], country)
        if number is not None and (number.extension or phonenumbers.number_type(number) in _MOBILE):
            number = None
        elif number is not None:
            number.extension = tail[2]
    if number is None:
        return None, False, False
    extension = f"{EXTENSION}{number.extension}" if number.extension else ""
    return (
        phonenumbers.format_number(number, PhoneNumberFormat.E164) + extension,
        phonenumbers.is_valid_number_for_region(number, country),
        not extension and phonenumbers.number_type(number) in _MOBILE,
    )


def _parsed(raw: str, country: str) -> phonenumbers.PhoneNumber | None:
    try:
        number = phonenumbers.parse(raw, country)
    except phonenumbers.NumberParseException:
        return None
    return number if phonenumbers.is_valid_number(number) else None


@lru_cache(maxsize=4)
def _patterns(country: str) -> tuple[str, dict[str, str], tuple[int, ...], str, str] | None:
    """Calling code, patterns by kind, lengths, national prefix, and what a plain number may not begin with.

    None where the country shares its calling code or rewrites prefixes; then the library judges alone.
    """
    metadata = PhoneMetadata.metadata_for_region(country, None)
    if metadata is None or metadata.country_code is None or metadata.general_desc is None:
        return None
    if (
        metadata.national_prefix_transform_rule is not None
        or len(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(metadata.country_code, ())) != 1
    ):
        return None
    kinds = {
        kind: getattr(metadata, kind)
        for kind in (
            "general_desc", "mobile", "fixed_line", "premium_rate", "toll_free", "shared_cost", "voip",
            "personal_number", "pager", "uan", "voicemail",
        )
    }  # fmt: skip
    patterns = {
        kind: f"^(?:{desc.national_number_pattern})$"
        for kind, desc in kinds.items()
        if desc is not None and desc.national_number_pattern is not None
    }
    if "general_desc" not in patterns or "mobile" not in patterns:
        return None
    prefix = metadata.national_prefix_for_parsing or ""
    if prefix.endswith("|0") and ("0" in prefix[:-1] or re.search(r"(?:^|[|(])\\d", prefix)):
        return None
    refused = [metadata.international_prefix, prefix, "0", str(metadata.country_code)]
    return (
        str(metadata.country_code),
        patterns,
        tuple(metadata.general_desc.possible_length),
        prefix,
        "^(?:" + "|".join(f"(?:{pattern})" for pattern in refused if pattern) + ")",
    )


def _matches(texts: pa.Array, pattern: str) -> pa.Array:
    return pc.match_substring_regex(texts, pattern)


def judge_all(raws: pa.Array, country: str) -> pa.Table:
    """Judge distinct texts.

    Args:
        raws: texts, none empty.
        country: the utility's country.

    Returns:
        a row per text, columns of ``core.phone``.
    """
    parts: list[pa.Table] = []
    rest = raws
    known = _patterns(country) if len(raws) >= FEW else None
    if known is not None:
        code, patterns, lengths, prefix, refused = known
        plain = _matches(raws, _PLAIN)
        texts = raws.filter(plain)
        digits = pc.replace_substring_regex(texts, r"[- ]", "")
        # "+86 1…" and "1…" are the same national number; "0086 1…" is left to the library.
        national = pc.replace_substring_regex(digits, rf"^\+{code}", "")
        had_code = pc.starts_with(digits, f"+{code}")
        if prefix == "0":
            national = pc.if_else(had_code, national, pc.replace_substring_regex(national, "^0", ""))
        elif prefix.endswith("|0"):
            # The other alternatives do not begin with 0, so only the plain prefix can match here.
            zero = pc.and_(pc.starts_with(national, "0"), pc.invert(had_code))
            national = pc.if_else(zero, pc.replace_substring_regex(national, "^0", ""), national)
        size = pc.utf8_length(national)
        fits = pc.is_in(size, pa.array(lengths, pa.int32()))
        stripped = pc.not_equal(pc.utf8_length(digits), size)
        # A number that is itself possible keeps its first 0; such doubtful ones go to the library.
        doubtful = pc.and_(stripped, _matches(digits, patterns["general_desc"]))
        general = _matches(national, patterns["general_desc"])
        sure = pc.and_(
            pc.and_(fits, pc.invert(doubtful)),
            pc.and_(_matches(national, r"^[1-9][0-9]+$"), pc.invert(_matches(national, refused))),
        )
        mobile = pc.and_(general, _matches(national, patterns["mobile"]))
        others = [patterns[kind] for kind in patterns if kind not in ("general_desc", "mobile")]
        other = pc.and_(general, _matches(national, "|".join(others))) if others else pc.and_(general, False)
        # Where a number fits two kinds, the library's own order decides which it is.
        sure = pc.and_(sure, pc.invert(pc.and_(mobile, other)))
        valid = pc.or_(mobile, other)
        # What is no number as a whole may be one with an extension after a hyphen.
        sure = pc.and_(sure, pc.or_(valid, pc.invert(_matches(texts, "-[0-9]{1,6}$"))))
        decided = table_of(
            COLUMNS,
            {
                "raw": texts,
                "e164": pc.if_else(
                    valid, pc.binary_join_element_wise(f"+{code}", national, ""), pa.scalar(None, pa.string())
                ),
                "is_valid": valid,
                "is_mobile": mobile,
            },
        )
        parts.append(decided.filter(sure))
        rest = pa.concat_arrays([raws.filter(pc.invert(plain)), texts.filter(pc.invert(sure))])
    if len(rest) or not parts:
        slow = [(raw, *judge(raw, country)) for raw in rest.to_pylist()]
        columns = list(zip(*slow, strict=True)) or [(), (), (), ()]
        parts.append(table_of(COLUMNS, dict(zip(COLUMNS, columns, strict=True))))
    return pa.concat_tables(parts)
