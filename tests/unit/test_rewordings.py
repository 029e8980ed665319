import pytest

from lumiere_sms.messages.rendering import compile_template
from lumiere_sms.planning.rewordings import places_shown, plainer, with_shorter_names


def reworded(source, **cut):
    made = with_shorter_names(compile_template(source), transliterate=False, cut=cut)
    return {each.kind: each.template.source for each in made}


@pytest.mark.parametrize(
    ("source", "kinds"),
    [
        pytest.param("It’s today", ["transliterate", "leave_out"], id="a quote is spelt, or left out"),
        pytest.param("Today 😀", ["transliterate", "leave_out"], id="an emoji is left out"),
        pytest.param("Today", ["transliterate"], id="the values may need it"),
        pytest.param("今日は“春”です", [], id="Japanese needs UCS-2"),
        pytest.param("오늘 20% 할인, Salon", ["transliterate"], id="Korean needs it too"),
        pytest.param("Сегодня скидка 20%", ["transliterate"], id="and Russian"),
        pytest.param("S\u0430lon", ["transliterate", "leave_out"], id="one Russian letter is a slip"),
    ],
)
def test_what_makes_a_text_plainer(source, kinds):
    assert [each.kind for each in plainer(compile_template(source), transliterate=False)] == kinds


def test_what_is_spelt_in_gsm7_already_is_not_proposed_again():
    assert [each.kind for each in plainer(compile_template("Hi 😀"), transliterate=True)] == ["leave_out"]


def test_all_characters_that_force_are_left_out_together():
    (left_out,) = plainer(compile_template("It’s – {{ name | default('you’re') }}"), transliterate=True)

    assert left_out.template.source == "Its  {{ name | default('youre') }}"
    assert left_out.says == "leave out ’ –: force UCS-2"


def test_a_name_is_cut_wherever_it_is_shown_by_itself_and_nowhere_else():
    source = (
        "{% if last_name == 'x' %}{{lastName|sama}}{% endif %}\n{{ last_name or 'you' }} {{ 1 if last_name else 2 }}"
    )

    assert reworded(source, last_name=(8, 3)) == {
        "truncate": "{% if last_name == 'x' %}{{last_name | truncate(8)|sama}}{% endif %}\n"
        "{{ last_name | truncate(8) or 'you' }} {{ 1 if last_name else 2 }}"
    }
    assert places_shown(compile_template(source)) == {"last_name": 2}


def test_the_last_name_stands_for_the_whole_one_and_nobody_loses_theirs():
    made = reworded("Hi {{ name | default('you') }}!", name=(8, 1))
    last, cut = compile_template(made["last_name"]), compile_template(made["truncate"])

    assert last.render({"first_name": "Hanako", "last_name": "Tanaka"}) == "Hi Tanaka!"
    assert last.render({"first_name": "Hanako"}) == "Hi Hanako!"
    assert last.render({}) == "Hi you!"
    assert cut.render({"name": "Hanako Tanaka"}) == "Hi Hanako T!"
