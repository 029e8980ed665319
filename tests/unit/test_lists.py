import codecs

import pytest

from lumiere_sms.audience.lists import ListError, open_list, read_rows
from lumiere_sms.errors import DefinitionError

TEXT = "電話番号,氏名\r\n090-1234-5678,田中 花子\r\n"


@pytest.fixture
def write(tmp_path):
    def to(content):
        path = tmp_path / "list.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return to


def told(path, **options):
    rows = read_rows(open_list(path, **options))
    return [(line, str(row) if isinstance(row, ListError) else row) for line, row in rows]


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        pytest.param(TEXT.encode(), "auto", id="UTF-8"),
        pytest.param(codecs.BOM_UTF8 + TEXT.encode(), "auto", id="UTF-8 with a byte order mark"),
        pytest.param(TEXT.encode("cp932"), "auto", id="Shift_JIS"),
        pytest.param(TEXT.encode("cp932"), "shift_jis", id="Shift_JIS by name"),
        pytest.param(TEXT.replace(",", ";").encode(), "auto", id="semicolons"),
        pytest.param(TEXT.replace(",", "\t").encode(), "utf-8", id="tabs"),
        pytest.param(TEXT.replace("\r\n", "\r").encode(), "auto", id="the line ends of an old Mac"),
    ],
)
def test_a_list_is_read_however_it_was_saved(write, content, encoding):
    path = write(content)

    assert told(path, encoding=encoding) == [(1, ["電話番号", "氏名"]), (2, ["090-1234-5678", "田中 花子"])]


def test_a_character_across_two_chunks_is_read(write):
    path = write("tel,x\n" + "a" * ((1 << 20) - 7) + "田\n")

    assert open_list(path).lines == 2


def test_rows_keep_the_line_that_they_begin_on(write):
    path = write('tel;"a;,\nb"\n\n1;"two\nlines"\n;\n2;x\n')

    assert told(path) == [(1, ["tel", "a;,\nb"]), (4, ["1", "two\nlines"]), (7, ["2", "x"])]


@pytest.mark.parametrize(
    ("content", "options", "problem"),
    [
        pytest.param(b"", {}, "{}: is empty", id="an empty file"),
        pytest.param(codecs.BOM_UTF16_LE + "tel".encode("utf-16-le"), {}, "{}: is UTF-16", id="UTF-16"),
        pytest.param(b"PK\x03\x04...", {}, "{}: is a workbook, not a CSV", id="a workbook"),
        pytest.param(b"tel\n1\n2\x00\n", {}, "{}:3: a NUL byte stands in this line; a list has none", id="a NUL"),
        pytest.param(b"tel\n\xff\xff\n", {}, "{}:2: byte 0xff is not utf-8 or shift_jis", id="no encoding"),
        pytest.param(TEXT.encode("cp932"), {"encoding": "utf-8"}, "{}:1: byte 0x93 is not utf-8", id="the wrong name"),
        pytest.param(
            TEXT.encode() + b"\xe7\x94,x\n",
            {},
            "{}:3: byte 0xe7 is not utf-8",
            id="damaged UTF-8 is not taken for Shift_JIS",
        ),
        pytest.param(
            b"tel\n1\n\xe7\x94", {"encoding": "utf-8"}, "{}:3: byte 0xe7 is not utf-8", id="cut in a character"
        ),
    ],
)
def test_a_file_that_is_no_list_is_told_with_its_place(write, content, options, problem):
    path = write(content)

    with pytest.raises(DefinitionError) as raised:
        open_list(path, **options)

    assert str(raised.value.problems[0]) == problem.format(path)


def test_an_encoding_is_asked_for_only_where_one_can_be_named(write):
    path = write(b"tel\n\xff\xff\n")

    for options, is_asked_for in [({}, False), ({"encoding": "auto"}, True), ({"encoding": "utf-8"}, True)]:
        with pytest.raises(DefinitionError) as raised:
            open_list(path, **options)
        assert ("--encoding" in raised.value.hint) is is_asked_for


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(DefinitionError, match=r"nowhere\.csv: does not exist"):
        open_list(tmp_path / "nowhere.csv")
    with pytest.raises(DefinitionError, match="is no file"):
        open_list(tmp_path)


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        pytest.param('"a,b\n', [(2, "a quote is opened here and never closed")], id="a quote to the end of the file"),
        pytest.param(
            '1,a\n"b' + ",\n" * 80_000,
            [(2, ["1", "a"]), (3, "a quote is opened here and never closed")],
            id="a quote over many lines",
        ),
        pytest.param(
            '"a"b,c\n1,2\n',
            [(2, "text follows a closing quote; inside quotes, write a quote twice"), (3, ["1", "2"])],
            id="text after a quote",
        ),
        pytest.param(
            "x" * 200_000 + ",c\n1,2\n",
            [(2, "a cell holds more than 10,000 characters"), (3, ["1", "2"])],
            id="a long cell",
        ),
        pytest.param(
            "x" * 10_000_000 + ",c\n1,2\n", [(2, "a line of more than 1,000,000 characters")], id="a cell of 10 MB"
        ),
    ],
)
def test_a_row_that_cannot_be_read_is_told_where_it_begins(write, body, rows):
    path = write("tel,x\n" + body)

    assert told(path)[1:] == rows
