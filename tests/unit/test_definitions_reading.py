from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lumiere_sms.definitions.reading import examine, read_definitions
from lumiere_sms.errors import DefinitionError

NEVER = "no text could ever leave: quiet hours cover every window; widen a window, or narrow the quiet hours"
CAMPAIGN = "campaigns:\n  c:\n    message: Hi\n    segment: all\n"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def said_of(text, name="c.yaml"):
    """Return the sentences about one file, each with its place and without its line."""
    Path(name).write_text(text, encoding="utf-8")
    return [str(problem).partition("\n")[0] for problem in examine([Path(name)]).problems]


def read(text, **options):
    Path("c.yaml").write_text(text, encoding="utf-8")
    return read_definitions([Path("c.yaml")], **options)


def test_all_problems_are_told_at_once_each_with_its_line_and_a_caret():
    Path("campaigns.yaml").write_text(
        "campaigns:\n"
        "  spring:\n"
        "    segmnet: lapsed\n"
        "    window: 09:00-25:00\n"
        "    message: |\n"
        "      {{ last_name | samma }}様\n",
        encoding="utf-8",
    )

    with pytest.raises(DefinitionError) as caught:
        read_definitions([Path("campaigns.yaml")])

    assert str(caught.value) == (
        'campaigns.yaml:3:5: unknown key "segmnet"; did you mean "segment"?\n'
        "    3 |     segmnet: lapsed\n"
        "      |     ^^^^^^^\n"
        'campaigns.yaml:4:13: "25:00" is not a time of day (HH:MM)\n'
        "    4 |     window: 09:00-25:00\n"
        "      |             ^^^^^^^^^^^\n"
        'campaigns.yaml:6:22: there is no filter "samma"; did you mean sama?\n'
        "    6 |       {{ last_name | samma }}様\n"
        "      |                      ^^^^^\n"
        "3 problems in campaigns.yaml; nothing was changed"
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("type: blst", '5:11: "blst" is not a type; did you mean "blast"?'),
        ("type: loud", '5:11: "loud" is not a type; write blast, promotional, drip or reminder'),
        ("batch_size: many", '5:17: "many" is not a whole number'),
        ("batch_size: 0", "5:17: 0 is too small; 1 is the least"),
        ("batchSize: 20000", "5:16: 20000 is too large; 10,000 is the most"),
        ("batch_size: 1" + "0" * 5000, f'5:17: "1{"0" * 58}…" is not a whole number'),
        ("max_retries: [3]", "5:18: expected one value, found a list; quote a text that begins with a bracket"),
        ("priority:", '5:5: "priority" is empty; write a value, or leave the key out'),
        ("timezone: Asia/Osaka", '5:15: there is no time zone "Asia/Osaka"; did you mean Asia/Tokyo?'),
        ("schedule: tomorrow", '5:15: "tomorrow" is not a time; write "now" or a local time like 2026-03-15 10:00'),
        ("schedule: 2026-03-15", '5:15: "2026-03-15" has no time of day; write 2026-03-15 10:00'),
        (
            "schedule: 2026-02-30 10:00",
            '5:15: "2026-02-30 10:00" is not a time; write "now" or a local time like 2026-03-15 10:00',
        ),
        ("schedule: 9999-01-01 10:00", "5:15: the year 9999 is not between 1970 and 2999"),
        ("schedule: {at: }", '5:16: "at" is empty; write a value, or leave the key out'),
        ("schedule: {at: now, zone: UTC}", '5:25: unknown key "zone"; did you mean "timezone"?'),
        ("schedule: [now]", "5:15: expected keys and values, found a list"),
        ("expires_after: soon", '5:20: "soon" is not a duration; write 90m, 12h, 1d or 1h30m'),
        ("expires_after: [1d]", "5:20: expected one value, found a list; quote a text that begins with a bracket"),
        ("window: {a: b}", "5:13: expected a list, found keys and values; write [one, two]"),
        ("window: []", '5:13: "window" is empty; leave it out, or write at least one'),
        ("window: [9-11]", '5:14: "9-11" is not a window of the day; write HH:MM-HH:MM, such as 09:00-11:00'),
        ("quiet_hours: {from: 21:00}", "5:18: quiet hours are written 21:00-08:00, or {from: 21:00, to: 08:00}"),
        ("quiet_hours: {from: [1], to: 2}", "5:18: quiet hours are written 21:00-08:00, or {from: 21:00, to: 08:00}"),
        ("quiet_hours: 00:00-24:00", f"5:18: {NEVER}"),
        ("window: 22:00-07:00", f"5:13: {NEVER}"),
        (
            "window: 20:57-22:00",
            (
                "5:13: no text could ever leave: no window is open for five minutes at a time; "
                "widen a window, or narrow the quiet hours"
            ),
        ),
        (
            "closed: {weekdays: [mon, tue, wed, thu, fri, sat, sun]}",
            "5:13: no text could ever leave: all days of the week are closed; name only some of them",
        ),
        ("variables: {1st: x}", '5:17: "1st" cannot be the name of a variable; use letters, digits and _'),
        ("variables: {a: [x]}", "5:20: expected one value, found a list; quote a text that begins with a bracket"),
        ("variables: {a: }", '5:17: "a" is empty'),
        ("variables: x", '5:16: expected keys and values, found "x"'),
        ("template: t", '5:5: "message" and "template" exclude each other; keep one of them'),
        ("name: c", '5:5: unknown key "name"; the name is the key above'),
        ("scheduled_at: now", '5:5: unknown key "scheduled_at"; did you mean "schedule"?'),
        ("segment: x", '5:5: the key "segment" stands here twice; the first is on line 4'),
        (
            "batchSize: 1\n    batch_size: 2",
            '6:5: the key "batch_size" stands here twice; the first is on line 5 as "batchSize"',
        ),
        ("criteria: x", '5:15: expected keys and values, found "x"'),
        (
            "criteria: {field: visitCont, operator: eq, value: 1}",
            '5:23: unknown field "visitCont"; did you mean "visit_count"?',
        ),
        ("criteria: {feild: visits}", '5:16: unknown key "feild"; did you mean "field"?'),
        ("filters: {visit_cuont: {min: 1}}", '5:15: unknown filter "visit_cuont"; did you mean "visit_count"?'),
        ("filters: {visit_count: {min: x}}", '5:34: "x" is not a number'),
    ],
    ids=lambda value: value.partition("\n")[0][:40],
)
def test_a_mistake_in_a_campaign_gets_a_place_a_sentence_and_a_guess(line, said):
    assert said_of(f"{CAMPAIGN}    {line}\n")[:1] == [f"c.yaml:{said}"]


