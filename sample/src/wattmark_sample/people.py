"""Invented people and organisations: numbers that pass their check digits, names, phones and addresses."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from wattmark_sample.plan import Ints

Text: TypeAlias = Any
"""An Arrow array of text."""

_SURNAMES = [
    "王",
    "李",
    "张",
    "刘",
    "陈",
    "杨",
    "赵",
    "黄",
    "周",
    "吴",
    "徐",
    "孙",
    "胡",
    "朱",
    "高",
    "林",
    "何",
    "郭",
    "马",
    "罗",
    "梁",
    "宋",
    "郑",
    "谢",
    "韩",
    "唐",
    "冯",
    "于",
    "董",
    "萧",
    "程",
    "曹",
    "袁",
    "邓",
    "许",
    "傅",
    "沈",
    "曾",
    "彭",
    "吕",
]
_GIVEN = [
    "伟",
    "芳",
    "娜",
    "敏",
    "静",
    "丽",
    "强",
    "磊",
    "军",
    "洋",
    "勇",
    "艳",
    "杰",
    "娟",
    "涛",
    "明",
    "超",
    "秀兰",
    "霞",
    "平",
    "刚",
    "桂英",
    "玉兰",
    "志强",
    "建国",
    "建华",
    "文博",
    "子涵",
    "雨欣",
    "浩然",
    "思远",
    "一诺",
    "梓萱",
    "俊杰",
    "佳怡",
    "国庆",
    "海燕",
    "晓东",
    "春梅",
    "立新",
    "永康",
    "淑珍",
    "少华",
    "嘉豪",
    "慧敏",
    "红梅",
    "振宇",
    "婷婷",
    "宏伟",
    "若曦",
]
_ENGLISH_FIRST = [
    "Emma",
    "Oliver",
    "Grace",
    "Henry",
    "Alice",
    "Thomas",
    "Laura",
    "Daniel",
    "Sophie",
    "Peter",
    "Helen",
    "Marcus",
    "Nina",
    "Victor",
    "Irene",
    "Paul",
]
_ENGLISH_LAST = [
    "Clarke",
    "Turner",
    "Walsh",
    "Bennett",
    "Hughes",
    "Foster",
    "Reid",
    "Palmer",
    "Doyle",
    "Marsh",
    "Sutton",
    "Keane",
]
_ORG_PLACE = [
    "钱江",
    "西湖",
    "甬城",
    "南湖",
    "东海",
    "天目",
    "富春",
    "越秀",
    "云栖",
    "临江",
    "宝石",
    "凤凰",
    "海曙",
    "镇江",
    "运河",
    "龙井",
]
_ORG_WORD = [
    "恒远",
    "华盛",
    "新锐",
    "瑞丰",
    "中和",
    "金诚",
    "立达",
    "博创",
    "永兴",
    "泰和",
    "盛源",
    "宏图",
    "精益",
    "同辉",
    "安宁",
    "鼎新",
    "卓越",
    "万顺",
    "祥云",
    "启明",
]
_ORG_TRADE = {
    "A": ["生态农业", "种植专业合作社", "畜牧", "水产养殖"],
    "C": ["机械制造", "纺织", "电子科技", "塑料制品", "精密铸造", "食品加工"],
    "D": ["供电服务", "水务", "热力"],
    "F": ["商贸", "物资供应", "百货", "信息服务", "物业管理", "文化传播"],
}
_ORG_FORM = ["有限公司", "股份有限公司", "有限责任公司"]
_ENGLISH_ORG = [
    "Westlake",
    "Harbour",
    "Evergreen",
    "Northgate",
    "Silverline",
    "Eastbay",
    "Redwood",
    "Bluepeak",
    "Longriver",
    "Brightway",
]
_ENGLISH_TRADE = [
    "Precision Tools",
    "Textiles",
    "Logistics",
    "Food Products",
    "Electronics",
    "Plastics",
    "Trading",
    "Packaging",
]
_STREETS = [
    "中山路",
    "解放路",
    "人民路",
    "建设路",
    "文一路",
    "学院路",
    "环城北路",
    "滨江大道",
    "体育场路",
    "凤起路",
    "江南大道",
    "康桥路",
    "长河路",
    "望江路",
    "创新路",
    "科技路",
]

# region code, province, city, district, first digits of the postcode (GB/T 2260 divisions)
DIVISIONS: tuple[tuple[str, str, str | None, str | None, str], ...] = (
    ("330000", "浙江省", None, None, "31"),
    ("330100", "浙江省", "杭州市", None, "31"),
    ("330102", "浙江省", "杭州市", "上城区", "310"),
    ("330105", "浙江省", "杭州市", "拱墅区", "310"),
    ("330106", "浙江省", "杭州市", "西湖区", "310"),
    ("330108", "浙江省", "杭州市", "滨江区", "310"),
    ("330109", "浙江省", "杭州市", "萧山区", "311"),
    ("330110", "浙江省", "杭州市", "余杭区", "311"),
    ("330111", "浙江省", "杭州市", "富阳区", "311"),
    ("330112", "浙江省", "杭州市", "临安区", "311"),
    ("330200", "浙江省", "宁波市", None, "315"),
    ("330203", "浙江省", "宁波市", "海曙区", "315"),
    ("330205", "浙江省", "宁波市", "江北区", "315"),
    ("330206", "浙江省", "宁波市", "北仑区", "315"),
    ("330211", "浙江省", "宁波市", "镇海区", "315"),
    ("330212", "浙江省", "宁波市", "鄞州区", "315"),
    ("330400", "浙江省", "嘉兴市", None, "314"),
    ("330402", "浙江省", "嘉兴市", "南湖区", "314"),
    ("330411", "浙江省", "嘉兴市", "秀洲区", "314"),
    ("330600", "浙江省", "绍兴市", None, "312"),
    ("330602", "浙江省", "绍兴市", "越城区", "312"),
    ("330603", "浙江省", "绍兴市", "柯桥区", "312"),
    ("320000", "江苏省", None, None, "21"),
    ("320100", "江苏省", "南京市", None, "210"),
    ("320102", "江苏省", "南京市", "玄武区", "210"),
    ("320104", "江苏省", "南京市", "秦淮区", "210"),
    ("320106", "江苏省", "南京市", "鼓楼区", "210"),
    ("320500", "江苏省", "苏州市", None, "215"),
    ("320508", "江苏省", "苏州市", "姑苏区", "215"),
    ("610000", "陕西省", None, None, "71"),
    ("610100", "陕西省", "西安市", None, "710"),
    ("610102", "陕西省", "西安市", "新城区", "710"),
    ("610104", "陕西省", "西安市", "莲湖区", "710"),
    ("610113", "陕西省", "西安市", "雁塔区", "710"),
)
DISTRICTS = tuple(number for number, row in enumerate(DIVISIONS) if row[3])
HOME_DISTRICTS = tuple(number for number in DISTRICTS if DIVISIONS[number][1] == "浙江省")


def take(words: list[str] | tuple[str, ...], at: Ints) -> Text:
    """Words by index as Arrow text."""
    return pa.array(list(words), pa.string()).take(pa.array(at))


def join(*parts: Text | str) -> Text:
    """Texts joined element by element."""
    return pc.binary_join_element_wise(*parts, "")


def number_text(numbers: Ints, width: int = 0) -> Text:
    """Whole numbers as text, padded with zeros to ``width``."""
    text = pa.array(np.asarray(numbers, dtype=np.int64)).cast(pa.string())
    return pc.utf8_lpad(text, width, "0") if width else text


def ident(prefix: str, numbers: Ints, width: int = 9) -> Text:
    """Identifiers: a prefix and a zero-padded number."""
    return join(prefix, number_text(numbers, width))


def scramble(numbers: Ints, modulus: int, factor: int, offset: int) -> Ints:
    """A bijection of 0..modulus-1 (prime modulus): spreads consecutive numbers."""
    return (numbers.astype(np.int64) * factor + offset) % modulus


def digits(numbers: Ints, width: int) -> Ints:
    """Decimal digits, shape (n, width), most significant first."""
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return (np.asarray(numbers, dtype=np.int64)[:, None] // powers) % 10


_ID_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])


def identity_numbers(customer: Ints, region: Ints, seed: int) -> tuple[Text, Ints]:
    """Resident identity numbers (GB 11643) with their check character, one for each customer number.

    Args:
        customer: customer numbers, unique in the utility, below 9,999,991.
        region: six-digit division.
        seed: moves the numbers.

    Returns:
        the numbers, all different, and the day numbers of birth they hold.
    """
    spread = scramble(customer, 9_999_991, 4_827_103, seed % 9_999_991)
    born = (spread // 500) - 7300  # 20,000 days from 1950 on
    date = born.astype("datetime64[D]")
    year = date.astype("datetime64[Y]").astype(np.int64) + 1970
    month = date.astype("datetime64[M]").astype(np.int64) % 12 + 1
    day = (date - date.astype("datetime64[M]")).astype(np.int64) + 1
    body = ((region * 10000 + year) * 10000 + month * 100 + day) * 1000 + spread % 500 + 1
    check = (digits(body, 17) * _ID_WEIGHTS).sum(axis=1) % 11
    return join(number_text(body, 17), take(list("10X98765432"), check)), born


_CODE = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_ORG_WEIGHTS = np.array([3, 7, 9, 10, 5, 8, 4, 2])
_CREDIT_WEIGHTS = np.array([1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28])


def credit_codes(customer: Ints, region: Ints, seed: int) -> Text:
    """Unified social credit codes (GB 32100), with the organisation code's check (GB 11714) inside."""
    spread = scramble(customer, 99_999_989, 48_271_331, seed % 99_999_989)
    body = digits(spread, 8)
    inner = (11 - (body * _ORG_WEIGHTS).sum(axis=1) % 11) % 11
    head = digits(91_000_000 + region, 8)
    # X (10) stands at 29 in the code's own alphabet of 31
    values = np.concatenate([head, body, np.where(inner == 10, _CODE.index("X"), inner)[:, None]], axis=1)
    outer = (31 - (values * _CREDIT_WEIGHTS).sum(axis=1) % 31) % 31
    return join(
        number_text(91_000_000 + region, 8),
        number_text(spread, 8),
        take(list("0123456789X"), inner),
        take(list(_CODE), outer),
    )


