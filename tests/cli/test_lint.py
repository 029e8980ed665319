import json

import pytest
from support.salon import add_customer, rows

from lumiere_sms.cli.rule_views import rule_lines
from lumiere_sms.messages.rules.register import RULES

OFFER = """
templates:
  offer:
    category: promotional
    content: |
      春のご案内です。
      クーポンあり
campaigns:
  spring: {type: promotional, template: offer, segment: all}
  reminder:
    type: reminder
    remind: 1 day before, 18:00-19:00
    segment: all
    schedule: 2031-04-01 00:00
    message: "明日です。
      今なら20%OFF"
"""


@pytest.fixture
def offer(tmp_path):
    (tmp_path / "offer.yaml").write_text(OFFER, encoding="utf-8")


@pytest.mark.parametrize("width", [80, 120])
def test_a_rule_reads_the_same_as_before(golden, width):
    shown = ("\n".join(rule_lines(RULES[rule], width=width)) for rule in ("JP02", "T01", "U04"))

    golden(f"lint_rules_{width}.txt", "\n----\n".join(shown) + "\n")


def test_all_rules_are_listed(command):
    code, listed, _ = command("template", "lint", "--rules")
    as_json = json.loads(command("template", "lint", "--rules", "--json")[1])

    assert code == 0
    assert all(f"{rule}  " in listed for rule in RULES)
    assert [each["id"] for each in as_json] == [*RULES]
    assert command("template", "lint", "--explain", "jp02")[1].startswith("JP02  It does not say how to refuse")


def test_a_rule_that_is_not_there_is_told_with_those_that_are(command):
    code, _, said = command("template", "lint", "--explain", "JP99")

    assert code == 2
    assert 'there is no rule "JP99"' in said
    assert "JP01, JP02" in said


def test_a_rule_as_json_has_its_sources_and_examples(command):
    code, printed, _ = command("template", "lint", "--explain", "JP02", "--json")
    rule = json.loads(printed)

    assert (code, rule["id"], rule["countries"], rule["is_liftable"]) == (0, "JP02", ["JP"], True)
    assert rule["sources"][0]["url"].startswith("https://")
    assert rule["fails"] != rule["passes"]


@pytest.mark.usefixtures("offer")
def test_findings_in_a_file_stand_at_their_line_and_column(command):
    code, printed, _ = command("template", "lint", "offer.yaml", "--json")
    found = {(one["rule"], one["file"], one["line"], one["column"], one["blocking"]) for one in json.loads(printed)}

    assert code == 5
    assert ("JP02", "offer.yaml", 6, 7, True) in found
    assert ("JP05", "offer.yaml", 16, 10, False) in found


def test_the_law_of_another_country_can_be_asked_for(command):
    text = ["--content", "New colours are in.", "--type", "promotional", "--json"]
    found = {
        country: [one["rule"] for one in json.loads(command("template", "lint", *text, "--country", country)[1])]
        for country in ("US", "jp")
    }

    assert found["US"] == ["U04"]
    assert found["jp"] == ["JP01", "JP02", "JP03"]


def test_what_a_campaign_gives_may_yet_say_what_the_law_wants(command):
    command("tenant", "set", "--legal-name", "株式会社 ルミエール")
    command("template", "create", "spring", "--content", "春の20%OFF。配信停止: {{ stop }}", "--variable", "stop")
    command("template", "create", "bare", "--content", "春の20%OFF。", "--category", "promotional")

    told = command("template", "lint", "spring", "--type", "promotional")
    bare = command("template", "lint", "bare")

    assert (told[0], "unless the campaign's stop has it" in " ".join(told[1].split())) == (0, True)
    assert bare[0] == 5


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(["spring.yaml"], id="a template of a file"),
        pytest.param(
            ["--content", "春の20%OFF。{{ stop }}", "--variable", "stop", "--type", "promotional"], id="a text"
        ),
    ],
)
def test_what_is_no_template_yet_is_judged_as_the_template_will_be(command, tmp_path, asked):
    text = "templates: {spring: {category: promotional, variables: [stop], content: '春の20%OFF。{{ stop }}'}}"
    (tmp_path / "spring.yaml").write_text(text, encoding="utf-8")

    code, printed, _ = command("template", "lint", *asked)

    assert (code, "unless the campaign's stop has it" in " ".join(printed.split())) == (0, True), printed