def test_an_unknown_key_without_a_likely_meaning_lists_the_known_ones():
    said = said_of(CAMPAIGN + "    zzz: 1\n")

    assert said[0].startswith('c.yaml:5:5: unknown key "zzz"; known are description, type, template, message, segment,')


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("templates:\n  t: {}\n", ['2:3: "content" is missing; write content: and the text']),
        ("templates:\n  t: {contents: x}\n", ['2:7: unknown key "contents"; did you mean "content"?']),
        ("templates:\n  t: {content: }\n", ['2:7: "content" is empty; write a value, or leave the key out']),
        ("templates:\n  t: {content: '  '}\n", ["2:16: this text is empty"]),
        ("templates:\n  t: {content: x, is_default: maybe}\n", ['2:31: "maybe" is neither true nor false']),
        ("templates:\n  t: {content: x, tags: vip}\n", ['2:25: expected a list, found "vip"; write [one, two]']),
        (
            "templates:\n  t: {content: x, category: promo}\n",
            ['2:29: "promo" is not a category; did you mean "promotional"?'],
        ),
        ("templates:\n  t: hello\n", ['2:6: keys and values were expected here; write "key: value" lines below']),
        ("templates:\n  t:\n", ['2:3: keys and values were expected here; write "key: value" lines below']),
        (
            "templates:\n  ' t': {content: x}\n",
            ['2:3: "t" cannot be a name; write at least one character, no space at either end'],
        ),
        (
            f"templates:\n  {'n' * 101}: {{content: x}}\n",
            [f'2:3: "{"n" * 59}…" is too long for a name; 100 characters are the most'],
        ),
        (
            "templates:\n  a: {content: x, is_default: yes}\n  b: {content: x, is_default: yes}\n",
            ['3:31: a default template without a category is there already: "a" at c.yaml:2:3; keep one of them'],
        ),
        (
            (
                "templates:\n  a: {content: x, category: welcome, is_default: on}\n"
                "  b: {content: x, category: welcome, is_default: true}\n"
            ),
            ['3:50: a default template of category welcome is there already: "a" at c.yaml:2:3; keep one of them'],
        ),
        ("segments:\n  s: {description: x}\n", ["2:3: one of criteria, filters or members is missing"]),
        (
            "segments:\n  s: {members: [1], filters: {tags: [a]}}\n",
            ['2:21: "members" and "filters" exclude each other; keep one of them'],
        ),
        ("segments:\n  s: {members: []}\n", ['2:16: "members" is empty; leave it out, or write at least one']),
        (
            "segments:\n  all: {members: [1]}\n",
            ['2:3: "all" means everybody and cannot be the name of a segment'],
        ),
        (
            (
                "segments:\n  s:\n    criteria:\n      and:\n        - {field: tags, operator: any, value: [a]}\n"
                "        - not: {field: visit_count, operator: gte, value: 5万}\n"
            ),
            ['6:59: "5万" is not a number'],
        ),
        (
            "campaigns:\n  c: {description: x}\n",
            [
                "2:3: one of template or message is missing",
                "2:3: it does not say to whom; name a segment, or write segment: all for everybody",
            ],
        ),
        (
            "campaigns:\n  c: {message: Hi, segment: all, timezone: UTC, schedule: {at: now, timezone: Asia/Tokyo}}\n",
            ['2:79: "Asia/Tokyo" contradicts "timezone" above; keep one of them'],
        ),
        (
            "campaigns:\n  c: {template: sprng, segment: lapsd}\ntemplates:\n  spring: {content: x}\n",
            [
                '2:17: there is no template "sprng"; did you mean "spring"?',
                '2:33: there is no segment "lapsd"; define it under segments:',
            ],
        ),
        (
            "campaigns:\n  c: {template: t, segment: all}\ntemplates:\n  t: {content: x, is_active: no}\n",
            ['2:17: the template "t" is not active; remove its is_active: false'],
        ),
        (
            "campaigns:\n  c: {message: x, segment: all}\n  c: {message: y, segment: all}\n",
            ['3:3: the campaign "c" is defined twice; first at c.yaml:2:3'],
        ),
        ("defaults: {timezone: Asia/Osaka}\n", ['1:22: there is no time zone "Asia/Osaka"; did you mean Asia/Tokyo?']),
        (
            "defaults: {routing: cheapest, strategy: cost-optimized}\n",
            ['1:31: "routing" and "strategy" exclude each other'],
        ),
        ("defaults: {segment: all}\n", ['1:12: unknown key "segment"; known are']),
        ("campains: {}\n", ['1:1: unknown key "campains"; did you mean "campaigns"?']),
        ("zzz: {}\n", ['1:1: unknown key "zzz"; known are defaults, templates, segments, campaigns']),
        (
            "campaigns:\n  - name: c\n",
            ['2:3: "campaigns" must hold names; write each campaign\'s name as a key, and its definition below'],
        ),
        ("campaigns: {}\ncampaigns: {}\n", ['2:1: the key "campaigns" stands here twice; the first is on line 1']),
        ("- x\n", ["1:1: definitions were expected here; a file begins with templates:, segments: or campaigns:"]),
        ("# nothing\n", [" this file holds no definitions; a file begins with templates:, segments: or campaigns:"]),
    ],
    ids=lambda value: value[:50] if isinstance(value, str) else "said",
)
def test_a_mistake_in_a_file_gets_a_place_a_sentence_and_a_guess(text, said):
    found = said_of(text)

    assert len(found) == len(said)
    assert all(one.startswith(f"c.yaml:{wanted}") for one, wanted in zip(found, said, strict=True)), found


