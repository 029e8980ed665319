import pytest

from lumiere_sms.audience.headers import HeaderError, field_of, read_headers


@pytest.mark.parametrize(
    ("header", "field"),
    [
        ("phone_number", "phone_number"),
        ("phoneNumber", "phone_number"),
        ("Phone Number*", "phone_number"),
        ("電話番号", "phone_number"),
        ("携帯", "phone_number"),
        ("ＴＥＬ", "phone_number"),
        ("氏名", "name"),
        ("お名前", "name"),
        ("姓", "last_name"),
        ("名", "first_name"),
        ("lastName", "last_name"),
        ("来店回数", "visit_count"),
        ("最終来店日", "last_visit_date"),
        ("次回予約", "next_appointment_at"),
        ("売上", "total_sales"),
        ("売上合計", "total_sales"),
        ("タグ", "tags"),
        ("誕生日", "birthday"),
        ("生年月日", "birthday"),
        ("顧客番号", "external_id"),
        ("顧客ＩＤ", "external_id"),
        ("販促可", "allow_promotional"),
        ("メルマガ", "allow_promotional"),
        ("allowReminders", "allow_reminders"),
        ("配信停止日", "opt_out_date"),
        ("性別", "attributes.性別"),
        ("Stylist", "attributes.Stylist"),
        ("attributes.Stylist", "attributes.Stylist"),
        ("attributes.phone", "attributes.phone"),
        (" ", ""),
        ("attributes.", ""),
    ],
)
def test_a_header_is_known_by_the_names_that_lists_give_it(header, field):
    assert field_of(header) == field


@pytest.mark.parametrize(
    ("headers", "problem"),
    [
        pytest.param(
            ["電話番号", "携帯"],
            'columns "電話番号" and "携帯" are all phone_number; rename all but one',
            id="one column twice",
        ),
        pytest.param(
            ["tel", "名", "名"], 'columns "名" and "名" are all first_name; rename all but one', id="one header twice"
        ),
        pytest.param(["tel", "x", "x"], 'columns "x" and "x" are all x; rename all but one', id="an attribute twice"),
        pytest.param(
            ["tel", "氏名", "姓"], 'columns "氏名" and "姓" all give the name; rename the whole name\'s', id="two names"
        ),
        pytest.param(
            ["氏名", "性別"], "no column is a phone number or a customer number", id="nobody can be found again"
        ),
    ],
)
def test_headers_that_contradict_each_other_are_refused(headers, problem):
    with pytest.raises(HeaderError) as raised:
        read_headers(headers)

    assert raised.value.problems == (problem,)


def test_several_columns_without_a_header_may_stand_in_a_list():
    columns = read_headers(["tel", "", " ", "性別"])

    assert [column.field for column in columns] == ["phone_number", "", "", "attributes.性別"]
    assert [column.attribute for column in columns] == ["", "", "", "性別"]