def test_a_variable_that_does_not_stand_in_the_text_decides_nothing(command):
    command("template", "create", "spring", "--content", "春の20%OFF。", "--variable", "stop")

    assert command("template", "lint", "spring", "--type", "promotional")[0] == 5


def test_a_country_that_is_none_is_refused(command):
    assert command("template", "lint", "--content", "Sale", "--country", "XX")[0] == 2


ATTRIBUTES = (
    "{% if shoe %}{{ shoe }} {% endif %}{{ points | number }}pt {{ since|default('')|jdate }} {{ paid | yen }} "
    "{{ at | time }} {{ shop | phone }}"
)


def test_a_text_with_numbers_and_dates_of_customers_is_judged_as_it_will_read(command, database, user_id, tmp_path):
    attributes = dict.fromkeys(("points", "since", "paid", "at", "shop"), "2026")
    add_customer(database, user_id, "+819012345678", attributes=attributes)
    command("tenant", "set", "--legal-name", "株式会社ルミエール")
    campaign = f'type: promotional, segment: all, message: "{ATTRIBUTES} {{{{ more }}}}"'
    link = "variables: {more: https://lumiere.example}"
    (tmp_path / "a.yaml").write_text(f"campaigns: {{a: {{{campaign}, {link}}}}}", encoding="utf-8")

    code, _, said = command("apply", "a.yaml")

    assert (code, said) == (0, "")


def test_samples_suit_the_filters_of_attributes(command):
    command("template", "create", "spring", "--content", ATTRIBUTES)

    code, shown, said = command("template", "preview", "spring")

    assert (code, shown.splitlines()[0]) == (0, "sample 12,000pt 3月15日(日) ¥12,000 14:30 090-1234-5678"), said


def test_a_link_for_refusing_takes_the_room_that_the_businesss_own_takes(command, tmp_path):
    command("tenant", "set", "--opt-out-url", "https://lumiere.example/omotesando/", "--max-parts", "1")
    text = "あ" * 24 + "{{ opt_out_url }}"
    command("template", "create", "spring", "--content", text)
    (tmp_path / "a.yaml").write_text(f"campaigns: {{a: {{segment: all, message: '{text}'}}}}", encoding="utf-8")

    preview = json.loads(command("template", "preview", "spring", "--json")[1])
    found = {one["rule"]: one["message"] for one in json.loads(command("template", "lint", "spring", "--json")[1])}
    applied = command("apply", "a.yaml")

    assert (preview["units"], preview["parts"]) == (71, 2)
    assert found["T04"].startswith("about 2 parts: 71 of 70 units")
    assert (applied[0], "U05 2 parts: your limit is 1" in applied[2]) == (5, True)


@pytest.mark.usefixtures("offer")
def test_apply_refuses_what_the_law_clearly_forbids_and_writes_nothing(command, database):
    code, _, said = command("apply", "offer.yaml")

    assert code == 5
    assert 'offer.yaml:6:7: campaign "spring": JP02 neither how to refuse' in said
    assert '--override "why"' in said
    assert rows(database, "sms_campaigns") == []


