"""Messages: each member is told the right thing in her language, never a code, and who cannot be told it is left off."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
from pathlib import Path
from typing import Any

import pypdf
import pytest
from sqlalchemy import Engine, create_engine, text

from tests.campaign.test_decide import campaign
from tests.campaign.test_definition import GOOD
from tests.campaign.test_lists import NOW, PEOPLE, digest, make, release, rows_of
from tests.campaign.test_steps import alone, night, put, settings_of
from tests.campaign.world import AS_OF, TABLES, open_world
from wattmark.campaign.check import check
from wattmark.campaign.definition import read_campaign
from wattmark.campaign.keys import campaign_key
from wattmark.campaign.letters import (
    RECIPIENT_LINES,
    Letter,
    font_path,
    lines_of,
    unprintable,
    write_letters,
)
from wattmark.campaign.message import reply_code
from wattmark.campaign.people import look_at_people
from wattmark.campaign.recheck import know
from wattmark.campaign.replies import codes_in, kind_of, read_replies, suppress
from wattmark.campaign.replies import rows_of as event_rows
from wattmark.campaign.wording import environment
from wattmark.campaign_settings import Letters
from wattmark.errors import WattmarkError
from wattmark.settings import load_settings

OFFER = """id: spring
name: {en: Spring, zh: 春季}
objective: Something that is worth doing.
owner: somebody
purpose: marketing
valid_from: 2026-01-01
valid_to: 2026-12-31
schedule: {cron: '0 6 * * 1'}
audience: {grain: account, where: "account.status = 'active' AND account.usage_category = 'residential'"}
exclude:
  in_arrears: {off: Nothing is said of money that is owed.}
  in_dispute: {off: Nothing is said of what is in dispute.}
channels: [{channel: sms}, {channel: email}, {channel: post}, {channel: phone}]
cells: [{cell: plain, share: 0.5}, {cell: bonus, share: 0.5}]
messages:
  all:
    any:
      zh:
        subject: '{{ service.product_code }}'
        text: '{{ contact.name }}，{{ fit.tariff_code }}每年可省 {{ fit.saving_amount }} 元。{{ service.product_code }}'
        script: '您好，{{ account.org_unit_id }}。'
        offer: 电子账单
      en:
        subject: 'Save {{ fit.saving_amount }}'
        text: 'Dear {{ contact.name }}, {{ fit.tariff_code }} saves {{ fit.saving_amount }}: {{ service.product_code }}, {{ fit.demand_basis }}.'
        script: 'Good day from {{ account.org_unit_id }}.'
        offer: E-bill
  bonus:
    any:
      en: {offer: 'E-bill and {{ 5.0 }} off'}
