"""What forbids two records to be one person or organisation, whatever else they share; and who hangs together.

Vetoes hold within everybody who is joined, not only between two: of two records that resemble a third, but whose numbers,
births, names or branches differ, one stays out.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from rapidfuzz.distance import OSA

_HAN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003134f〇]+")
_NOTE = re.compile(r"[(\[{<【〔《].*?[)\]}>】〕》]")
_HONORIFIC = re.compile(r"(先生|女士|小姐|太太|同志|师傅|老师)$")
_COMPOUND = re.compile(
    "欧阳|太史|上官|端木|司马|东方|独孤|南宫|万俟|闻人|夏侯|诸葛|尉迟|公羊|赫连|澹台|皇甫|宗政|濮阳|公冶|太叔|申屠|公孙|慕容|仲孙|"
    "钟离|长孙|宇文|司徒|鲜于|司空|闾丘|令狐|百里|呼延|东郭|南门|轩辕|西门"
)
_TITLES = frozenset(["mr", "mrs", "ms", "miss", "dr", "prof", "sir", "madam"])
_SHORT_GIVEN = 3
"""A given name of so many characters is short: one that differs makes another name."""
_SHORT_WORD = 4
"""Likewise of a word in letters."""

_FILLERS = (
    dt.date(1, 1, 1),
    dt.date(1900, 1, 1),
    dt.date(1901, 1, 1),
    dt.date(1970, 1, 1),
    dt.date(9999, 12, 31),
)
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_ID_CHECKS = "10X98765432"


def number_of(written: str | None, is_person: bool) -> str | None:
    """An identity number as it is compared: of 15 digits (before 1999) in its form of 18; None for a filler.

    Args:
        written: in capitals, without white space.
        is_person: whether it is a person's.
    """
    if not written:
        return None
    plain = re.sub(r"[^0-9A-Z]", "", written)
    if (
        len(plain) < 6
        or len(set(plain)) < 3
        or plain in "01234567890123456789"
        or not re.search(r"\d", plain)
    ):
        return None
    if is_person and re.fullmatch(r"\d{15}", plain):
        body = f"{plain[:6]}19{plain[6:]}"
        check = sum(int(digit) * weight for digit, weight in zip(body, _ID_WEIGHTS, strict=True)) % 11
        return body + _ID_CHECKS[check]
    return plain


def birth_of(born_on: dt.date | None, number: str | None, is_resident_number: bool) -> dt.date | None:
    """The date of birth: as written, else by a resident identity number; None for what is entered to fill a field."""
    if born_on is not None and born_on not in _FILLERS:
        return born_on
    if number and (is_resident_number or len(number) == 18):
        try:
            return dt.date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
        except ValueError:
            return None
    return None


@lru_cache(maxsize=200_000)
def given_name(folded: str) -> str | None:
    """The given name of a name in Chinese characters, without notes and forms of address; None of any other."""
    name = re.sub(r"[\s·•.,、]+", "", _HONORIFIC.sub("", _NOTE.sub("", folded).strip()))
    if len(name) < 2 or not _HAN.fullmatch(name):
        return None
    return name[2:] if len(name) > 2 and _COMPOUND.match(name) else name[1:]


def names_differ(name: str, other: str, is_person: bool) -> bool:
    """Whether two names, folded, cannot be one's; it does not matter which comes first.

    Of persons: another given name, in Chinese characters by any character of a short one. Of organisations: another branch,
    another number in the name, or more than a slip between what is left without the legal form.
    """
    return name != other and _differ(*sorted((name, other)), is_person)


@lru_cache(maxsize=200_000)
def _differ(name: str, other: str, is_person: bool) -> bool:
    if not is_person:
        return _organisations_differ(name, other)
    first, second = given_name(name), given_name(other)
    if first is not None and second is not None:
        if min(len(first), len(second)) <= _SHORT_GIVEN:
            return first != second
        return OSA.distance(first, second) > 1
    if first is not None or second is not None:
        # In two scripts; that tells nothing.
        return False
    return _words_differ(_words(name), _words(other))


def _words(folded: str) -> list[str]:
    return [word for word in re.findall(r"[^\W\d_]+", _NOTE.sub("", folded)) if word not in _TITLES]


def _alike(word: str, other: str) -> bool:
    shorter, longer = sorted((word, other), key=len)
    if len(shorter) == 1 or (len(shorter) >= 3 and len(longer) > _SHORT_WORD and longer.startswith(shorter)):
        return longer.startswith(shorter)
    return len(shorter) > _SHORT_WORD and OSA.distance(word, other) <= (1 if len(longer) < 8 else 2)


def _left(words: Sequence[str], other: Sequence[str]) -> tuple[list[str], list[str]]:
    """Words of either that the other lacks."""
    rest, mine = list(other), []
    for word in words:
        if word in rest:
            rest.remove(word)
        else:
            mine.append(word)
    return mine, rest


def _words_differ(words: Sequence[str], other: Sequence[str]) -> bool:
    mine, theirs = _left(words, other)
    fewer, more = sorted((mine, theirs), key=len)
    if all(any(_alike(word, by) for by in more) for word in fewer):
        return False
    # The same given name and another surname: people marry. A short word may be a given name behind its surname.
    is_surname = words[:1] == other[:1] and len(mine) == len(theirs) == 1
    return not (is_surname and len(words[0]) > 1 and min(len(mine[0]), len(theirs[0])) > _SHORT_WORD)


_FORM = re.compile(r"(有限责任|股份有限|集团有限|有限|股份|集团|总)?公司|集团$")
_BRANCH = re.compile(
    r"[分支]公司|[分支]行|分理处|营业[部厅所]|分[店部厂院校社局所站]|门店|店$|校区|院区|厂区|办事处|项目部|经营部|供应站|车间|仓库|基地"
)
_BRANCH_WORD = frozenset(
    [
        "branch",
        "store",
        "shop",
        "plant",
        "site",
        "depot",
        "outlet",
        "office",
        "division",
        "warehouse",
        "campus",
        "department",
    ]
)
_FORM_WORD = frozenset(
    [
        "co",
        "ltd",
        "limited",
        "inc",
        "llc",
        "llp",
        "gmbh",
        "plc",
        "corp",
        "corporation",
        "company",
        "ag",
        "sa",
        "the",
        "and",
        "group",
    ]
)
_NUMBER = re.compile(
    r"\d+|(?<=第)[一二三四五六七八九十百两]+|[一二三四五六七八九十百两]+(?=[分号厂店期区部队中小院校所站车])"
)


def _core(folded: str) -> str:
    """What names an organisation in Chinese characters, without legal form, marks and levels of government."""
    name = re.sub(r"[\W_]+", "", folded)
    kept = re.sub(r"([分支])公司", "\\1\x01", name)
    return re.sub(r"[省市区县镇乡]", "", _FORM.sub("", kept)).replace("\x01", "公司")


def _organisations_differ(name: str, other: str) -> bool:
    if sorted(_NUMBER.findall(name)) != sorted(_NUMBER.findall(other)):
        return True
    if _HAN.search(name) and _HAN.search(other):
        first, second = _core(name), _core(other)
        if first == second:
            return False
        if _BRANCH.search(name) or _BRANCH.search(other):
            return True
        shorter, longer = sorted((first, second), key=len)
        if len(shorter) >= 4 and shorter in longer:
            return False
        return OSA.distance(first, second) > 1 or len(shorter) < 4
    if _HAN.search(name) or _HAN.search(other):
        return False
    words = [[word for word in _words(text) if word not in _FORM_WORD] for text in (name, other)]
    mine, theirs = _left(*words)
    if _BRANCH_WORD & {*words[0], *words[1]}:
        return bool(mine or theirs)
    fewer, more = sorted((mine, theirs), key=len)
    return not all(any(_alike(word, by) for by in more) for word in fewer)


@dataclass(frozen=True)
class Facts:
    """What of a record can forbid something: ``name`` folded, ``number`` and ``birth`` as above."""

    name: str
    is_person: bool
    number: str | None = None
    birth: dt.date | None = None


@dataclass
class _Group:
    names: set[str] = field(default_factory=set)
    kinds: set[bool] = field(default_factory=set)
    numbers: set[str] = field(default_factory=set)
    births: set[dt.date] = field(default_factory=set)

    @classmethod
    def of(cls, facts: Facts) -> _Group:
        return cls(
            {facts.name},
            {facts.is_person},
            {facts.number} if facts.number else set(),
            {facts.birth} if facts.birth else set(),
        )

    def may_join(self, other: _Group) -> bool:
        return (
            len(self.kinds | other.kinds) == 1
            and len(self.numbers | other.numbers) <= 1
            and len(self.births | other.births) <= 1
            and not any(
                names_differ(mine, theirs, is_person=True in self.kinds)
                for mine in self.names
                for theirs in other.names
            )
        )

    def join(self, other: _Group) -> None:
        for mine, theirs in (
            (self.names, other.names),
            (self.kinds, other.kinds),
            (self.numbers, other.numbers),
            (self.births, other.births),
        ):
            mine |= theirs  # type: ignore[operator]


class Together:
    """Who hangs together, by position; each is found by the lowest of all that do."""

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def lowest(self, at: int) -> int:
        """The lowest position of all that hang together with one."""
        parent = self._parent
        while parent[at] != at:
            parent[at] = parent[parent[at]]
            at = parent[at]
        return at

    def join(self, record: int, other: int) -> None:
        """Let two, and all that hang together with them, hang together."""
        first, second = sorted((self.lowest(record), self.lowest(other)))
        self._parent[second] = first


def one_by_number(record: Facts, other: Facts) -> bool:
    """Whether the same identity number makes two records one.

    It does, whatever the names say, for a number that holds the birth; any other needs births that agree as far as they are
    known. Two branches of an organisation are two whatever code was written for them.
    """
    if not record.number or record.number != other.number:
        return False
    if not record.is_person and not other.is_person:
        return not names_differ(record.name, other.name, is_person=False)
    holds_birth = re.fullmatch(r"\d{17}[\dX]", record.number) is not None
    return holds_birth or record.birth is None or other.birth is None or record.birth == other.birth


def joined(
    facts: Sequence[Facts], certain: Iterable[tuple[int, int]], likely: Iterable[tuple[int, int]]
) -> tuple[list[int], list[int]]:
    """Who hangs together.

    Args:
        facts: of the records.
        certain: pairs of positions with the same number, which are joined first.
        likely: pairs that resemble each other, the likeliest first; one is joined where no veto stands between any of those
            who would then hang together.

    Returns:
        for each record the lowest position of all that hang together with it, by number alone and in all.
    """
    together = Together(len(facts))
    groups: dict[int, _Group] = {}

    def group(at: int) -> _Group:
        if at not in groups:
            groups[at] = _Group.of(facts[at])
        return groups[at]

    def join(record: int, other: int, *, forced: bool) -> None:
        first, second = sorted((together.lowest(record), together.lowest(other)))
        if first != second and (forced or group(first).may_join(group(second))):
            group(first).join(group(second))
            together.join(first, second)

    for record, other in certain:
        if one_by_number(facts[record], facts[other]):
            join(record, other, forced=facts[record].is_person or facts[other].is_person)
    by_number = [together.lowest(at) for at in range(len(facts))]
    for record, other in likely:
        join(record, other, forced=False)
    return by_number, [together.lowest(at) for at in range(len(facts))]