@pytest.mark.usefixtures("offer")
def test_an_override_lets_it_pass_and_is_kept_with_who_and_why(command, database):
    code, _, said = command("apply", "offer.yaml", "--override", " the shop  says it ")
    (entry,) = (each for each in rows(database, "audit_log", order="seq") if each["action"] == "campaign.override")
    shown = command("campaign", "show", "spring")[1]
    planned = command("plan", "offer.yaml")[1]

    assert (code, "overridden, and kept in the audit log: JP02 of spring" in said) == (0, True)
    assert (entry["actor"], entry["subject"], entry["reason"]) == ("hanako", "spring", "the shop says it")
    assert entry["after"]["rules"] == ["JP02"]
    assert "JP02 by hanako" in shown
    assert "overridden JP02, by hanako: the shop says it" in planned


@pytest.mark.usefixtures("offer")
def test_what_is_overridden_stops_the_lint_of_the_file_no_more_than_apply(command):
    before = command("template", "lint", "offer.yaml")[0]
    command("apply", "offer.yaml", "--override", "the shop says it")
    code, shown, _ = command("template", "lint", "offer.yaml")

    assert (before, code) == (5, 0)
    assert "overridden" in next(line for line in shown.splitlines() if line.startswith("JP02"))


@pytest.mark.usefixtures("offer")
def test_an_override_holds_for_the_text_it_was_given_for(command, tmp_path):
    command("apply", "offer.yaml", "--override", "the shop says it")
    file = tmp_path / "offer.yaml"
    file.write_text(OFFER.replace("segment: all}", "segment: all, priority: high}"), encoding="utf-8")
    same_text = command("apply", "offer.yaml")
    file.write_text(OFFER.replace("春の", "夏の"), encoding="utf-8")
    other_text = command("apply", "offer.yaml")

    assert same_text[0] == 0
    assert (other_text[0], "JP02" in other_text[2]) == (5, True)


@pytest.mark.usefixtures("offer")
def test_a_template_that_was_applied_says_by_which_rules_it_was_looked_at(command, database):
    command("apply", "offer.yaml", "--override", "the shop says it")
    (template,) = rows(database, "sms_templates")

    assert template["compliance_checked"]
    assert "for promotional, JP: JP01, JP02, JP03" in template["compliance_notes"]


def test_what_cannot_be_said_at_all_cannot_be_overridden(command, tmp_path):
    (tmp_path / "a.yaml").write_text("campaigns: {a: {message: 'Hi {{ coupn }}', segment: all}}", encoding="utf-8")

    code, _, said = command("apply", "a.yaml", "--override", "I know")

    assert code == 5
    assert "T01" in said
    assert "--override" not in said


@pytest.mark.usefixtures("offer")
@pytest.mark.parametrize("reason", ["", "  \n"])
def test_an_override_without_a_reason_is_none(command, reason):
    code, _, said = command("apply", "offer.yaml", "--override", reason)

    assert (code, "an override needs a reason" in said) == (2, True)


@pytest.mark.usefixtures("offer")
def test_a_formal_name_and_a_limit_of_ones_own_are_kept_and_shown(command, tmp_path):
    command("tenant", "set", "--legal-name", "株式会社 ルミエール", "--max-parts", "1")
    shown = command("tenant", "show")[1]
    (tmp_path / "long.yaml").write_text(
        "campaigns: {a: {message: '" + "あ" * 71 + "', segment: all}}", encoding="utf-8"
    )

    long = command("apply", "long.yaml")
    refused = command("apply", "offer.yaml")

    assert "株式会社 ルミエール" in shown
    assert "at most 1 of a text" in shown
    assert (long[0], "U05 2 parts: your limit is 1" in long[2]) == (5, True)
    assert 'JP01 neither your formal name ("株式会社 ルミエール")' in refused[2]


FOLLOWED = """
templates:
  offer: {category: promotional, content: "春のご案内です。配信停止はご返信を"}
"""
FOLLOWERS = {
    "alone": "template: offer, schedule: 2031-04-01 10:00, type: promotional",
    "variants": "variants: {a: {template: offer, weight: 50%}, b: {message: 停止は返信で, weight: 50%}}, "
    "schedule: 2031-04-01 10:00, type: promotional",
    "sequence": "steps: [{message: 停止は返信で}, {template: offer, after: 1d}], type: drip",
}