limits: {size: 1000}
control_share: 0.1
personalise: [contact.name, contact.language, fit.tariff_code, fit.saving_amount, fit.demand_basis, service.product_code, account.org_unit_id]
seeds: [{name: Desk, email: desk@utility.example.com, mobile: '13800138000', phone: '057188880000', postal_address: 1 Utility Road, postcode: '100000'}]
approval: {by: [boss]}
success: {event: converted}
"""
NAMES = {
    "accepted__customer": TABLES["accepted.customer"].replace(
        "'zh' AS language", "CASE WHEN i % 2 = 0 THEN 'zh' WHEN i % 5 = 0 THEN 'fr' ELSE 'en' END AS language"
    ),
}
WITH_SERVICE = "SELECT aid(i) AS account_id, 'green_power' AS product_code, 1.5 AS lift, 0.3 AS confidence, 0.3 AS expected_take_up, CAST(NULL AS DOUBLE) AS resemblance FROM range({n}) AS r(i)"


def offered(folder: Path, ops: Engine, text: str = OFFER, **instead: str) -> Any:
    (folder / "campaigns").mkdir(parents=True, exist_ok=True)
    (folder / "campaigns" / "spring.yaml").write_text(text, encoding="utf-8")
    (folder / "campaign.key").write_text("7" * 64)
    tables = {"mart__next_service": WITH_SERVICE} | NAMES | instead
    return make(load_settings(folder), ops, ["spring"], **tables)["spring"]


@pytest.fixture(scope="module")
def spring(tmp_path_factory: pytest.TempPathFactory, warehouse_url: str) -> tuple[Path, Any]:
    """A home with the list of the offer, made once; its files stay, the warehouse forgets it."""
    folder = tmp_path_factory.mktemp("spring")
    engine = create_engine(warehouse_url)
    try:
        return folder, offered(folder, ops_cleared(engine))
    finally:
        ops_cleared(engine).dispose()


def listed(outcome: Any) -> list[dict[str, str]]:
    return [row for path in outcome.files if path.endswith(".csv") for row in rows_of(path)]


def test_each_is_told_it_in_her_language_by_name_and_not_by_code(spring: tuple[Path, Any]) -> None:
    folder, outcome = spring
    assert outcome.problem == ""
    key = campaign_key(folder)
    rows = listed(outcome)
    assert {row["channel"] for row in rows} == {"sms", "email", "post", "phone"}
    codes = [row["reply_code"] for row in rows]
    assert len(set(codes)) == len(codes) > 50
    for row in rows:
        said = " ".join(
            row.get(name) or "" for name in ("message_subject", "message_text", "message_script", "offer")
        )
        assert "R2" not in said.replace(row["reply_code"], "")
        assert "green_power" not in said
        assert "none" not in said.lower().split()
        account = row["channel"] if row["is_seed"] == "true" else row["account_id"]
        assert row["reply_code"] == reply_code(key, outcome.campaign_run_id, row["customer_id"], account)
        assert row["reply_code"] in row["opt_out"]
        english = row["language"] == "en"
        if row["is_seed"] == "true":
            continue
        if row["channel"] in ("sms", "email", "post"):
            amount = f"{float(row['fit_saving_amount']):.2f}"
            assert row["name"] in row["message_text"]
            assert amount in row["message_text"]
            assert "峰谷电价" in row["message_text"]
            assert ("green power, no basic charge" if english else "绿色电力") in row["message_text"]
            # Marketing says how to hear no more of it, where nobody has placed it.
            assert row["message_text"].endswith(row["opt_out"])
        else:
            number = row["account_org_unit_id"].removeprefix("U")
            assert row["message_script"] == (
                f"Good day from Unit {number}." if english else f"您好，Unit {number}。"
            )
        bonus = "E-bill and 5 off" if row["cell"] == "bonus" else "E-bill"
        assert row["offer"] == (bonus if english else "电子账单")
    assert {row["language"] for row in rows} >= {"en", "zh", "fr"}
    assert all(
        "，" in row["message_text"] for row in rows if row["language"] == "fr" and row.get("message_text")
    )


def test_who_lacks_a_value_is_left_off_and_it_is_seen_before_release(tmp_path: Path, ops: Engine) -> None:
    # A third of the accounts is offered nothing, a third a service that nobody has a name for.
    gaps = (
        "SELECT aid(i) AS account_id, CASE i % 3 WHEN 0 THEN 'green_power' ELSE 'teleporter' END AS product_code, 1.5 AS lift, "
        "0.3 AS confidence, 0.3 AS expected_take_up, CAST(NULL AS DOUBLE) AS resemblance FROM range({n}) AS r(i) WHERE i % 3 < 2"
    )
    outcome = offered(tmp_path, ops, mart__next_service=gaps)
    manifest = json.loads((Path(outcome.files[0]).parent / "manifest.json").read_text())
    rows = [row for row in listed(outcome) if row["is_seed"] == "false"]
    told = [row for row in rows if row["channel"] != "phone"]
    assert told
    assert {row["service_product_code"] for row in told} == {"green_power"}
    # Calls say nothing of the service: nobody is left off for it there.
    assert {row["service_product_code"] for row in rows if row["channel"] == "phone"} >= {"", "teleporter"}
    assert manifest["lacking"] == {"service.product_code": outcome.dropped}
    assert len(rows) == outcome.listed - outcome.dropped
    with ops.connect() as connection:
        drops = dict(
            connection.execute(text("SELECT reason, COUNT(*) FROM ops.campaign_drop GROUP BY 1")).all()
        )
    assert drops == {"lacks_value": outcome.dropped}
    tables = {"mart__next_service": gaps} | NAMES
    assert release(
        load_settings(tmp_path), ops, outcome.campaign_run_id, "boss", digest(outcome), NOW, **tables
    )
    after = json.loads((Path(outcome.files[0]).parent / "manifest.json").read_text())
    assert after["release"]["dropped"] == {"lacks_value": outcome.dropped}
    # A file lost before approval is written again without them, and nobody is noted twice.
    other = offered(tmp_path / "b", ops_cleared(ops), mart__next_service=gaps)
    Path(other.files[0]).unlink()
    assert digest(offered(tmp_path / "b", ops, mart__next_service=gaps)) == digest(other)


def test_an_address_that_does_not_print_whole_is_no_letter(tmp_path: Path, ops: Engine) -> None:
    """Six lines are seen in the window, the postcode's among them; and no letter shows an empty box for a character."""
    line = "省" * 20
    printer = lines_of(font_path(Letters()))
    assert len(printer.address(("张伟", line * 4, "100080"))) == RECIPIENT_LINES
    assert len(printer.address(("张伟", f"{line * 4}省", "100080"))) > RECIPIENT_LINES
    written = f"CASE i % 3 WHEN 0 THEN 'Road ' WHEN 1 THEN '{line * 4}' ELSE 'Road \U0001f469' END || i"
    body = TABLES["accepted.customer"].replace("'Road ' || (i // 2)", written)
    outcome = offered(tmp_path, ops, accepted__customer=body)
    manifest = json.loads((Path(outcome.files[0]).parent / "manifest.json").read_text())
    assert set(manifest["lacking"]) == {"room for the address in the window", "U+1F469 in the letters' font"}
    assert sum(manifest["lacking"].values()) == outcome.dropped
    printed = rows_of(next(path for path in outcome.files if path.endswith("post.csv")))
    assert len(printed) > 5
    assert all(
        row["postal_address"].removeprefix("Road ").isdigit() for row in printed if row["is_seed"] == "false"
    )


