"""What makes readers or carriers distrust a text, and slips that are seen too late."""

import re
from collections.abc import Iterator

from lumiere_sms.messages.rules.base import Draft, Example, Found, Rule, Source
from lumiere_sms.messages.rules.words import links_in, shortener_of

_CTIA = Source(
    "CTIA Messaging Principles and Best Practices (May 2023) 5.3.2: shorteners that many share",
    "https://signalmash.com/2023/12/28/ctia-messaging-principles-best-practices-handbook",
)
_FILTERING = Source("CTIA Messaging Principles and Best Practices (May 2023) 5.3.1", _CTIA.url)
_UNICODE = Source("Unicode Standard, Halfwidth and Fullwidth Forms", "https://www.unicode.org/charts/PDF/UFF00.pdf")
_CURRENCIES = Source(
    "CLDR: currency symbols and names", "https://cldr.unicode.org/translation/currency-names-and-symbols"
)
_WORD = re.compile(r"[A-Za-z]{4,}")
_SHOUTED = 4  # words in a row
_SIGNS = "¥￥$€£₩"
_IN_BRACES = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_SIGN_ALONE = re.compile(rf"(?<![\d\x00])(?<![\d\x00] )[{_SIGNS}](?! ?[\d\x00])")
_AMOUNT_ALONE = re.compile(
    rf"(?<![\d{_SIGNS}.,/:-])(?<!(?:[{_SIGNS}]|[A-Z]) )\d{{1,3}}(?:,\d{{3}})+(?![\d,.:/-])(?! ?\w| ?[%％{_SIGNS}\x00])"
)
_WIDE = re.compile("[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]+")
_NARROW = re.compile("[\uff65-\uff9f]+")


def _shortened(draft: Draft) -> Iterator[Found]:
    source = draft.template.source
    for link in _short_links(source) or _short_links(draft.text):  # a variable may bring it
        host = shortener_of(link)
        message = f"{host} is a shortener that anybody may use: carriers filter it, and readers distrust it"
        yield Found(message, "use an address of your own", draft.place(source.find(link)))


def _short_links(text: str) -> list[str]:
    return [link[0] for link in links_in(text) if shortener_of(link[0])]


def _shouted(draft: Draft) -> Iterator[Found]:
    words = _WORD.findall(draft.template.literal)
    loud = [word for word in words if word.isupper()]
    if len(loud) >= _SHOUTED and len(loud) * 2 > len(words):
        place = draft.place(draft.template.source.find(loud[0]))
        yield Found("most of it is in capitals, as fraud writes", "write it in small letters", place)


def _currency(draft: Draft) -> Iterator[Found]:
    source = draft.template.source
    plain = _IN_BRACES.sub(lambda found: "\x00" * len(found[0]), source)  # a variable may be the amount, or the sign
    for found in _SIGN_ALONE.finditer(plain):
        yield Found(
            f"{found[0]} stands without an amount", "write the amount, or take the sign off", draft.place(found.start())
        )
    for found in _AMOUNT_ALONE.finditer(plain):
        message = f"{found[0]} of what? No currency stands beside it"
        yield Found(message, "write the currency, such as 円 or €", draft.place(found.start()))


def _widths(draft: Draft) -> Iterator[Found]:
    for pattern, kind, hint in (
        (_NARROW, "half-width katakana", "write full-width katakana: older phones show the narrow ones badly"),
        (_WIDE, "full-width letters or digits", "write plain ones: a wide number or address cannot be tapped"),
    ):
        if found := pattern.search(draft.template.source):
            yield Found(f'"{found[0]}" is in {kind}', hint, draft.place(found.start()), found[0][0])


RULES = (
    Rule(
        id="U01",
        title="A shortened public link",
        sentence="A link of bit.ly, tinyurl.com and the like says nothing of whither it leads; fraud uses them, so "
        "carriers filter texts that hold one, and readers do not tap them.",
        sources=(_CTIA,),
        mend="Use an address of your own, or a shortener under a name of your own.",
        fails=Example("Book at https://bit.ly/3xYzAbC"),
        passes=Example("Book at https://lumiere.example/b"),
        check=_shortened,
    ),
    Rule(
        id="U02",
        title="Mostly capitals",
        sentence="Texts that shout look like fraud to people and, it is said, to filters; no carrier's rule was found.",
        sources=(_FILTERING,),
        mend="Write it as you would say it.",
        fails=Example("BOOK YOUR NEXT COLOUR TODAY"),
        passes=Example("Book your next colour TODAY"),
        check=_shouted,
    ),
    Rule(
        id="U03",
        title="A currency without an amount, or an amount without a currency",
        sentence="Most often a variable or a digit has gone missing there.",
        sources=(_CURRENCIES,),
        mend="Write both.",
        fails=Example("Colour now only ¥ until Sunday"),
        passes=Example("Colour now only ¥4,800 until Sunday"),
        check=_currency,
    ),
    Rule(
        id="U07",
        title="Half-width katakana, full-width letters",
        sentence="Half-width katakana look broken, and ｶﾞ takes two characters where ガ takes one; full-width digits "
        "and letters make a number or an address that cannot be tapped.",
        sources=(_UNICODE,),
        mend="Write ガ, not ｶﾞ, and 03, not ０３.",
        fails=Example("ｻﾛﾝよりお知らせです"),
        passes=Example("サロンよりお知らせです"),
        check=_widths,
    ),
)
