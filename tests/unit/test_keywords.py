"""`answers.csv` is what people might text a salon, and what they mean by it.

A label with a question mark is for a person to see: `stop?` refuses in words of its own, `other?` says a word of
refusal, or of the sending itself, and refuses nothing.

`answers_unseen.csv` was written and labelled by somebody who had not seen the rules. Of its plain refusals the rules,
made with the first file alone, understood 49 % and passed over 12 %; one answer that was no refusal they took for one.
What was mended then are kinds of words (courtesies, verbs, a refusal that is lifted), not single answers; the bounds
allow for what is still passed over, so that nobody need add answers one by one.

`answers_afresh.csv` came after that, without the label `stop?`. Of its refusals 71 were written as those were: the
rules understood 52 % and passed over 13 %. The rest was written against the rules: seven answers that want no end, or
no membership, they took for refusals. What was mended were kinds again.
"""

import csv
from collections import Counter
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumiere_sms.messages.keywords import LONGEST_READ, Meaning, fold, meaning_of


def rows_of(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(Path(__file__).with_name(name).read_text(encoding="utf-8"))))


ANSWERS = rows_of("answers.csv")
REFUSING = {"stop", "stop?"}
LABELS = ("stop", "stop?", "other", "other?", "start", "help", "confirm")
UNDERSTOOD, PASSED_OVER = 0.75, 0.06  # of what the rules were not made with
UNDERSTOOD_AFRESH = 0.7


def said(*labels: str) -> list[str]:
    return [row["text"] for row in ANSWERS if row["label"] in labels]


def test_the_corpus_is_large_enough_to_tell():
    assert len(ANSWERS) >= 220
    assert len({row["text"] for row in ANSWERS}) == len(ANSWERS)
    assert all(count >= 10 for count in Counter(row["label"] for row in ANSWERS).values())


def test_nothing_is_taken_for_a_refusal_that_is_none():
    taken = [row["text"] for row in ANSWERS if meaning_of(row["text"]) is Meaning.STOP]

    assert [text for text in taken if text not in said(*REFUSING)] == []


def test_no_refusal_is_overlooked():
    overlooked = [text for text in said(*REFUSING) if meaning_of(text) not in {Meaning.STOP, Meaning.REVIEW}]

    assert overlooked == []


def test_of_answers_that_the_rules_were_not_made_with_none_is_wrongly_a_refusal_and_few_refusals_are_passed_over():
    answers = rows_of("answers_unseen.csv")
    of = {each: [meaning_of(row["text"]) for row in answers if row["label"] == each] for each in LABELS}
    taken = sum(meanings.count(Meaning.STOP) for meanings in of.values())
    shown = {label: dict(Counter(meanings)) for label, meanings in of.items()}
    plain, all_refusals = of["stop"], of["stop"] + of["stop?"]

    print(shown)  # noqa: T201 - the figures
    assert len(answers) >= 280
    assert len({row["text"] for row in [*answers, *ANSWERS]}) == len(answers) + len(ANSWERS)
    assert taken == all_refusals.count(Meaning.STOP)
    assert plain.count(Meaning.STOP) / len(plain) >= UNDERSTOOD
    assert plain.count(Meaning.OTHER) == 0
    assert all_refusals.count(Meaning.OTHER) / len(all_refusals) <= PASSED_OVER
    assert of["other"].count(Meaning.OTHER) == len(of["other"])


def test_of_answers_written_afresh_none_is_wrongly_a_refusal_and_no_refusal_is_passed_over():
    answers = rows_of("answers_afresh.csv")
    taken = [row["text"] for row in answers if meaning_of(row["text"]) is Meaning.STOP]
    refusals = [row["text"] for row in answers if row["label"] == "stop"]

    assert len(answers) >= 190
    assert [text for text in taken if text not in refusals] == []
    assert [text for text in refusals if meaning_of(text) not in {Meaning.STOP, Meaning.REVIEW}] == []
    assert len(taken) / len(refusals) >= UNDERSTOOD_AFRESH


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("配信停止は不要です", id="an end is not wanted"),
        pytest.param("停止いらない", id="an end is not wanted, in one word"),
        pytest.param("ＳＴＯＰは いりません", id="an end is not wanted, in two widths"),
        pytest.param("受信拒否解除してください", id="a refusal ends"),
        pytest.param("停止の解除をお願いします", id="an end ends"),
        pytest.param("配信停止をやめてください", id="an end is to end"),
        pytest.param("会員登録は不要です", id="a membership is not wanted"),
        pytest.param("お手続きはいりません", id="nothing need be done"),
        pytest.param("Sorry, please don't text now", id="not at this moment"),
    ],
)
def test_who_refuses_something_else_than_texts_is_looked_at(text):
    assert meaning_of(text) is Meaning.REVIEW