def ops_cleared(ops: Engine) -> Engine:
    with ops.begin() as connection:
        connection.execute(text("TRUNCATE ops.campaign_run, ops.campaign_member, ops.campaign_drop CASCADE"))
    return ops


def test_nobody_who_can_be_told_it_is_no_list(tmp_path: Path, ops: Engine) -> None:
    nobody = OFFER.replace(
        "channels: [{channel: sms}, {channel: email}, {channel: post}, {channel: phone}]",
        "channels: [{channel: sms}]",
    )
    outcome = offered(tmp_path, ops, nobody, mart__next_service=TABLES["mart.next_service"] + " AND FALSE")
    assert (outcome.state, outcome.files, outcome.dropped) == ("refused", [], outcome.listed)
    assert outcome.listed > 0


def test_ten_members_are_shown_and_kept_private(spring: tuple[Path, Any]) -> None:
    _, outcome = spring
    file = Path(outcome.files[0]).parent / "previews.json"
    assert file.stat().st_mode & 0o777 == 0o600
    shown = json.loads(file.read_text())
    rows = {row["reply_code"]: row for row in listed(outcome)}
    assert len(shown) == 10
    assert {(preview["cell"], preview["language"]) for preview in shown} >= {
        ("plain", "en"),
        ("plain", "zh"),
        ("bonus", "en"),
        ("bonus", "zh"),
    }
    for said in shown:
        row = rows[said["reply_code"]]
        assert row["is_seed"] == "false"
        assert {name: row[name] for name in said if name in row and name != "language"} == {
            name: value for name, value in said.items() if name in row and name != "language"
        }
    names = {entry["file"] for entry in json.loads((file.parent / "manifest.json").read_text())["files"]}
    assert "previews.json" not in names