@pytest.mark.parametrize(
    ("content", "place"),
    [
        pytest.param("|\n      春の\n        {{ name | samma }}", "5:19", id="literal"),
        pytest.param(">-\n      a b\n\n      c {{ name | samma }}", "6:19", id="folded"),
        pytest.param("'it''s {{ name | samma }}'", "3:31", id="single quotes"),
        pytest.param('"\\u3042\\n {{ name | samma }}"', "3:34", id="double quotes with escapes"),
        pytest.param("hello\n      there {{ name | samma }}", "4:23", id="plain over two lines"),
    ],
)
def test_a_template_s_mistake_is_shown_at_its_own_place(content, place):
    said = said_of(f"templates:\n  t:\n    content: {content}\n")

    assert said == [f'c.yaml:{place}: there is no filter "samma"; did you mean sama?']


def test_a_huge_template_is_one_problem_of_one_short_line():
    Path("c.yaml").write_text(f"templates:\n  t:\n    content: {'x' * 1_000_000}\n", encoding="utf-8")

    (problem,) = examine([Path("c.yaml")]).problems

    assert str(problem).startswith("c.yaml:3:14: a template of 1,000,000 characters is longer than 10,000;")
    assert max(map(len, str(problem).splitlines())) < 140


def test_camel_case_is_accepted_everywhere():
    found = read(
        "defaults: {sendRatePerMinute: 90}\n"
        "templates:\n  t: {content: '{{ firstName }}', isDefault: true, variables: [firstName]}\n"
        "segments:\n  s: {filters: {lastVisitDays: {min: 30}}, isActive: yes}\n"
        "campaigns:\n  c: {template: t, segment: s, batchSize: 5, quietHours: 22:00-7:00, variables: {firstName: x}}\n"
    )

    assert found.templates["t"].is_default
    assert found.templates["t"].variables == ("first_name",)
    assert found.campaigns["c"].batch_size == 5
    assert found.campaigns["c"].quiet_hours == "22:00-07:00"
    assert found.campaigns["c"].send_rate_per_minute == 90
    assert found.campaigns["c"].variables == {"first_name": "x"}