@pytest.mark.parametrize(
    "text",
    ["停止。もう不要です", "いらない停止して", "停止停止停止", "登録解除お願いします", "会員登録の削除を希望します"],
)
def test_who_refuses_in_two_ways_refuses(text):
    assert meaning_of(text) is Meaning.STOP


@pytest.mark.parametrize("text", ["unsubscibe me please", "plz stpo", "UNSUBSRIBE, thanks"])
def test_a_word_of_refusal_that_is_misspelt_among_courtesies_is_looked_at(text):
    assert meaning_of(text) is Meaning.REVIEW


@pytest.mark.parametrize(
    "word",
    ["stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe"],
    ids=lambda word: word.replace(" ", "_"),
)
@pytest.mark.parametrize("written", [str.lower, str.upper, str.title, "{}.".format, " {}!\n".format])
def test_each_word_that_the_law_names_is_a_refusal_when_sent_alone(word, written):
    assert meaning_of(written(word)) is Meaning.STOP  # 47 CFR 64.1200(a)(10)


def test_whoever_lifts_their_refusal_is_never_taken_to_refuse():
    assert meaning_of("配信停止を解除してください") is Meaning.REVIEW


@pytest.mark.parametrize("label", ["stop", "start", "help", "confirm", "other"])
def test_what_is_said_plainly_is_understood(label):
    assert [text for text in said(label) if meaning_of(text) != label] == []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("ＳＴＯＰ", id="full width"),
        pytest.param("ｽﾄｯﾌﾟ", id="half-width kana"),
        pytest.param("すとっぷ", id="the other kana"),
        pytest.param("Arrêt", id="an accent"),
        pytest.param("S.T.O.P.", id="spelt out"),
        pytest.param("ST\u200bOP", id="a character that nobody sees"),
        pytest.param("🛑 STOP 🛑️", id="emoji"),
        pytest.param("STOP 配信停止 please", id="two languages"),
        pytest.param("\n\n STOP \t", id="white space"),
    ],
)
def test_what_makes_no_difference(text):
    assert meaning_of(text) is Meaning.STOP


@pytest.mark.parametrize("said", ["Liked", "Loved", "Laughed at", "Emphasized", "Questioned", "Reacted 👍 to"])
def test_a_heart_on_a_text_of_ours_says_nothing_of_the_words_that_stand_in_that(said):
    ours = "Salon Lumiere: see you tomorrow.\nReply STOP to opt out"

    assert meaning_of(f"{said} “{ours}”") is Meaning.OTHER
    assert meaning_of(f"{said} “{ours}” STOP") is Meaning.REVIEW
    assert meaning_of(f"Disliked “{ours}”") is Meaning.REVIEW


def test_a_link_is_not_read_and_an_answer_with_one_is_never_a_keyword():
    assert meaning_of("look: https://example.jp/stop?unsubscribe") is Meaning.OTHER
    assert meaning_of("STOP www.example.jp") is Meaning.REVIEW
    assert meaning_of("https://example.jp") is Meaning.OTHER


def test_a_long_answer_is_looked_at_and_never_taken_for_a_keyword():
    assert meaning_of("stop " * 100) is Meaning.REVIEW
    assert meaning_of("と" * 1_600) is Meaning.OTHER


@given(st.text(st.characters(), max_size=120))
@settings(max_examples=100)
def test_any_text_has_a_meaning_and_one_without_a_word_of_ours_is_no_refusal(text):
    meaning = meaning_of(text)

    assert meaning in Meaning
    assert meaning_of(text + " " * LONGEST_READ) is meaning
    assert meaning is not Meaning.STOP or fold(text)