def place_of(page: pypdf.PageObject, wanted: str) -> tuple[float, float]:
    placed: dict[str, tuple[float, float]] = {}

    def visit(text: str, _: Any, matrix: list[float], *__: Any) -> None:
        placed.setdefault(text.replace("\x00", "").strip(), (matrix[4], matrix[5]))

    page.extract_text(visitor_text=visit)
    return placed[wanted]


def test_letters_have_their_address_in_the_window_and_the_code(spring: tuple[Path, Any]) -> None:
    _, outcome = spring
    path = next(Path(path) for path in outcome.files if path.endswith("post.pdf"))
    rows = rows_of(str(path.with_suffix(".csv")))
    pdf = pypdf.PdfReader(path)
    assert len(pdf.pages) == len(rows)
    for page, row in zip(pdf.pages, rows, strict=True):
        said = page.extract_text().replace("\x00", "")
        for part in (row["name"], row["postal_address"], row["postcode"], row["reply_code"]):
            assert part in said
        x, y = place_of(page, row["name"])
        # DIN 5008 form B: the field lies 20 to 105 mm from the left, 45 to 90 mm from the top.
        assert 20 < x / 72 * 25.4 < 105
        assert 62.7 < 297 - y / 72 * 25.4 < 90
    assert path.stat().st_mode & 0o777 == 0o600
    entry = next(
        candidate
        for candidate in json.loads((path.parent / "manifest.json").read_text())["files"]
        if candidate["file"] == "post.pdf"
    )
    assert entry["rows"] == len(rows)


def test_long_letters_go_on_and_words_stay_whole() -> None:
    stream = io.BytesIO()
    letter = Letter(
        ("张伟", "北京市" * 30, "100080"),
        "Subject",
        "word and 用电 " * 900,
        "7G2K-QX0M-9TRA",
        "3 November 2026",
    )
    write_letters([letter, letter], Letters(), "Utility", stream)
    pages = pypdf.PdfReader(io.BytesIO(stream.getvalue())).pages
    assert len(pages) == 8
    again = io.BytesIO()
    write_letters([letter, letter], Letters(), "Utility", again)
    assert again.getvalue() == stream.getvalue()
    printer = lines_of(font_path(Letters()))
    for text_ in ("alpha beta gamma " * 20, "峰谷分时电价，" * 30, "x" * 300, ""):
        lines = printer.wrapped(text_, 60)
        assert all(printer._width(line, 11) <= 60 + printer._width("，", 11) for line in lines)
        assert "".join(lines).replace(" ", "") == text_.replace(" ", "")
        assert not any(line.startswith("，") for line in lines)
    assert set(printer.wrapped("alpha beta gamma " * 20, 60)) <= {
        "alpha beta gamma alpha beta",
        "gamma alpha beta gamma",
        *printer.wrapped("alpha beta gamma " * 20, 60),
    }
    assert all(
        word in ("alpha", "beta", "gamma")
        for line in printer.wrapped("alpha beta gamma " * 20, 60)
        for word in line.split()
    )
    assert unprintable(["张伟", "Müller"], Letters()) == ""
    assert unprintable(["x\U0001f469"], Letters()) == "\U0001f469"


def test_what_cannot_be_worked_out_lets_no_message_out(tmp_path: Path, ops: Engine) -> None:
    """An eighth divides by nothing; and nobody makes a text of a gigabyte out of a name."""
    sums = OFFER.replace(
        "每年可省 {{ fit.saving_amount }} 元", "{{ 100 / (account.load_profile - 3) }}"
    ).replace("saves {{ fit.saving_amount }}:", "{{ 100 / (account.load_profile - 3) }}:")
    sums = sums.replace("personalise: [", "personalise: [account.load_profile, ")
    outcome = offered(tmp_path, ops, sums)
    manifest = json.loads((Path(outcome.files[0]).parent / "manifest.json").read_text())
    assert manifest["lacking"] == {"what is calculated": outcome.dropped}
    assert 0 < outcome.dropped < outcome.listed
    for text_ in ("{{ 'x' * 1000000000 }}", "{{ contact.name * 1000000000 }}", "{{ contact.name + 1 }}"):
        template = environment("en").from_string(text_)
        with pytest.raises(TypeError):
            template.render(contact={"name": "Zhang Wei"})
    assert environment("en").from_string("{{ 2 * 3.5 - 1 }}").render() == "6"