@pytest.mark.parametrize("campaign", FOLLOWERS.values(), ids=FOLLOWERS)
def test_a_template_that_is_applied_alone_is_judged_by_the_campaigns_that_send_it(command, tmp_path, campaign):
    file = tmp_path / "templates.yaml"
    file.write_text(FOLLOWED, encoding="utf-8")
    (tmp_path / "campaigns.yaml").write_text(f"campaigns: {{spring: {{segment: all, {campaign}}}}}", encoding="utf-8")
    assert command("apply", "templates.yaml", "campaigns.yaml")[0] == 0
    file.write_text(FOLLOWED.replace("配信停止はご返信を", "ぜひお越しください"), encoding="utf-8")

    code, _, said = command("apply", "templates.yaml")
    planned = command("plan", "templates.yaml")[1]

    assert ("blocked by JP02" in planned, planned.splitlines()[-1]) == (True, "apply would refuse this"), planned
    assert (code, 'campaign "spring": JP02' in said) == (5, True), said
    assert "ぜひ" not in command("template", "show", "offer")[1]
    assert command("apply", "templates.yaml", "--override", "the shop says it")[0] == 0


@pytest.mark.parametrize(
    ("campaign", "broken"),
    [
        pytest.param(
            "steps: [{template: offer}, {template: other, after: 1d}]", "templates: {other: {", id="a template"
        ),
        pytest.param("steps: [{template: offer}]", "segments: {everybody: {", id="a segment"),
    ],
)
def test_a_campaign_that_cannot_go_as_it_is_keeps_no_template_from_being_changed(command, tmp_path, campaign, broken):
    file, rest = tmp_path / "templates.yaml", tmp_path / "campaigns.yaml"
    file.write_text(FOLLOWED, encoding="utf-8")
    rest.write_text(
        "segments: {everybody: {criteria: {field: visit_count, operator: gte, value: 0}}}\n"
        "templates: {other: {category: promotional, content: 停止は返信で}}\n"
        f"campaigns: {{welcome: {{segment: everybody, type: drip, {campaign}}}}}",
        encoding="utf-8",
    )
    assert command("apply", "templates.yaml", "campaigns.yaml")[0] == 0
    whole = rest.read_text(encoding="utf-8").partition("campaigns:")[0]
    (line,) = [line for line in whole.splitlines() if line.startswith(broken)]
    rest.write_text(line.replace(broken, f"{broken}is_active: false, "), encoding="utf-8")
    assert command("apply", "campaigns.yaml")[0] == 0
    file.write_text(FOLLOWED.replace("春", "夏"), encoding="utf-8")

    planned, applied = command("plan", "templates.yaml"), command("apply", "templates.yaml")

    assert (planned[0], applied[0]) == (0, 0), (planned, applied)
    assert "夏" in command("template", "show", "offer")[1]


@pytest.mark.parametrize("status", ["running", "paused"])
def test_a_sequence_under_way_is_judged_when_its_template_changes(command, database, tmp_path, status):
    file = tmp_path / "drip.yaml"
    sequence = "campaigns: {welcome: {segment: all, type: drip, steps: [{template: offer}]}}"
    file.write_text(FOLLOWED + sequence, encoding="utf-8")
    command("apply", "drip.yaml")
    with database.transaction() as connection:
        connection.execute("UPDATE sms_campaigns SET status = %s, status_reason = '', started_at = now()", [status])
    file.write_text(FOLLOWED.replace("配信停止はご返信を", "ぜひお越しください") + sequence, encoding="utf-8")

    code, _, said = command("apply", "drip.yaml")

    assert (code, "JP02" in said) == (5, True)


