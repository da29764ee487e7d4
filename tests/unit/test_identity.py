"""What makes two records one, what forbids it, and that a veto holds among all who hang together."""

from __future__ import annotations

import datetime as dt
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wattmark.folding import fold
from wattmark.segment.identity import (
    Facts,
    birth_of,
    given_name,
    joined,
    names_differ,
    number_of,
    one_by_number,
)

ONE = [
    ("萧建国", "肖建国"),
    ("王伟", "王伟先生"),
    ("王伟", "王 伟（旧户）"),
    ("欧阳修文", "欧阳 修文"),
    ("王伟", "Wang Wei"),
    ("Emma Clarke", "CLARKE Emma"),
    ("Emma Clarke", "Ms. Emma J. Clarke"),
    ("Emma Clarke", "E. Clarke"),
    ("Jonathan Smith", "Jonathon Smith"),
    ("Emma Clarke", "Emma Bennett"),
]
TWO = [
    ("王伟", "王芳"),
    ("王小明", "王晓明"),
    ("王伟", "王伟强"),
    ("欧阳修文", "欧阳修武"),
    ("Emma Clarke", "Peter Clarke"),
    ("Wang Wei", "Wang Wen"),
    ("Ann Lee", "Dan Lee"),
]
ONE_ORGANISATION = [
    ("恒远机械制造有限公司", "恒远机械制造有限责任公司"),
    ("恒远机械制造有限公司", "恒远机械制造（有限公司）"),
    ("杭州恒远机械制造有限公司", "杭州恒远机戒制造有限公司"),
    ("恒远公司杭州市分公司", "恒远公司（杭州分公司）"),
    ("Westlake Plastics Co., Ltd.", "Westlake Plastics Limited"),
]
TWO_ORGANISATIONS = [
    ("恒远有限公司", "恒远有限公司杭州分公司"),
    ("恒远有限公司宁波分公司", "恒远有限公司杭州分公司"),
    ("农业银行西湖支行", "农业银行滨江支行"),
    ("全家便利店西湖店", "全家便利店滨江店"),
    ("全家便利3号店", "全家便利5号店"),
    ("杭州第一中学", "杭州第二中学"),
    ("杭州恒远机械制造有限公司", "宁波恒远机械制造有限公司"),
    ("Westlake Plastics Ltd. Hangzhou Branch", "Westlake Plastics Ltd."),
    ("Westlake Store 12", "Westlake Store 21"),
]


def differ(name: str, other: str, is_person: bool) -> bool:
    found = {names_differ(fold(a), fold(b), is_person) for a, b in ((name, other), (other, name))}
    assert len(found) == 1
    return found.pop()


@pytest.mark.parametrize(("name", "other"), ONE)
def test_names_of_one_person(name: str, other: str) -> None:
    assert not differ(name, other, True)


@pytest.mark.parametrize(("name", "other"), TWO)
def test_names_of_two_persons(name: str, other: str) -> None:
    assert differ(name, other, True)


@pytest.mark.parametrize(("name", "other"), ONE_ORGANISATION)
def test_names_of_one_organisation(name: str, other: str) -> None:
    assert not differ(name, other, False)


@pytest.mark.parametrize(("name", "other"), TWO_ORGANISATIONS)
def test_names_of_two_organisations(name: str, other: str) -> None:
    assert differ(name, other, False)


@settings(max_examples=200, deadline=None)
@given(
    st.text("王伟芳小明 AbEmma3店分公司.()", max_size=8),
    st.text("王伟芳小明 AbEmma3店分公司.()", max_size=8),
    st.booleans(),
)
def test_whichever_comes_first(name: str, other: str, is_person: bool) -> None:
    differ(name, other, is_person)
    given_name(fold(name))


def test_numbers_as_they_are_compared() -> None:
    # Of before 1999 and after.
    assert number_of("330106800506011", True) == "330106198005060114"
    # Fifteen digits of an organisation are its registration.
    assert number_of("330106800506011", False) == "330106800506011"
    assert number_of("3301-0619800506 0114".replace(" ", ""), True) == "330106198005060114"
    for filler in (None, "", "无", "000000000000000000", "111111", "123456789", "X", "NONUMBER"):
        assert number_of(filler, True) is None


def test_births_as_they_are_compared() -> None:
    born = dt.date(1980, 5, 6)
    assert birth_of(born, None, False) == born
    assert birth_of(None, "330106198005060114", True) == born
    assert birth_of(dt.date(1900, 1, 1), "330106198005060114", True) == born
    assert birth_of(dt.date(1900, 1, 1), None, False) is None
    assert birth_of(None, "91330106MA27XK8888", False) is None


def test_the_same_number_makes_one_and_a_branch_stays_two() -> None:
    number = "330106198005060114"
    assert one_by_number(Facts("王伟", True, number), Facts("王玮", True, number, dt.date(1980, 5, 6)))
    # A number that does not hold the birth may be two persons'.
    passport = ("E12345678", dt.date(1980, 5, 6), dt.date(1990, 1, 1))
    assert not one_by_number(
        Facts("王伟", True, passport[0], passport[1]), Facts("王伟", True, passport[0], passport[2])
    )
    code = "91330106MA27XK8888"
    assert not one_by_number(Facts("恒远有限公司", False, code), Facts("恒远有限公司杭州分公司", False, code))
    assert one_by_number(Facts("恒远有限公司", False, code), Facts("恒远有限责任公司", False, code))


def test_the_likeliest_comes_first_and_the_one_it_forbids_stays_out() -> None:
    facts = [
        Facts("王伟", True, "330106198005060114"),
        Facts("王伟", True),
        Facts("王伟", True, "33010619800506013x".upper()),
    ]
    assert joined(facts, [], [(0, 1), (1, 2)]) == ([0, 1, 2], [0, 0, 2])
    assert joined(facts, [], [(1, 2), (0, 1)]) == ([0, 1, 2], [0, 1, 1])


NAMES = ["王伟", "王芳", "王玮", "Wang Wei", "Emma Clarke"]
BIRTHS = [None, dt.date(1980, 5, 6), dt.date(1990, 1, 1)]
NUMBERS = [None, None, "330106198005060114", "33010619900101003X"]
FACTS = st.builds(
    Facts,
    st.sampled_from([fold(name) for name in NAMES]),
    st.booleans(),
    st.sampled_from(NUMBERS),
    st.sampled_from(BIRTHS),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(FACTS, min_size=2, max_size=10), st.data())
def test_a_veto_holds_in_whoever_hangs_together(facts: list[Facts], data: st.DataObject) -> None:
    pairs = list(combinations(range(len(facts)), 2))
    certain = [pair for pair in pairs if one_by_number(facts[pair[0]], facts[pair[1]])]
    likely = data.draw(st.lists(st.sampled_from(pairs), unique=True, max_size=20))
    by_number, in_all = joined(facts, certain, likely)
    assert all(in_all[at] <= at and by_number[at] >= in_all[at] for at in range(len(facts)))
    for record, other in pairs:
        if by_number[record] == by_number[other]:
            assert in_all[record] == in_all[other]
            assert facts[record].number == facts[other].number
        elif in_all[record] == in_all[other]:
            # Somebody whom the number joined may carry a contradiction of his own; nobody new does.
            mine, theirs = facts[record], facts[other]
            assert mine.is_person == theirs.is_person
            assert len({mine.number, theirs.number} - {None}) <= 1
            assert len({mine.birth, theirs.birth} - {None}) <= 1
            assert not names_differ(mine.name, theirs.name, is_person=mine.is_person)