def said_of(tmp_path: Path, message: str, more: str = "") -> str:
    path = tmp_path / "wrong.yaml"
    path.write_text(GOOD + f"messages: {message}\n{more}", encoding="utf-8")
    try:
        check(read_campaign(path), load_settings(tmp_path))
    except WattmarkError as error:
        return str(error).replace(str(tmp_path), "")
    return ""


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("{all: {sms: {zh: {text: '{{ contact.name }} {{ reply_code }} {{ send_on }}'}}}}", ""),
        (
            '{all: {sms: {zh: {text: "{% if contact.name is defined %}{{ contact.name | upper }}{% else %}x{% endif %}"}}}}',
            "",
        ),
        (
            "{all: {sms: {zh: {text: '{{ contact.nane }}'}}}}",
            "wrong.yaml:17: messages.all.sms.zh.text: contact.nane may not be told on sms",
        ),
        (
            "{all: {sms: {zh: {text: '{{ contact.mobile }}{{ contact.email }}'}}}}",
            "contact.email may not be told on sms",
        ),
        ("{all: {sms: {zh: {text: '{{ customer.grade }}'}}}}", "customer.grade is not on the list"),
        ("{all: {sms: {zh: {text: '{{ name }}'}}}}", "{{ name }} is nothing that a message knows"),
        ("{all: {sms: {zh: {text: '{{ occasion }}'}}}}", "{{ occasion }} is nothing that a message knows"),
        ("{all: {sms: {zh: {text: '{{ contact.name'}}}}", "it cannot be read"),
        (
            "{all: {sms: {zh: {text: '{% for x in contact %}{{ x }}{% endfor %}'}}}}",
            "for is not for messages",
        ),
        (
            "{all: {sms: {zh: {text: '{{ contact.name.__class__ }}'}}}}",
            "a placeholder is a relation and a column",
        ),
        ("{all: {sms: {zh: {text: '{{ contact.name | tojson }}'}}}}", "it cannot be read: No filter named"),
        ("{all: {sms: {zh: {text: '{{ cycler() }}'}}}}", "call is not for messages"),
        ("{all: {sms: {zh: {text: '{{ utility.password }}'}}}}", "of the utility there are name"),
        ("{all: {sms: {en: {text: Hello}}}}", "standard, sms, zh: there is no text"),
        ("{all: {sms: {zh: {text: Hello}, en: {offer: Gift}}}}", "standard, sms, en: there is no text"),
        ("{all: {email: {zh: {text: Hello}}}}", "the campaign has no channel email"),
        ("{plain: {sms: {zh: {text: Hello}}}}", "there is no cell or step plain"),
        ('{all: {sms: {zh: {text: "Pay \\u202e now"}}}}', "U+202E, which does not show"),
        (
            '{all: {sms: {zh: {text: "Pay\\u200b now"}}}}',
            "messages.all.sms.zh.text: it holds the character U+200B",
        ),
        # What joins the parts of an emoji is no hidden letter.
        ('{all: {sms: {zh: {text: "Hello \\U0001F469\\u200d\\U0001F33E"}}}}', ""),
        ("{all: {sms: {fr: {text: Bonjour}}}}", "messages.all.sms.fr"),
        ("{all: {sms: {zh: {txt: Hello}}}}", "messages.all.sms.zh.txt"),
    ],
)
def test_a_mistake_in_a_message_is_told(tmp_path: Path, message: str, said: str) -> None:
    found = said_of(tmp_path, message)
    assert said in found
    assert bool(found) is bool(said)


