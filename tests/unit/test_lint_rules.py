import re
from dataclasses import replace
from importlib.resources import files

import pytest

from lumiere_sms.messages.lint import lint_template
from lumiere_sms.messages.rules.base import Setting
from lumiere_sms.messages.rules.register import RULES
from lumiere_sms.messages.rules.words import countries_with_laws
from lumiere_sms.messages.values import FIELDS

PROMOTIONAL = Setting("promotional", "JP")
KNOWN_NAME = replace(PROMOTIONAL, legal_name="株式会社ルミエール")


def found(text, setting, *, declared=()):
    return lint_template(text, declared=declared, known=FIELDS, transliterate=False, setting=setting)


def only(rule, text, setting):
    (finding,) = (each for each in found(text, setting) if each.rule == rule)
    return finding


def ids(text, setting):
    return [each.rule for each in found(text, setting)]


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.id) for rule in RULES.values()])
def test_each_rule_finds_its_failing_example_and_lets_the_passing_one_be(rule):
    failing = [each.rule for each in found(rule.fails.text, rule.fails.setting, declared=rule.fails.declared)]
    passing = [each.rule for each in found(rule.passes.text, rule.passes.setting, declared=rule.passes.declared)]

    assert rule.id in failing
    assert rule.id not in passing


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.id) for rule in RULES.values()])
def test_each_rule_says_why_whence_and_what_to_do(rule):
    assert rule.sentence.endswith(".")
    assert rule.mend.endswith(".")
    assert not rule.title.endswith(".")
    assert rule.sources
    assert all(source.name and source.url.startswith("http") for source in rule.sources)


@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.id) for rule in RULES.values()])
def test_what_never_blocks_does_not_block_its_example_and_what_does_has_one_that_shows_it(rule):
    setting = rule.fails.setting if rule.id != "U05" else Setting(max_parts=3)

    blocking = [each for each in found(rule.fails.text, setting) if each.rule == rule.id and each.blocking]

    assert bool(blocking) == bool(rule.blocks)


def test_the_guide_has_a_row_for_every_rule():
    guide = files("lumiere_sms").joinpath("guide/messages.md").read_text(encoding="utf-8")

    assert sorted(re.findall(r"^\| ([TJPU]+\d\d) \|", guide, re.MULTILINE)) == sorted(RULES)


def test_a_formal_name_is_found_in_another_width_and_with_blanks():
    text = "（株）ルミエール です。配信停止: 03-1234-5678"

    assert "JP01" not in ids(text, replace(PROMOTIONAL, legal_name="(株) ルミエール"))


@pytest.mark.parametrize(
    ("legal_name", "said"),
    [
        ("株式会社ルミエール", "㈱ルミエール"),
        ("(株)ルミエール", "株式会社 ルミエール"),
        ("有限会社ルミエール", "（有）ルミエール"),
    ],
)
def test_a_formal_name_is_found_however_its_form_is_written(legal_name, said):
    there = replace(PROMOTIONAL, legal_name=legal_name)

    assert "JP01" not in ids(f"{said}です。停止 03-1234-5678", there)
    assert "JP01" in ids("ルミエールです。停止 03-1234-5678", there)


def test_a_formal_name_that_the_campaign_or_the_tenant_gives_is_found():
    there = replace(PROMOTIONAL, legal_name="Lumiere KK")

    assert "JP01" not in ids("{{ sender_name }} 停止 03-1234-5678", replace(there, name="Lumiere KK"))
    given = lint_template(
        "{{ salon }} 停止 03-1234-5678",
        declared=["salon"],
        known=FIELDS,
        transliterate=False,
        setting=replace(there, values={"salon": "Lumiere KK"}),
    )
    assert "JP01" not in [each.rule for each in given]


