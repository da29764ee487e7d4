"""The counter's page: a form for the clerk, filled in, looked up and checked without a script.

What was typed stays where it was, whatever comes of it. Everything is posted, so that no account stands in an address.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from wattmark.audit.counter import CHANGEABLE, CHANGES, ORDER, ApplicationError, Counter, Language, Violation
from wattmark.code_names import form_of
from wattmark.page import page as framed

KINDS = ("increase", "new")
"""Orders that the rules of applications look at."""
PAPERS = {
    "needs_customer_works": False,
    "works_materials_entered": False,
    "equipment_list_provided": True,
    "vat_documents_complete": True,
}
"""Boxes of the form, and whether they are ticked at first."""
NUMBERS = ("requested_kva", "supply_kv", "metering_kv")
CODES = ("usage_category", "metering_mode", "demand_basis")
ORDER_ID = "COUNTER"
"""The order has no number yet when its application is checked."""
_NUMBER = re.compile(r"\d+(?:\.\d+)?|\d{1,3}(?:,\d{3})+(?:\.\d+)?")

TEXTS: dict[Language, dict[str, str]] = {
    "en": {
        "title": "Check an application",
        "intro": "Looks at the application as the rules would, before it is accepted. What is left empty is as it stands.",
        "account_id": "Account",
        "look": "Look up",
        "check": "Check",
        "kind": "Order",
        "requested_kva": "Capacity asked for in kVA (new: in all; increase: in addition)",
        "papers": "Papers and works",
        "needs_customer_works": "The customer has works of its own to build",
        "works_materials_entered": "The materials of these works are entered",
        "equipment_list_provided": "The equipment list was handed in",
        "vat_documents_complete": "The VAT documents are complete",
        "changes": "What is to change",
        "what": "what",
        "now": "as it stands",
        "then": "is to be",
        "usage_category": "Usage category",
        "tariff_code": "Tariff",
        "supply_kv": "Supply voltage in kV",
        "metering_kv": "Metering voltage in kV",
        "metering_mode": "Metering",
        "demand_basis": "Basic charge",
        "contracted_kva": "Contracted capacity in kVA",
        "as_it_stands": "as it stands",
        "found": "What is wrong",
        "nothing": "Nothing is wrong.",
        "looked": "Rules that looked at it: {rules}; of these object: {objecting}.",
        "at_stake": "Money at stake",
        "high": "severe",
        "medium": "medium",
        "low": "minor",
        "wrong": "Not checked: correct what is marked.",
        "missing": "This is needed.",
        "no_account": "There is no such account.",
        "no_tariff": "There is no such tariff.",
        "no_number": "This is no number above 0, such as 315 or 0.38.",
        "not_valid": "This is not valid.",
        "interface": "For programs: the interface",
        "other": "中文",
    },
    "zh": {
        "title": "业扩申请校验",
        "intro": "受理前按稽查规则校验申请。未填写的内容按现有档案执行。",
        "account_id": "户号",
        "look": "查询",
        "check": "校验",
        "kind": "业务类型",
        "requested_kva": "申请容量（kVA；新装填总容量，增容填增加的容量）",
        "papers": "资料与工程",
        "needs_customer_works": "有客户受电工程",
        "works_materials_entered": "受电工程材料信息已录入",
        "equipment_list_provided": "已提供动力设备清单",
        "vat_documents_complete": "增值税资料齐全",
        "changes": "变更内容",
        "what": "项目",
        "now": "现状",
        "then": "变更为",
        "usage_category": "用电类别",
        "tariff_code": "电价代码",
        "supply_kv": "供电电压（kV）",
        "metering_kv": "计量电压（kV）",
        "metering_mode": "计量方式",
        "demand_basis": "基本电费计收方式",
        "contracted_kva": "合同容量（kVA）",
        "as_it_stands": "不变更",
        "found": "校验结果",
        "nothing": "未发现问题。",
        "looked": "校验规则 {rules} 条，不符合 {objecting} 条。",
        "at_stake": "涉及金额（元）",
        "high": "严重",
        "medium": "一般",
        "low": "轻微",
        "wrong": "未校验：请更正标出的内容。",
        "missing": "此项必填。",
        "no_account": "没有此户号。",
        "no_tariff": "没有此电价代码。",
        "no_number": "请填写大于 0 的数字，如 315 或 0.38。",
        "not_valid": "填写有误。",
        "interface": "程序接口说明",
        "other": "English",
    },
}
_SAID = {"no such account": "no_account", "no such customer": "no_account", "no such tariff": "no_tariff"}


@dataclass
class Form:
    """A form as it is shown: what was typed, what is wrong with it, and what came of it."""

    typed: dict[str, str] = field(default_factory=dict)
    ticked: dict[str, bool] = field(default_factory=lambda: dict(PAPERS))
    wrong: dict[str, str] = field(default_factory=dict)
    """Keys of ``TEXTS`` by field; the field ``""`` is the form as a whole."""
    account: dict[str, Any] | None = None
    violations: list[Violation] | None = None


def _typed(given: Mapping[str, str]) -> Form:
    names = ("account_id", "kind", "requested_kva", *CHANGEABLE)
    typed = {name: unicodedata.normalize("NFKC", given.get(name, "")).strip()[:200] for name in names}
    return Form(typed, {name: name in given for name in PAPERS})


def _application(form: Form) -> dict[str, Any]:
    """The application that was typed; notes in the form what is none."""
    values: dict[str, Any] = {name: text for name, text in form.typed.items() if text}
    for name in NUMBERS:
        if name in values:
            if not _NUMBER.fullmatch(values[name]):
                form.wrong[name] = "no_number"
                continue
            values[name] = float(values[name].replace(",", ""))
    for name in ("account_id", "kind"):
        if name not in values:
            form.wrong[name] = "missing"
    order = {name: values[name] for name in ("account_id", "kind", "requested_kva") if name in values}
    changes = {name: values[name] for name in CHANGEABLE if name in values}
    return {ORDER: {"order_id": ORDER_ID, **order, **form.ticked}, CHANGES: changes}


def _note(form: Form, error: ApplicationError) -> None:
    for problem in error.problems:
        name = problem["where"].rpartition(".")[2]
        known = next((key for said, key in _SAID.items() if problem["what"].startswith(said)), "not_valid")
        if known == "no_account":
            name = "account_id"
        if known == "not_valid" and name in NUMBERS:
            known = "no_number"
        form.wrong.setdefault(name if name in form.typed else "", known)


def answered(counter: Counter, given: Mapping[str, str], language: Language) -> Form:
    """What came of a form that was sent.

    Args:
        counter: checks it.
        given: what was sent, by field; ``do`` says what is wanted: ``look`` or ``check``, else it is only shown again.
        language: of the messages.
    """
    form = _typed(given)
    wanted = given.get("do")
    if account_id := form.typed["account_id"]:
        form.account = counter.account(account_id)
    if wanted == "look":
        if form.account is None:
            form.wrong["account_id"] = "no_account" if account_id else "missing"
    elif wanted == "check":
        application = _application(form)
        if not form.wrong:
            try:
                form.violations = counter.check(application, language)
            except ApplicationError as error:
                _note(form, error)
    return form


def form_page(form: Form, language: Language, counter: Counter | None) -> str:
    """The page.

    Args:
        form: what it shows.
        language: of the page.
        counter: names codes and tariffs; None while there is none to ask.
    """
    texts = TEXTS[language]
    template = Environment(loader=PackageLoader("wattmark.web"), autoescape=True).get_template("counter.html")
    names = counter.plan.words.names.of_source if counter else {}
    choices = {
        "kind": [(kind, names.get("service_order.kind", {}).get(kind, {}).get(language, kind)) for kind in KINDS],
        **{
            name: [(code, told[language]) for code, told in names.get(f"account.{name}", {}).items()]
            for name in CODES
        },
    }  # fmt: skip
    body = template.render(
        form=form,
        t=texts,
        language=language,
        other="en" if language == "zh" else "zh",
        choices=choices,
        changeable=CHANGEABLE,
        papers=list(PAPERS),
        now=_now(form, counter, language),
        rules=len(counter.rules) if counter else 0,
        money=lambda amount: form_of("amount").write(amount, language),
    )
    return framed(texts["title"], Markup(body), "zh-CN" if language == "zh" else "en")  # noqa: S704 - escaped


def _now(form: Form, counter: Counter | None, language: Language) -> dict[str, str]:
    """What stands of the account, in words."""
    if counter is None or form.account is None:
        return {}
    names = counter.plan.words.names.of_source
    return {
        name: ""
        if value is None
        else form_of(name).write(value, language)
        if isinstance(value, float)
        else names.get(f"account.{name}", {}).get(value, {}).get(language, value)
        for name, value in form.account.items()
    }