def test_what_a_letter_cannot_show_is_told_by_the_check_and_left_out_of_the_list(
    tmp_path: Path, ops: Engine
) -> None:
    said = {"all": {"any": {"zh": {"subject": "Hello", "text": "Dear {{ contact.name }}"}}}}
    file = campaign(channels=[{"channel": "post"}], personalise=["contact.name"], messages=said)
    check(file, load_settings(tmp_path))
    said["all"]["any"]["zh"]["text"] += " \U0001f469"
    with pytest.raises(WattmarkError, match=r"U\+1F469, which is not in the letters' font"):
        check(
            campaign(channels=[{"channel": "post"}], personalise=["contact.name"], messages=said),
            load_settings(tmp_path),
        )
    # By SMS it can be sent.
    check(campaign(personalise=["contact.name"], messages=said), load_settings(tmp_path))


def test_whose_name_does_not_show_is_told_nothing(tmp_path: Path, ops: Engine) -> None:
    said = {"all": {"any": {"zh": {"text": "您好，{{ contact.name }}"}}}}
    put(
        tmp_path,
        schedule={"dates": [AS_OF.isoformat()]},
        control_share=0,
        personalise=["contact.name"],
        messages=said,
    )
    settings = alone(settings_of(tmp_path))
    turned = TABLES["accepted.customer"].replace(
        "'Name ' || i AS name", "'Name ' || CASE WHEN i % 5 = 0 THEN CHR(8238) ELSE '' END || i AS name"
    )
    (outcome,) = night(settings, ops, AS_OF, accepted__customer=turned)
    rows = [row for path in outcome.files for row in rows_of(path)]
    assert outcome.dropped > 0
    assert len(rows) == outcome.listed - outcome.dropped
    assert not any("\u202e" in row["message_text"] for row in rows)
    manifest = json.loads((Path(outcome.files[0]).parent / "manifest.json").read_text())
    assert manifest["lacking"] == {"U+202E in what is said": outcome.dropped}


