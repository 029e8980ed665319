import re

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.salon import add_customer, prices, tenant_of

from lumiere_sms.errors import StateError
from lumiere_sms.messages.templates import write_template
from lumiere_sms.planning.parts_of import Bar, parts_of
from lumiere_sms.planning.previews import preview_segment

PIECES = ["Hi ", "it’s ", "😀", "{a} ", "É ", "今日は", "{{ visit_count }} "]
NAMES = [
    "{{ first_name | default('you') }}",
    "{{ name | default('you') }}",
    "{{ last_name | sama | default('お客様') }}",
    "{% if last_name %}{{ last_name }}{% endif %}",
    "{{ stylist | default('') }}",
]
NAME = st.none() | st.text("abc É’ł田子", min_size=1, max_size=30)
PEOPLE = st.lists(st.tuples(NAME, NAME, NAME), min_size=1, max_size=8)


@pytest.fixture
def about(database, clock):
    return {
        "tenant": tenant_of(database),
        "name": "t",
        "segment": "all",
        "variables": {},
        "prices": prices,
        "now": clock.now(),
        "progress": lambda _: None,
    }


@pytest.fixture
def write(database, user_id):
    def writing(content, *, transliterate=False):
        with database.transaction() as connection:
            write_template(connection, user_id, {"name": "t", "content": content, "transliterate": transliterate})

    return writing


@pytest.fixture
def salon(database, user_id):
    def filled(people):
        with database.transaction() as connection:
            connection.execute("DELETE FROM customers WHERE user_id = %s", [user_id])
        for number, (first, last, stylist) in enumerate(people):
            attributes = {"stylist": stylist} if stylist else {}
            phone = f"+8190000000{number:02}"
            add_customer(database, user_id, phone, first_name=first, last_name=last, attributes=attributes)

    return filled


def applied(content, proposal):
    """Write a template as its proposal says."""
    match proposal.kind:
        case "transliterate":
            return content
        case "leave_out":
            return re.sub("[’😀]", "", content)
        case "last_name":
            return content.replace("{{ name", "{{ last_name | default(first_name)")
        case "truncate":
            name = re.match(r"{{ (\w+)", proposal.write)[1]
            return content.replace(f"{{{{ {name} ", f"{proposal.write.removesuffix('}}')}")
    raise AssertionError(proposal.kind)


@given(st.lists(st.sampled_from(PIECES + NAMES), max_size=6), st.integers(20, 170), PEOPLE)
@example(["Hi ", NAMES[1], "it’s "], 110, [("a" * 20, "b" * 20, None), ("a", "b", None)])
@example([NAMES[2]], 66, [(None, "田" * 9, None), (None, "田", None)])
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_proposal_saves_what_it_promises(database, write, salon, about, pieces, size, people):
    content = "".join(pieces) + "x" * size
    salon(people)
    write(content)

    found = parts_of(database, **about)

    for proposal in found.proposals:
        write(applied(content, proposal), transliterate=proposal.kind == "transliterate")
        seen = preview_segment(database, **about)
        saved = found.parts - seen.parts, found.cost.amount - seen.cost.amount
        assert saved == (proposal.parts, proposal.saved.amount), proposal
        assert seen.recipients == found.recipients
    before = 0
    for characters in range(1, 21):
        promised = next((each.parts for each in found.shorter if each.says.startswith(f"{characters} ")), before)
        if promised != before or characters in {1, 20}:
            write(content[:-characters] or "x")
            assert found.parts - preview_segment(database, **about).parts == promised
        before = promised


def test_the_histogram_the_long_names_and_what_they_cost_are_told(database, write, salon, about):
    salon([("Ann", "Lee", None)] * 3 + [("Maximiliana", "Fitzgerald", None)] * 2 + [("Bo", None, None)])
    write("Hi {{ name | default('you') }}, " + "x" * 145)

    found = parts_of(database, **about)

    assert found.histogram == (Bar("gsm7", 1, 4), Bar("gsm7", 2, 2))
    assert (found.recipients, found.parts, str(found.cost)) == (6, 8, "0.6736 USD")
    (decisive,) = found.decisive
    assert (decisive.variable, decisive.people) == ("name", 2)
    assert decisive.longest == (("Maximiliana Fitzgerald", 2),)
    assert [(each.kind, each.parts, each.write) for each in found.proposals] == [
        ("last_name", 2, "{{ last_name | default(first_name) }}"),
        ("truncate", 2, "{{ name | truncate(10) }}"),
    ]
    assert [(each.says, each.parts, str(each.saved)) for each in found.shorter] == [
        ("12 characters less", 2, "0.1684 USD")
    ]


def test_who_gets_no_text_counts_for_nothing_and_nobody_at_all_is_no_error(database, write, about):
    write("Hi {{ first_name }}, " + "x" * 200)

    found = parts_of(database, **about)

    assert (found.recipients, found.cost, found.histogram, found.proposals) == (0, None, (), ())


def test_a_segment_that_is_not_there_is_told(database, write, about):
    write("Hi")

    with pytest.raises(StateError):
        parts_of(database, **{**about, "segment": "nobodies"})
