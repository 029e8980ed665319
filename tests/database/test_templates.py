from dataclasses import asdict
from datetime import UTC, datetime

import pytest
from psycopg.types.json import Jsonb

from lumiere_sms.database.identifiers import new_id
from lumiere_sms.errors import StateError
from lumiere_sms.messages.problems import TemplateProblemError
from lumiere_sms.messages.templates import (
    attribute_names,
    create_template,
    delete_template,
    find_template,
    list_templates,
    write_template,
)

WELCOME = {"name": "welcome", "content": "Hello {{ first_name }}!", "variables": ["first_name"], "category": "welcome"}


def write(database, user_id, **definition):
    with database.transaction() as connection:
        return write_template(connection, user_id, {**WELCOME, **definition})


def versions(database, user_id, name="welcome"):
    with database.transaction() as connection:
        return connection.execute(
            "SELECT id, version, is_current, content FROM sms_templates WHERE user_id = %s AND name = %s"
            " ORDER BY version",
            [user_id, name],
        ).fetchall()


def add_campaign(database, user_id, *, template_id, name="spring", status="draft", archived=False, definition=None):
    campaign_id = new_id()
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO sms_campaigns"
            " (user_id, id, name, status, status_reason, template_id, message_content, timezone,"
            " target_criteria, currency, definition, archived_at)"
            " VALUES (%s, %s, %s, %s, 'by hand', %s, '', 'Asia/Tokyo', '{}', 'JPY', %s, %s)",
            [
                *(user_id, campaign_id, name, status, template_id),
                *(Jsonb(definition or {"template": "welcome"}), datetime(2026, 3, 1, tzinfo=UTC) if archived else None),
            ],
        )
    return campaign_id


def launch(database, user_id, *, campaign_id, template_id, at):
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO campaign_occurrences (user_id, id, campaign_id, occurs_at, status, template_id, launched_at)"
            " VALUES (%s, %s, %s, %s, 'completed', %s, %s)",
            [user_id, new_id(), campaign_id, at, template_id, at],
        )


def test_a_template_is_kept_with_what_it_takes(database, user_id):
    template_id = write(database, user_id, description="greets", tags=["new"], subject="s")

    found = find_template(database, user_id, name="welcome")

    assert {**asdict(found), "created_at": None, "updated_at": None} == {
        **WELCOME,
        "id": template_id,
        "version": 1,
        "description": "greets",
        "subject": "s",
        "transliterate": False,
        "character_count": len("Hello Hanako!"),
        "estimated_segments": 1,
        "encoding": "gsm7",
        "is_active": True,
        "is_default": False,
        "tags": ["new"],
        "created_at": None,
        "updated_at": None,
        "usage_count": 0,
        "last_used_at": None,
    }


@pytest.mark.parametrize(
    ("content", "transliterate", "encoding", "parts"),
    [
        pytest.param("{{ last_name | sama }}" + "あ" * 70, False, "ucs2", 2, id="Japanese"),
        pytest.param("It’s " + "a" * 80, False, "ucs2", 2, id="a curly quote"),
        pytest.param("It’s " + "a" * 80, True, "gsm7", 1, id="a curly quote, transliterated"),
    ],
)
def test_parts_and_encoding_are_estimated(database, user_id, content, transliterate, encoding, parts):
    write(database, user_id, content=content, transliterate=transliterate)

    found = find_template(database, user_id, name="welcome")

    assert (found.encoding, found.estimated_segments) == (encoding, parts)


@pytest.mark.parametrize(
    "changed",
    [{"content": "Hi!"}, {"variables": []}, {"transliterate": True}, {"subject": "s"}],
    ids=lambda changed: next(iter(changed)),
)
def test_what_is_sent_changes_only_in_a_new_version(database, user_id, changed):
    first = write(database, user_id)

    second = write(database, user_id, **changed)

    kept = [(row["id"], row["version"], row["is_current"]) for row in versions(database, user_id)]
    assert kept == [(first, 1, False), (second, 2, True)]
    assert versions(database, user_id)[0]["content"] == WELCOME["content"]


def test_what_describes_a_template_changes_in_place(database, user_id):
    first = write(database, user_id)

    again = write(database, user_id, description="greets", tags=["x"], is_active=False, category=None)

    found = find_template(database, user_id, name="welcome")
    assert again == first
    assert (found.version, found.description, found.tags, found.is_active, found.category) == (
        *(1, "greets", ["x"], False, None),
    )


def test_the_same_again_changes_nothing(database, user_id):
    first = write(database, user_id)

    assert write(database, user_id) == first
    assert len(versions(database, user_id)) == 1


def test_the_default_of_a_category_takes_over_from_the_one_before(database, user_id):
    write(database, user_id, is_default=True)
    write(database, user_id, name="hello", is_default=True)
    write(database, user_id, name="sale", category="promotional", is_default=True)
    write(database, user_id, name="plain", category=None, is_default=True)

    defaults = {template.name: template.is_default for template in list_templates(database, user_id)}

    assert defaults == {"hello": True, "plain": True, "sale": True, "welcome": False}