def test_a_campaign_takes_from_the_defaults_what_it_does_not_say():
    found = read(
        "defaults:\n  timezone: Europe/London\n  window: 10:00-12:00\n  expires_after: 90m\n  batch_size: 7\n"
        "  variables: {salon: L, discount: 10}\n"
        "campaigns:\n  plain: {message: Hi, segment: all}\n"
        "  own: {message: Hi, segment: all, timezone: UTC, batch_size: 9, variables: {discount: 020}}\n"
        "  zone: {message: Hi, segment: all, schedule: {at: now, timezone: America/New_York}}\n"
    ).campaigns

    plain, own = found["plain"], found["own"]
    assert (plain.timezone, plain.window, plain.expires_after) == (
        "Europe/London",
        ("10:00-12:00",),
        timedelta(minutes=90),
    )
    assert (plain.batch_size, plain.variables) == (7, {"salon": "L", "discount": "10"})
    assert (own.timezone, own.batch_size, own.variables) == ("UTC", 9, {"salon": "L", "discount": "020"})
    assert found["zone"].timezone == "America/New_York"


def test_a_default_that_contradicts_a_campaign_is_not_for_it():
    found = read(
        "defaults: {strategy: cost-optimized, spread: window, if_too_slow: refuse, bestTime: learned}\n"
        "campaigns:\n  plain: {message: Hi, segment: all}\n"
        "  routed: {message: Hi, segment: all, routing: weighted}\n"
        "  quick: {message: Hi, segment: all, strategy: time-optimized}\n"
        "  standing: {segment: all, type: drip, steps: [{message: Hi}]}\n"
    ).campaigns

    kept = {name: (one.strategy, one.routing, one.spread, one.if_too_slow) for name, one in found.items()}
    assert kept == {
        "plain": ("cost-optimized", None, "window", "refuse"),
        "routed": (None, "weighted", "window", "refuse"),
        "quick": ("time-optimized", None, None, "refuse"),
        "standing": ("cost-optimized", None, "window", None),
    }
    assert {one.best_time for one in found.values()} == {"learned"}