@pytest.mark.parametrize(
    ("text", "setting", "blocking"),
    [
        pytest.param("春です。停止は返信で", KNOWN_NAME, True, id="neither name nor link"),
        pytest.param("春です。停止は lumiere.example/s", KNOWN_NAME, False, id="a page may say it"),
        pytest.param("春です。停止: {{ opt_out_url }}", KNOWN_NAME, False, id="the link for refusing is one"),
        pytest.param("春です。停止は返信で", PROMOTIONAL, False, id="no name is known"),
    ],
)
def test_a_missing_name_blocks_only_where_the_law_is_clear(text, setting, blocking):
    assert only("JP01", text, setting).blocking is blocking


@pytest.mark.parametrize(
    ("text", "blocking"),
    [
        pytest.param("春のご案内です。", True, id="nothing"),
        pytest.param("春のご案内です。https://lumiere.example", False, id="a page may say it"),
        pytest.param("春のご案内です。{{ opt_out_url }}", False, id="the link alone"),
    ],
)
def test_a_text_that_does_not_say_how_to_refuse_blocks_only_without_any_link(text, blocking):
    assert only("JP02", text, PROMOTIONAL).blocking is blocking


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("ご予約はlumiere.example/bまで", id="behind kana"),
        pytest.param("詳細を見る→lumiere.example", id="behind a sign"),
        pytest.param("新色入荷lumiere.exampleをご覧ください", id="between kanji and kana"),
    ],
)
def test_a_link_that_japanese_runs_into_is_one(text):
    assert [each.blocking for each in found(text, KNOWN_NAME) if each.rule.startswith("JP")] == [False, False]


@pytest.mark.parametrize(
    "text", ["お問い合わせはinfo@lumiere.exampleまで", "カットは10.30a.mから", "Open until Sun.Book now", "Mon.Tue.Wed"]
)
def test_an_address_for_mail_a_time_and_the_end_of_a_sentence_are_no_links(text):
    assert only("JP02", text, KNOWN_NAME).blocking


@pytest.mark.parametrize(
    "words",
    [
        "今後のご案内が不要の方はご返信ください",
        "案内不要はご返信を",
        "配信を希望されない方はお電話を",
        "受信を希望しない場合は03-1234-5678",
        "配信を止めるにはご返信を",
        "不要ならSTOPとご返信ください",
        "不要の方はストップとご返信を",
        "SMSの停止はお電話で",
        "配信設定解除はこちら 03-1234-5678",
        "ご返信で停止いたします",
    ],
)
def test_usual_ways_to_say_in_japanese_how_to_refuse_are_known(words):
    assert "JP02" not in ids(f"株式会社ルミエール、春のご案内です。{words}", KNOWN_NAME)


@pytest.mark.parametrize(
    "words",
    [
        "Txt QUIT to end",
        "Reply END to get no more",
        "STOP2END",
        "Stop by SMS",
        "Reply STOP at any time",
        "StopSMS: 12345",
        "S-T-O-P to end",
        "Un-subscribe: 12345",
    ],
)
def test_usual_ways_to_say_in_english_how_to_refuse_are_known(words):
    assert "U04" not in ids(f"New colours are in. {words}", Setting("promotional", "AU"))


@pytest.mark.parametrize(
    "words",
    [
        "新規のご予約停止中",
        "ネット予約は停止しております",
        "電話受付を停止",
        "ご連絡は不要です",
        "くせ毛ストップ",
        "うねりストップ!",
    ],
)
def test_what_else_stops_says_nothing_of_refusing(words):
    assert only("JP02", f"株式会社ルミエールです。{words}", KNOWN_NAME).blocking


@pytest.mark.parametrize("words", ["Répondez ARRÊT", "Répondez ARRET", "Desabonnement: 12345", "Se desinscrire: 12345"])
def test_how_to_refuse_is_known_in_french_as_gsm7_spells_it_too(words):
    assert "U04" not in ids(f"Nouvelles couleurs. {words}", Setting("promotional", "CA"))