_MOBILE_PREFIX = [
    "134",
    "135",
    "136",
    "137",
    "138",
    "139",
    "150",
    "151",
    "152",
    "157",
    "158",
    "159",
    "182",
    "183",
    "187",
    "188",
]


def mobile_numbers(customer: Ints, seed: int) -> Text:
    """Mobile numbers, all different, each valid for CN."""
    spread = scramble(customer, 99_999_989, 7_368_787, (seed * 31) % 99_999_989)
    return join(take(_MOBILE_PREFIX, customer % len(_MOBILE_PREFIX)), number_text(spread, 8))


def phone_numbers(customer: Ints) -> Text:
    """Landlines of Hangzhou."""
    return join(
        "0571-8", number_text(scramble(customer, 9_999_991, 7919, 2_000_003) % 8_000_000 + 1_000_000, 7)
    )


def person_names(rng: np.random.Generator, count: int) -> Text:
    """Chinese names, one in 25 English."""
    chinese = join(
        take(_SURNAMES, rng.integers(0, len(_SURNAMES), count)),
        take(_GIVEN, rng.integers(0, len(_GIVEN), count)),
    )
    english = join(
        take(_ENGLISH_FIRST, rng.integers(0, len(_ENGLISH_FIRST), count)),
        " ",
        take(_ENGLISH_LAST, rng.integers(0, len(_ENGLISH_LAST), count)),
    )
    return pc.if_else(pa.array(rng.random(count) < 0.04), english, chinese)