def test_a_new_version_of_the_default_stays_the_default(database, user_id):
    write(database, user_id, is_default=True)

    write(database, user_id, is_default=True, content="Hi!")

    assert find_template(database, user_id, name="welcome").is_default


def test_a_broken_template_is_not_written(database, user_id):
    with pytest.raises(TemplateProblemError, match="no loops"):
        write(database, user_id, content="{% for a in b %}{% endfor %}")

    assert versions(database, user_id) == []


def test_create_refuses_a_name_that_is_taken(database, user_id):
    create_template(database, user_id, definition=WELCOME)

    with pytest.raises(StateError, match='there is a template "welcome" already'):
        create_template(database, user_id, definition=WELCOME)


def test_templates_are_listed_by_name_and_category(database, user_id):
    write(database, user_id)
    write(database, user_id, name="sale", category="promotional")

    assert [template.name for template in list_templates(database, user_id)] == ["sale", "welcome"]
    assert [template.name for template in list_templates(database, user_id, category="welcome")] == ["welcome"]


def test_a_template_that_is_not_there_gets_a_guess(database, user_id):
    write(database, user_id)

    with pytest.raises(StateError, match='there is no template "wellcome"') as raised:
        find_template(database, user_id, name="wellcome")
    assert raised.value.hint == "did you mean welcome?"

    with pytest.raises(StateError) as raised:
        find_template(database, user_id, name="zzz")
    assert raised.value.hint == "lumiere-sms template list"


def test_use_counts_launches_of_every_version(database, user_id):
    first = write(database, user_id)
    campaign_id = add_campaign(database, user_id, template_id=first, status="completed")
    launch(database, user_id, campaign_id=campaign_id, template_id=first, at=datetime(2026, 3, 1, tzinfo=UTC))
    second = write(database, user_id, content="Hi!")
    launch(database, user_id, campaign_id=campaign_id, template_id=second, at=datetime(2026, 3, 2, tzinfo=UTC))

    found = find_template(database, user_id, name="welcome")

    assert (found.usage_count, found.last_used_at) == (2, datetime(2026, 3, 2, tzinfo=UTC))


@pytest.mark.parametrize("status", ["draft", "scheduled", "running", "paused"])
def test_a_template_that_a_campaign_still_needs_is_not_deleted(database, user_id, status):
    add_campaign(database, user_id, template_id=write(database, user_id), status=status)

    with pytest.raises(StateError, match=f'template "welcome" is used by "spring" \\({status}\\)'):
        delete_template(database, user_id, name="welcome")

    assert find_template(database, user_id, name="welcome")


@pytest.mark.parametrize(
    "definition",
    [
        pytest.param({"steps": [{"message": "Hi"}, {"template": "welcome", "after": "1d"}]}, id="step"),
        pytest.param({"variants": {"a": {"message": "Hi"}, "b": {"template": "welcome"}}}, id="variant"),
    ],
)
def test_a_template_of_a_step_or_a_variant_is_not_deleted(database, user_id, definition):
    write(database, user_id)
    add_campaign(database, user_id, template_id=None, definition=definition)

    with pytest.raises(StateError, match=r'template "welcome" is used by "spring" \(draft\)'):
        delete_template(database, user_id, name="welcome")


@pytest.mark.parametrize(
    "campaign",
    [{"status": "completed"}, {"status": "cancelled"}, {"status": "draft", "archived": True}],
    ids=["completed", "cancelled", "archived"],
)
def test_a_deleted_template_leaves_the_list_and_keeps_its_versions(database, user_id, campaign):
    first = write(database, user_id)
    add_campaign(database, user_id, template_id=first, **campaign)

    delete_template(database, user_id, name="welcome")

    assert list_templates(database, user_id) == []
    assert [(row["id"], row["is_current"]) for row in versions(database, user_id)] == [(first, False)]


def test_a_deleted_name_may_be_used_again(database, user_id):
    write(database, user_id)
    delete_template(database, user_id, name="welcome")

    write(database, user_id)

    assert [row["version"] for row in versions(database, user_id)] == [1, 2]


def test_deleting_what_is_not_there_says_so(database, user_id):
    with pytest.raises(StateError, match='there is no template "zzz"'):
        delete_template(database, user_id, name="zzz")


def test_templates_of_another_tenant_are_never_seen(database, user_id):
    other = new_id()
    with database.transaction() as connection:
        connection.execute("INSERT INTO users (id, slug, name) VALUES (%s, 'other', 'Other')", [other])
    write(database, other, is_default=True)
    write(database, user_id, content="Mine", is_default=True)

    assert find_template(database, other, name="welcome").is_default
    assert find_template(database, user_id, name="welcome").version == 1
    delete_template(database, user_id, name="welcome")
    assert find_template(database, other, name="welcome")


def test_the_attributes_that_customers_have_are_known(database, user_id):
    with database.transaction() as connection:
        for attributes in ({"colour": "red", "size": "M"}, {"size": "L"}):
            connection.execute(
                "INSERT INTO customers (user_id, id, attributes) VALUES (%s, %s, %s)",
                [user_id, new_id(), Jsonb(attributes)],
            )

    assert attribute_names(database, user_id) == {"colour", "size"}
    assert attribute_names(database, new_id()) == set()