def test_an_override_holds_for_what_the_campaign_says_in_the_text(command, tmp_path):
    file = tmp_path / "a.yaml"
    text = "campaigns: {a: {type: promotional, segment: all, message: '{{ body }}', variables: {body: %s, x: 1}}}"
    file.write_text(text % "春のご案内", encoding="utf-8")
    command("apply", "a.yaml", "--override", "the shop says it")
    file.write_text(text.replace("x: 1", "x: 2") % "春のご案内", encoding="utf-8")
    same_text = command("apply", "a.yaml")
    file.write_text(text % "本日限り半額", encoding="utf-8")
    other_text = command("apply", "a.yaml")

    assert same_text[0] == 0, same_text
    assert (other_text[0], "JP02" in other_text[2]) == (5, True)


DECLARED = "templates: {offer: {category: notification, content: '%s', variables: [coupon]}}\n"


@pytest.mark.parametrize("campaign", FOLLOWERS.values(), ids=FOLLOWERS)
def test_what_a_template_declares_and_its_campaign_does_not_give_stops_apply(command, tmp_path, campaign):
    text = DECLARED % "停止は返信で {{ coupon }}" + f"campaigns: {{spring: {{segment: all, {campaign}}}}}"
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "given.yaml").write_text(text[:-2] + ", variables: {coupon: x}}}", encoding="utf-8")

    code, _, said = command("apply", "a.yaml", "--override", "I know")

    assert (code, "T01 " in said, 'nothing gives "coupon" its value' in said) == (5, True, True), said
    assert "blocked by T01" in command("plan", "a.yaml")[1]
    assert command("template", "lint", "a.yaml")[0] == 5
    assert command("apply", "given.yaml", "--override", "the shop says it")[0] == 0
    assert command("template", "lint", "offer")[0] == 0


@pytest.mark.parametrize(
    ("text", "attributes", "rules"),
    [
        pytest.param("{{ coupon }}", {"coupon": "A1"}, ["T05"], id="an attribute"),
        pytest.param('{{ coupon | default("A1") }}', {}, [], id="a fallback"),
        pytest.param("hi", {}, ["T02"], id="not read at all"),
    ],
)
def test_what_a_template_declares_may_come_from_elsewhere(
    command, database, user_id, tmp_path, text, attributes, rules
):
    add_customer(database, user_id, "+819012345678", attributes=attributes)
    campaign = "campaigns: {a: {template: offer, segment: all}}"
    (tmp_path / "a.yaml").write_text(DECLARED % text + campaign, encoding="utf-8")

    found = json.loads(command("template", "lint", "a.yaml", "--json")[1])

    assert command("apply", "a.yaml")[0] == 0
    assert [one["rule"] for one in found] == rules


@pytest.mark.parametrize(
    "wordings",
    [
        pytest.param("variants: {%s: {message: hi, weight: 50%%}, %s: {message: '%s', weight: 50%%}}", id="variants"),
        pytest.param("type: drip, steps: [{name: %s, message: hi}, {name: %s, after: 1d, message: '%s'}]", id="steps"),
    ],
)
def test_what_long_values_make_of_each_wording_is_told(command, database, user_id, tmp_path, wordings):
    for number in range(20):
        long = {"last_name": "ながい名前" * 60, "allow_promotional": True}
        add_customer(database, user_id, f"+8190{10_000_000 + number}", **long)
    own = wordings % ("one", "two", '{{ last_name | default("you") }}')
    text = f"campaigns: {{a: {{segment: all, schedule: '2031-04-01 10:00', {own}}}}}"
    (tmp_path / "a.yaml").write_text(text, encoding="utf-8")

    (planned,) = json.loads(command("plan", "a.yaml", "--json")[1])["campaigns"]

    found = {one["rule"]: one["message"] for one in planned["findings"]}
    assert found["U05"] == "two: 5 parts for somebody: more than 3"
    assert found["U09"].startswith("two: long values make it 5 parts for somebody, 1 with usual ones")
