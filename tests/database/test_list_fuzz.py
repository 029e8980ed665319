"""Lists of customers, consents and suppressions, as hostile as they come: taken in whole, or refused in sentences."""

import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.salon import add_customer, rows, tenant_of

from lumiere_sms.audience.consent_lists import import_consents
from lumiere_sms.audience.consent_rows import check as check_consents
from lumiere_sms.audience.imports import ImportOptions, import_customers
from lumiere_sms.audience.suppression_lists import import_suppressions
from lumiere_sms.database.audit import check
from lumiere_sms.errors import DefinitionError

TABLES = ("customers", "consents", "consent_evidence", "person_keys", "suppressions", "audit_log")
PEOPLE = {"C1": "+819012345678", "C2": "+819012345679", "C3": "+819012345679"}


def take_customers(database, path, **about):
    options = ImportOptions(dry_run=about.pop("dry_run", False))
    return import_customers(database, tenant_of(database), path, options=options, progress=lambda *_: None, **about)


def take_consents(database, path, **about):
    return import_consents(database, tenant_of(database), path, **about)


def take_suppressions(database, path, **about):
    return import_suppressions(database, tenant_of(database), path, **about)


WHO = {"id": ["C1", "C2", "C9"], "tel": ["090-1234-5678", "+819012345679", "０９０－１２３４－５６７７"]}
PAST = ["2026-01-05", "2026/3/14 9:00", "令和元年5月1日"]
YES_NO = ["yes", "いいえ", "○"]
#: What makes sense in which column; the first ones are always there.
CUSTOMERS = WHO | {
    "氏名": ["田中 花子"],
    "販促可": YES_NO,
    "同意日": PAST,
    "同意文言": ["yes, please"],
    "配信停止日": PAST,
}
CONSENTS = (
    {"目的": ["promotional", "all"], "date": PAST}
    | WHO
    | {"said": YES_NO, "source": ["form", "申込書"], "wording": ["ok"]}
)
SUPPRESSIONS = {
    "tel": WHO["tel"],
    "reason": ["opted_out", "苦情"],
    "source": ["reply"],
    "note": ["called"],
    "date": PAST,
}
KINDS = [
    pytest.param(take_customers, CUSTOMERS, 2, id="customers"),
    pytest.param(take_consents, CONSENTS, 2, id="consents"),
    pytest.param(take_suppressions, SUPPRESSIONS, 1, id="suppressions"),
]
NASTY = [
    *(
        "",
        "+81",
        "090",
        "03-1234-5678",
        "2099-01-01",
        "0001-01-01",
        "9999-12-31",
        "20260230",
        "now",
        "=1+1",
        "'C1",
        '"',
    ),
    *("a\nb", "a\r", "\t", "\x1b[2J", "\u202eabc", "\ufeffid", "\ud83d", "x" * 300, "9" * 30, "1e400", "NaN", "{}"),
    *("%(user_id)s", "'; DROP TABLE customers --", "\U0001f600", "\u0661\u0662", "e\u0301", "\0", "\u2028", "\x85"),
]
CELLS = st.one_of(st.sampled_from(NASTY), st.text(max_size=12))


@st.composite
def lists(draw, columns, required):
    """Draw the bytes of a list: mostly well-formed, in some encoding and quoting, perhaps with bytes slipped in."""
    names = [*columns][:required] + draw(st.lists(st.sampled_from([*columns][required:]), unique=True, max_size=4))
    cells = [st.sampled_from(columns[name]) if draw(st.integers(0, 9)) else CELLS for name in names]
    header = [name if draw(st.integers(0, 29)) else draw(CELLS) for name in names]
    row = st.tuples(*cells) | st.tuples(*cells) | st.tuples(*cells) | st.lists(CELLS, max_size=6)
    stream = io.StringIO()
    quoting = draw(st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    writer = csv.writer(stream, delimiter=draw(st.sampled_from(",;\t")), quoting=quoting)
    writer.writerows([header, *draw(st.lists(row, max_size=4))])
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-8-sig", "cp932", "utf-16", "latin-1"]))
    written = stream.getvalue().encode(encoding, "surrogatepass" if encoding == "utf-8" else "replace")
    place = draw(st.integers(0, len(written)))
    return written[:place] + draw(st.just(b"") | st.just(b"") | st.binary(max_size=3)) + written[place:]


@pytest.mark.parametrize(("take", "columns", "required"), KINDS)
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_any_list_is_taken_in_whole_or_refused_in_sentences_and_changes_nothing(
    database, user_id, clock, tmp_path, take, columns, required, data
):
    path, about = tmp_path / "list.csv", {"now": clock.now()}
    if not rows(database, "customers"):
        for key, number in PEOPLE.items():
            add_customer(database, user_id, number, external_id=key, allow_promotional=False)
    path.write_bytes(data.draw(st.one_of(lists(columns, required), lists(columns, required), st.binary(max_size=200))))
    before = {table: rows(database, table) for table in TABLES}

    try:
        take(database, path, **about, dry_run=True)
        dry = {table: rows(database, table) for table in TABLES}
        take(database, path, **about)
    except DefinitionError as error:
        told = [str(problem) for problem in error.problems]
        dry = {table: rows(database, table) for table in TABLES}
    else:
        told = []

    assert dry == before
    assert all(len(each.splitlines()) == 1 for each in told)
    assert check_consents(database, user_id).is_whole
    assert check(database, user_id).breaks == ()
