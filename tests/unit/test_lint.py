import re
from decimal import Decimal
from importlib.resources import files

import pytest

from lumiere_sms.messages.estimates import Money
from lumiere_sms.messages.filters import FILTERS
from lumiere_sms.messages.lint import Finding, lint_template
from lumiere_sms.messages.values import FIELDS

PRICE = Money(Decimal("8.4200"), "JPY")


def lint(content, *, declared=(), known=FIELDS, transliterate=False, price=None):
    return lint_template(content, declared=declared, known=known, transliterate=transliterate, price=price)


def rules(content, **about):
    return [finding.rule for finding in lint(content, **about)]


def only(content, **about) -> Finding:
    (finding,) = lint(content, **about)
    return finding


@pytest.mark.parametrize(
    ("rule", "failing", "passing"),
    [
        pytest.param("T00", "Hi {{ first name }}", "Hi {{ name | default('you') }}", id="not understood"),
        pytest.param("T01", "{{ coupon }}", "{{ visit_count }}", id="nothing gives a value"),
        pytest.param("T03", "It’s today", "It's today", id="a character forces UCS-2"),
        pytest.param("T03", "Sale 😀", "ご予約😀", id="what Japanese needs anyway forces nothing"),
        pytest.param("T04", "a" * 161, "a" * 160, id="a second part in GSM-7"),
        pytest.param("T04", "あ" * 71, "あ" * 70, id="a second part in UCS-2"),
        pytest.param("T05", "{{ first_name }}", "{{ first_name | default('you') }}", id="no fallback"),
        pytest.param("T05", "{{ birthday | jdate }}", "{% if birthday %}{{ birthday | jdate }}{% endif %}x", id="if"),
        pytest.param("T06", "Hi {first_name}", "Hi {{ visit_count }} {x y}", id="single braces"),
    ],
)
def test_each_rule_has_a_text_that_fails_and_one_that_passes(rule, failing, passing):
    assert rules(failing) == [rule]
    assert rules(passing) == []


def test_a_declared_variable_has_its_value_from_the_campaign():
    assert rules("{{ couponCode }}", declared=["couponCode"]) == []


def test_a_declared_variable_that_is_not_used_is_told():
    finding = only("Hello", declared=["coupon"])

    assert (finding.rule, finding.message) == ("T02", '"coupon" is declared and not used')
    assert rules("{{ coupon }}", declared=["coupon"]) == []


def test_a_name_without_a_value_stops_apply_and_gets_a_guess_at_its_place():
    finding = only("Hello,\n{{ visit_cuont }}")

    assert (finding.rule, finding.line, finding.column, finding.blocking) == ("T01", 2, 4, True)
    assert finding.message == 'nothing gives "visit_cuont" its value'
    assert finding.hint == "did you mean visit_count?"


def test_a_name_without_a_value_but_with_a_fallback_stops_nothing():
    finding = only("{{ zzz | default('x') }}")

    assert (finding.rule, finding.blocking) == ("T01", False)
    assert finding.hint == "declare it under `variables`, or give customers the attribute"


def test_an_attribute_that_some_customers_have_needs_a_fallback():
    assert rules("{{ shoe_size }}", known=FIELDS | {"shoe_size"}) == ["T05"]


def test_a_syntax_error_has_its_place_and_stops_apply():
    finding = only("a\n{{ b | uper }}")

    assert (finding.rule, finding.line, finding.column, finding.blocking) == ("T00", 2, 8, True)
    assert finding.hint == "did you mean upper?"


def test_the_character_that_forces_ucs2_is_named_with_its_cost_and_its_place():
    finding = lint("It's " + "a" * 70 + "\nso – yes", price=PRICE)[0]

    assert finding.character == "–"
    assert (finding.line, finding.column) == (2, 4)
    assert finding.message == ('"–" (U+2013 en dash) forces UCS-2: 2 parts, 1 without; 1,000 texts cost 8,420 JPY more')
    assert finding.hint == "set transliterate: true, or write it in plain letters"


def test_a_character_without_a_spelling_is_to_be_left_out():
    finding = only("Sale 😀")

    assert (finding.character, finding.hint) == ("😀", "leave it out")
    assert "70 characters fit one part, not 160" in finding.message


def test_an_invisible_character_is_called_by_its_name():
    assert "a character (U+200B zero width space) forces UCS-2" in only("a\u200bb").message


def test_transliteration_takes_care_of_what_it_can_spell():
    assert rules("It’s today", transliterate=True) == []
    assert rules("It’s 😀", transliterate=True) == ["T03", "T03"]


def test_a_second_part_says_how_much_is_too_much_and_what_it_costs():
    finding = only("a" * 165, price=PRICE)

    assert finding.message == "about 2 parts: 165 of 160 units that fit one; 1,000 texts cost 8,420 JPY more"
    assert finding.hint == "5 fewer make it one"


def test_a_template_that_no_sample_suits_is_judged_by_its_literal_text():
    assert rules("{% if shoe_size > 30 %}" + "a" * 161 + "{% endif %}", declared=["shoe_size"]) == ["T04"]


def test_the_guide_names_every_filter_and_every_field():
    guide = files("lumiere_sms").joinpath("guide/messages.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in guide.splitlines() if line.startswith("|")]
    named = set(re.findall(r"`([a-z_]+)[`(]", " ".join(rows)))

    assert named == FIELDS | FILTERS.keys()