def organisation_names(rng: np.random.Generator, trade: list[str]) -> Text:
    """Names of organisations; ``trade`` holds the industry section letter of each."""
    count = len(trade)
    options = [
        _ORG_TRADE.get(letter) or (_ORG_TRADE["C"] if letter == "B" else _ORG_TRADE["F"]) for letter in trade
    ]
    pick = rng.integers(0, 1 << 20, count)
    trades = pa.array([words[at % len(words)] for words, at in zip(options, pick, strict=True)], pa.string())
    chinese = join(
        take(_ORG_PLACE, rng.integers(0, len(_ORG_PLACE), count)),
        take(_ORG_WORD, rng.integers(0, len(_ORG_WORD), count)),
        trades,
        take(_ORG_FORM, rng.integers(0, len(_ORG_FORM), count)),
    )
    english = join(
        take(_ENGLISH_ORG, rng.integers(0, len(_ENGLISH_ORG), count)),
        " ",
        take(_ENGLISH_TRADE, rng.integers(0, len(_ENGLISH_TRADE), count)),
        " Co., Ltd.",
    )
    return pc.if_else(pa.array(rng.random(count) < 0.1), english, chinese)


def division_text(division: Ints) -> Text:
    """Province, city and district written together."""
    return take(["".join(part for part in row[1:4] if part) for row in DIVISIONS], division)


def addresses(division: Ints, street: Ints, number: Ints, room: Ints) -> Text:
    """Addresses that start with a division; a room of 0 leaves the room out."""
    rooms = pc.if_else(pa.array(room > 0), join(number_text(room), "室"), "")
    return join(
        division_text(division), take(_STREETS, street % len(_STREETS)), number_text(number), "号", rooms
    )


def region_numbers(division: Ints) -> Ints:
    """Six-digit codes of divisions by index."""
    return np.array([int(row[0]) for row in DIVISIONS])[division]


def postcodes(division: Ints, street: Ints) -> Text:
    """Six-digit postcodes that start with the division's digits: one for a hundred of its streets."""
    prefix = take([row[4] for row in DIVISIONS], division)
    return pc.utf8_rpad(join(prefix, number_text(street // 100, 2)), 6, "0")