@pytest.mark.parametrize(
    ("defaults", "own", "kept"),
    [
        ("strategy: time-optimized", "spread: window", (None, None, "window")),
        ("strategy: time-optimized, spread: window", "timezone: UTC", ("time-optimized", None, None)),
        ("routing: cheapest", "strategy: provider-balanced", ("provider-balanced", None, None)),
        ("routing: cheapest", "timezone: UTC", (None, "cheapest", None)),
    ],
)
def test_of_two_that_exclude_each_other_a_campaign_has_one(defaults, own, kept):
    found = read(f"defaults: {{{defaults}}}\ncampaigns:\n  c: {{message: Hi, segment: all, {own}}}\n").campaigns["c"]

    assert (found.strategy, found.routing, found.spread) == kept


def test_an_empty_section_is_none_at_all():
    assert read(f"segments:\ntemplates: ~\n{CAMPAIGN}").segments == {}


def test_the_zone_of_last_resort_is_the_caller_s():
    assert read(CAMPAIGN, defaults_zone="Asia/Seoul").campaigns["c"].timezone == "Asia/Seoul"


def test_names_that_exist_elsewhere_may_be_used():
    text = "campaigns:\n  c: {template: t, segment: s}\n"

    found = read(text, known_templates={"t"}, known_segments={"s"})

    assert found.campaigns["c"].template == "t"
    assert len(said_of(text)) == 2


def test_a_folder_is_read_in_order_and_names_are_unique_across_its_files():
    for name in ("b.yaml", "a.yml"):
        Path(name).write_text(f"defaults: {{priority: low}}\n{CAMPAIGN}", encoding="utf-8")
    Path("a.yml~").write_text("nonsense: [", encoding="utf-8")

    said = [str(problem).partition("\n")[0] for problem in examine([Path()]).problems]

    assert said == [
        'b.yaml:1:1: "defaults" is defined twice; first at a.yml:1:1',
        'b.yaml:3:3: the campaign "c" is defined twice; first at a.yml:3:3',
    ]


def test_definitions_know_their_places_and_files():
    found = read("templates:\n  t: {content: x}\n" + CAMPAIGN)

    assert found.files == ("c.yaml",)
    assert found.place_of("campaign", "c") == ("c.yaml", 4, 3)
    assert found.place_of("template", "t") == ("c.yaml", 2, 3)


def test_a_file_that_cannot_be_read_hides_no_problem_of_another_and_makes_up_none():
    Path("bad.yaml").write_text("templates: [\n", encoding="utf-8")
    Path("good.yaml").write_text("campaigns:\n  c: {template: t, segment: all, batch_size: x}\n", encoding="utf-8")

    said = [str(problem).partition("\n")[0] for problem in examine([Path()]).problems]

    assert said == [
        "bad.yaml:2:1: a value was expected here; write one, or close the bracket",
        'good.yaml:2:46: "x" is not a whole number',
    ]


def test_a_thousand_campaigns_are_read():
    body = "".join(f"  c{n}:\n    message: Hi {n}\n    segment: all\n" for n in range(1_000))

    assert len(read(f"campaigns:\n{body}").campaigns) == 1_000


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(data=st.data())
def test_no_slip_of_the_pen_is_more_than_a_list_of_problems(checkout, data):
    text = (checkout / "campaigns.example.yaml").read_text(encoding="utf-8")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text) - 1))
        cut = data.draw(st.integers(0, 30))
        written = data.draw(st.text(alphabet="{}[]:,'\"|>-#&*!%@\t\n abc0~あ", max_size=4))
        text = text[:at] + written + text[at + cut :]
    Path("c.yaml").write_text(text, encoding="utf-8")

    reading = examine([Path("c.yaml")])

    assert all(str(problem).startswith("c.yaml") for problem in reading.problems)