@pytest.mark.parametrize(
    "text", ["Stop by our salon today!", "Stop in for a free fringe trim.", "Your one-stop salon", "Non-stop glamour!"]
)
def test_an_invitation_to_stop_by_says_nothing_of_refusing(text):
    assert only("U04", text, Setting("promotional", "AU")).blocking


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("{% if visit_count >= 5 %}停止は返信で{% endif %}", id="regulars"),
        pytest.param("{% if total_sales > 0 %}停止は返信で{% else %}ようこそ{% endif %}", id="buyers"),
        pytest.param("{% if tags %}停止は返信で{% endif %}", id="labelled"),
    ],
)
def test_words_for_refusing_that_a_new_customer_does_not_read_are_not_enough(words):
    assert only("JP02", f"春です。{words}", PROMOTIONAL).blocking


def test_words_for_refusing_that_regulars_and_newcomers_read_in_two_ways_are_enough():
    text = "{% if visit_count >= 5 %}いつもどうも。停止は返信で{% else %}ようこそ。配信停止はご返信を{% endif %}"

    assert "JP02" not in ids(text, PROMOTIONAL)


def test_a_link_for_refusing_that_the_business_has_no_address_for_is_none():
    text = "春です。{% if opt_out_url %}配信停止: {{ opt_out_url }}{% endif %}"
    without = lint_template(text, declared=(), known=FIELDS - {"opt_out_url"}, transliterate=False, setting=KNOWN_NAME)

    assert [each.rule for each in without if each.blocking] == ["JP01", "JP02"]
    assert "JP02" not in ids(text, KNOWN_NAME)


def test_a_link_for_refusing_that_only_some_readers_see_is_none_for_the_others():
    text = "春です。{% if birthday %}配信停止: {{ opt_out_url }}{% endif %}"

    assert [each.rule for each in found(text, KNOWN_NAME) if each.blocking] == ["JP01", "JP02"]
    assert only("U04", text, Setting("promotional", "CA")).blocking


def test_what_the_link_for_refusing_is_called_does_not_say_how_to_refuse():
    setting = Setting("promotional", "AU", values={"opt_out_url": "https://salon.example/stop/xxxxxxxxxxxx"})

    assert only("U04", "New colours are in: {{ opt_out_url }}", setting).hint == "write Stop: before the link"


@pytest.mark.parametrize("words", ["20%OFF", "クーポンあり", "春のSALE開催中"])
def test_an_offer_that_only_some_read_is_found(words):
    text = f"明日です。{{% if visit_count == 1 %}}{words}{{% endif %}}"

    assert only("JP05", text, Setting("reminder", "JP")).message.startswith('"')


def test_the_place_of_an_offer_stands_behind_letters_that_are_two_when_folded():
    assert only("U10", "Große Straße: Rabatt", Setting("reminder", "DE")).column == 15


@pytest.mark.parametrize("words", ["停止", "ﾃｲｼ 配信解除は", "不要な方はご返信を", "STOP", "Ｓｔｏｐ", "opt out: 1"])
def test_words_for_refusing_are_known_in_any_width(words):
    assert "JP02" not in ids(f"春のご案内です。{words}", PROMOTIONAL)


def test_words_for_refusing_that_only_some_readers_see_are_not_enough():
    text = "春です。{% if birthday %}停止は返信で{% endif %}"

    assert only("JP02", text, PROMOTIONAL).blocking


def test_a_drip_is_advertising_and_a_reminder_is_not():
    assert "JP02" in ids("春です", replace(PROMOTIONAL, type="drip"))
    assert not {"JP01", "JP02", "JP03"} & {*ids("春です", replace(PROMOTIONAL, type="reminder"))}


@pytest.mark.parametrize(
    "text",
    [
        "明日10時のご予約です。カラー20％OFF",
        "明日です。{{ discount }}%OFF",
        "明日です。初回の方に特典あり",
        "See you tomorrow. 20% off today",
        "明日です。クーポンをお使いください",
    ],
)
def test_an_offer_inside_a_reminder_is_found(text):
    setting = Setting("reminder", "JP", values={"discount": 20})

    assert "JP05" in ids(text, setting)