def test_a_code_without_names_is_never_told(tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    body = GOOD.replace("personalise: [contact.name]", "personalise: [contact.name, customer.segment]")
    path.write_text(
        body + "messages: {all: {sms: {zh: {text: '{{ customer.segment }}'}}}}\n", encoding="utf-8"
    )
    with pytest.raises(WattmarkError, match=r"customer\.segment is a code without names"):
        check(read_campaign(path), load_settings(tmp_path))
    asked = "{% if customer.segment == 'home' %}家{% else %}业{% endif %}"
    path.write_text(body + f'messages: {{all: {{sms: {{zh: {{text: "{asked}"}}}}}}}}\n', encoding="utf-8")
    check(read_campaign(path), load_settings(tmp_path))


def test_reply_codes_are_of_one_contact_and_one_home() -> None:
    codes = {reply_code("k", f"L{at % 7}", f"C{at}", "") for at in range(20_000)}
    assert len(codes) == 20_000
    assert (
        reply_code("k", "L", "C1", "A1")
        == reply_code("k", "L", "C1", "A1")
        != reply_code("other", "L", "C1", "A1")
    )
    assert all(len(code) == 14 and not set(code) & set("ILOUilou") for code in codes)
    assert dt.datetime(2026, 1, 1, tzinfo=dt.UTC) < NOW


def test_a_preview_shows_what_ten_would_be_told(spring: tuple[Path, Any], ops: Engine) -> None:
    from wattmark.campaign.definition import load_campaigns
    from wattmark.campaign.preview import preview

    folder, outcome = spring
    shown = json.loads((Path(outcome.files[0]).parent / "previews.json").read_text())
    settings = load_settings(folder)
    files = [file for file in load_campaigns(settings) if file.campaign.id == "spring"]
    with open_world(settings, PEOPLE, **{"mart__next_service": WITH_SERVICE} | NAMES) as session:
        found = preview(session, ops, files)[0]
    assert (found.outcomes["listed"], found.lacking) == (outcome.listed, {})
    assert found.messages == shown


def test_an_answer_is_known_by_its_code_and_a_no_counts_at_once(tmp_path: Path, ops: Engine) -> None:
    settings = load_settings(tmp_path)
    outcome = offered(tmp_path, ops)
    rows = [row for row in listed(outcome) if row["is_seed"] == "false"]
    by_channel = {
        channel: next(row for row in rows if row["channel"] == channel)
        for channel in ("sms", "email", "post")
    }
    seed = next(row for row in listed(outcome) if row["is_seed"] == "true")
    assert release(
        settings,
        ops,
        outcome.campaign_run_id,
        "boss",
        digest(outcome),
        NOW,
        mart__next_service=WITH_SERVICE,
        **NAMES,
    )
    said = [
        # As the opt-out of the message has it, as people type it, and in the widths of another keyboard.
        (by_channel["sms"]["opt_out"], "", ""),
        (
            f"  stop {by_channel['email']['reply_code'].lower().replace('-', ' ').replace('0', 'o').replace('1', 'l')}!",
            "",
            "",
        ),
        (f"I can't come tomorrow, {by_channel['post']['reply_code']}", "", ""),
        (by_channel["post"]["reply_code"], "converted", "12.50"),
        ("Ｔ" + by_channel["post"]["reply_code"], "shouted", ""),
        ("nothing of a code", "", ""),
        ("T 0000-0000-0000", "", ""),
        (seed["reply_code"], "", ""),
    ]
    path = tmp_path / "in.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["text", "kind", "value_amount", "occurred_at"])
        writer.writerows([*((*row, "2026-11-05 10:00") for row in said), (said[0][0], "", "", "yesterday")])
    replies, unread = read_replies(settings, ops, path)
    assert [(reply.customer_id, reply.channel, reply.kind) for reply in replies] == [
        (by_channel[channel]["customer_id"], channel, kind)
        for channel, kind in (
            ("sms", "unsubscribed"),
            ("email", "unsubscribed"),
            ("post", "replied"),
            ("post", "converted"),
        )
    ]
    assert [(line.line, line.why.split()[-1]) for line in unread] == [
        (6, "event"),
        (7, "code"),
        (8, "released"),
        (9, "released"),
        (10, "time"),
    ]
    events = event_rows(replies)
    assert len({row["event_id"] for row in events}) == 4 == len(event_rows([*replies, *replies]))
    assert {row["occurred_at"] for row in events} == {"2026-11-05T02:00:00+00:00"}
    assert [row["value_amount"] for row in events] == ["", "", "", "12.50"]
    assert suppress(settings, ops, replies) == 2
    # They are left out of whatever is released from now on, with no night between.
    with open_world(settings, PEOPLE, **NAMES) as session:
        know(session, dt.datetime(2026, 11, 5, 4, tzinfo=dt.UTC))
        look_at_people(session, ops)
        refused = session.query(
            "SELECT c.customer_id, c.channel FROM campaign.contactable AS c WHERE c.service_reason = 'suppressed'"
        ).read_all()
    pairs = set(zip(*(refused.column(at).to_pylist() for at in range(2)), strict=True))
    assert {(by_channel[channel]["customer_id"], channel) for channel in ("sms", "email")} <= pairs
    assert (by_channel["post"]["customer_id"], "post") not in pairs


@pytest.mark.parametrize(
    ("said", "kind"),
    [("T", "unsubscribed"), ("TD", "unsubscribed"), ("T7G2K-QX0M-9TRA", "unsubscribed"), ("td7g2kqx0m9tra", "unsubscribed"), ("7G2K-QX0M-9TRA", "replied"), ("退订", "unsubscribed"), ("请退订。", "unsubscribed"), ("ＳＴＯＰ", "unsubscribed"),
     ("opt out please", "unsubscribed"), ("拒收", "unsubscribed"), ("yes", "replied"), ("I can't", "replied"), ("Text me", "replied"), ("", "replied")],
)  # fmt: skip
def test_a_word_of_no_is_understood(said: str, kind: str) -> None:
    assert kind_of(said) == kind
    assert "7G2K-QX0M-9TRA" in codes_in(f"{said} 7g2k-qxom-9tra")
    assert codes_in(said) == (["7G2K-QX0M-9TRA"] if len(said) >= 12 and "7" in said else [])