@pytest.mark.parametrize(
    "text",
    [
        "明日10時のご予約です。お待ちしております。",
        "Your appointment is tomorrow at 10. Feel free to call.",
        "ご予約は明日です。駐車場は無料です。",
        "Your balance is 20% of the total.",
    ],
)
def test_an_ordinary_reminder_is_let_be(text):
    assert "JP05" not in ids(text, Setting("reminder", "JP"))


def test_the_place_of_an_offer_is_where_it_stands():
    finding = only("JP05", "明日です。\nクーポンあり", Setting("reminder", "JP"))

    assert (finding.line, finding.column) == (2, 1)


@pytest.mark.parametrize("country", [*sorted(countries_with_laws())])
def test_every_country_lets_a_text_be_that_says_how_to_refuse(country):
    setting = Setting("promotional", country)

    assert "U04" in ids("New colours are in.", setting)
    assert "U04" not in ids("New colours are in. Reply STOP to opt out", setting)
    assert not only("U04", "New colours are in: {{ opt_out_url }}", setting).blocking


def test_canada_lets_a_link_say_how_to_refuse_and_australia_does_not():
    text = "New colours are in: salon.example"

    assert not only("U04", text, Setting("promotional", "CA")).blocking
    assert only("U04", text, Setting("promotional", "AU")).blocking


def test_japans_rules_are_not_for_others_nor_theirs_for_japan():
    assert not {each for each in ids("New colours", Setting("promotional", "US")) if each.startswith("JP")}
    assert not {"U04", "U10"} & {*ids("New colours 20% off", PROMOTIONAL)}


@pytest.mark.parametrize(
    "text",
    [
        "Only 5 €",
        "¥4,800から",
        "{{ total_sales | yen }} until now",
        "¥{{ total_sales }}",
        "12,000円",
        "USD 1,000",
        "1,000 points",
        "1,000名様",
        "03-1234-5678",
    ],
)
def test_amounts_with_their_currency_are_let_be(text):
    assert "U03" not in ids(text, Setting())


@pytest.mark.parametrize("text", ["Only € today", "now 12,000!", "今だけ¥"])
def test_half_an_amount_is_found(text):
    assert "U03" in ids(text, Setting())


@pytest.mark.parametrize("text", ["https://TINYURL.com/a", "see t.co/1", "{{ link }}"])
def test_public_shorteners_are_found_wherever_they_come_from(text):
    setting = Setting(values={"link": "https://bit.ly/1"})
    shown = lint_template(text, declared=["link"], known=FIELDS, transliterate=False, setting=setting)

    assert [each.rule for each in shown if each.rule == "U01"] == ["U01"]


@pytest.mark.parametrize(
    ("text", "is_loud"),
    [
        pytest.param("BOOK YOUR NEXT visit", False, id="three words"),
        pytest.param("BOOK YOUR NEXT CUTS with your dear friends", False, id="no more than half of them"),
        pytest.param("BOOK YOUR NEXT CUTS with your friends", True, id="more than half of them"),
        pytest.param("VIP A B C D: see you", False, id="short words are no words"),
    ],
)
def test_a_text_is_loud_when_most_of_four_words_or_more_are_capitals(text, is_loud):
    assert ("U02" in ids(text, Setting())) is is_loud


def test_too_many_parts_for_somebody_are_told_so():
    text = "{{ name | default('x') }}" + "a" * 400

    assert only("U05", text, Setting(most_parts=4)).message == "4 parts for somebody: more than 3"
    assert only("U05", "a" * 600, Setting(most_parts=4)).message == "4 parts: more than 3"


def test_a_limit_of_ones_own_blocks_and_the_packages_does_not():
    text = "あ" * 210

    assert not only("U05", text, Setting()).blocking
    assert only("U05", text, Setting(max_parts=2)).blocking
    assert "U05" not in ids(text, Setting(max_parts=5))
    assert not only("U05", "あ{{ name | default('x') }}", Setting(max_parts=1, most_parts=2)).blocking


def test_wide_and_narrow_letters_are_found_with_their_place():
    finding = only("U07", "お電話は\n０３で", Setting())

    assert (finding.line, finding.column, finding.character) == (2, 1, "０")
