"""Japan: 特定電子メールの送信の適正化等に関する法律 (Act No. 26 of 2002), which holds for texts to phone numbers too.

What it asks of advertising that is sent: consent first (article 3), and that the recipient can see who sends it, how
and where to refuse (article 4), the sender's postal address and where to complain (article 9 of its regulation). The
last two may stand on a page that the text leads to. Whether the name and the place to refuse may stand there too, and
whether a telephone number is such a place, was not verified: those texts are warned about or let pass, never blocked.
"""

import unicodedata
from collections.abc import Iterator
from functools import partial

from lumiere_sms.messages.rules.base import ADVERTISING, Draft, Example, Found, Rule, Setting, Source
from lumiere_sms.messages.rules.words import advertises, has_address, has_contact, leads_on, says_how_to_refuse

_LAW = "https://laws.e-gov.go.jp/law/414AC1000000026"
_ARTICLE_2 = Source("特定電子メール法 第2条第2号: texts by phone number, and texts that lead to advertising", _LAW)
_ARTICLE_3 = Source("特定電子メール法 第3条: nobody is sent advertising who has not agreed to it", _LAW)
_ARTICLE_4 = Source("特定電子メール法 第4条: what must be shown", _LAW)
_FINES = Source("特定電子メール法 第7条, 第34条, 第37条: fines for not doing as ordered, up to 30 million yen", _LAW)
_REGULATION = Source(
    "施行規則 第7条-第9条: how, and what else",
    "https://houritsushoku.com/archives/labeling-obligations-imposed-on-senders-of-specified-email.html",
)
_IN_TEXTS = Source("What is shown in an SMS, and where (2016)", "http://intermove.co.jp/h8gv220000000rig.html")
_JAPAN = frozenset({"JP"})
_ADVERTISING = Setting("promotional", "JP", legal_name="株式会社ルミエール")
_REMINDER = Setting("reminder", "JP")
_NOTICE = Setting("blast", "JP")


def _sender(draft: Draft) -> Iterator[Found]:
    name = draft.setting.legal_name
    if all(_folded(name) in _folded(text) for text in draft.readings) and name:
        return
    is_led_on = leads_on(draft)
    if not name and not is_led_on:
        hint = 'lumiere-sms tenant set --legal-name "…", and write it into the text'
        yield Found("nobody can tell whether your formal name is in it: it is not known yet", hint)
    elif name and is_led_on:
        yield Found(f'your formal name ("{name}") is not in it', "see that the page behind its link begins with it")
    elif name:
        yield Found(f'neither your formal name ("{name}") nor a link to it is in it', f"write {name}", blocking=True)


def _refusing(draft: Draft) -> Iterator[Found]:
    if all(says_how_to_refuse(text) for text in draft.readings):
        return
    if draft.names_opt_out_url:
        yield Found("the link for refusing stands without a word of what it is", "write 配信停止: before it")
    elif leads_on(draft):
        yield Found("it does not say how to refuse further texts", "write 配信停止: {{ opt_out_url }}")
    else:
        hint = "write 配信停止: and a link behind it, or 配信停止はご返信を"
        yield Found("neither how to refuse further texts nor a link is in it", hint, blocking=True)


def _contact(draft: Draft) -> Iterator[Found]:
    if leads_on(draft):
        return
    tests = ((has_address, "a postal address"), (has_contact, "where to complain"))
    missing = [name for has, name in tests if not all(has(text) for text in draft.readings)]
    if missing:
        yield Found(f"no link, and not in it: {', '.join(missing)}", "link to a page that says it, or write it")


def _folded(text: str) -> str:
    folded = "".join(unicodedata.normalize("NFKC", text).casefold().split())
    return folded.replace("株式会社", "(株)").replace("有限会社", "(有)")


RULES = (
    Rule(
        id="JP01",
        title="The sender's formal name is missing",
        sentence="Advertising shows the name of who answers for it: the company's or the person's formal name. "
        "A shop's name alone is not enough. Whether a page may say it that the text leads to was not verified.",
        sources=(_ARTICLE_4, _REGULATION, _IN_TEXTS, _FINES),
        mend="Write the formal name, or a link to a page that begins with it. lumiere-sms tenant set --legal-name.",
        fails=Example("春のご案内です。配信停止: 03-1234-5678", _ADVERTISING),
        passes=Example("株式会社ルミエールです。春のご案内。配信停止: 03-1234-5678", _ADVERTISING),
        check=_sender,
        types=ADVERTISING,
        countries=_JAPAN,
        blocks="the formal name is known, and neither it nor a link is in the text",
    ),
    Rule(
        id="JP02",
        title="It does not say how to refuse",
        sentence="Advertising says that one may refuse further texts, and beside it names where: a link or an address, "
        "or that an answer will do. Whether a telephone number is enough was not verified; it is let pass. After a "
        "refusal no more may be sent.",
        sources=(_ARTICLE_4, _REGULATION, _IN_TEXTS, _ARTICLE_3, _FINES),
        mend="Write 配信停止: {{ opt_out_url }}, or 配信停止はご返信を where answers arrive.",
        fails=Example("株式会社ルミエールです。春のご案内。", _ADVERTISING),
        passes=Example("株式会社ルミエールです。春のご案内。配信停止: lumiere.example/stop", _ADVERTISING),
        check=_refusing,
        types=ADVERTISING,
        countries=_JAPAN,
        blocks="no such words and no link are in the text",
    ),
    Rule(
        id="JP03",
        title="No address, and nowhere to complain",
        sentence="Advertising shows the sender's postal address, and a number, an address or a link for complaints. "
        "Both may stand on a page that the text leads to, with words that say so.",
        sources=(_ARTICLE_4, _REGULATION, _IN_TEXTS),
        mend="Link to a page that shows both, or write them.",
        fails=Example("株式会社ルミエールです。春のご案内。配信停止はご返信を", _ADVERTISING),
        passes=Example("株式会社ルミエールです。春のご案内。配信停止: lumiere.example/stop", _ADVERTISING),
        check=_contact,
        types=ADVERTISING,
        countries=_JAPAN,
    ),
    Rule(
        id="JP04",
        title="Advertising to people who did not agree to it",
        sentence="Advertising goes only to people who agreed beforehand, whatever the campaign is called; a text that "
        "leads to advertising is advertising. Judged by words, so it may be wrong.",
        sources=(_ARTICLE_2, _ARTICLE_3, _FINES),
        mend="Make it type: promotional, which leaves out who did not agree.",
        fails=Example("本日限りカラー20%OFF。ご予約をお待ちしております。", _NOTICE),
        passes=Example("本日は18時で閉店いたします。ご了承ください。", _NOTICE),
        check=partial(
            advertises,
            why="reads like advertising; a blast goes to people who never agreed to that",
            hint="make it type: promotional, or leave the offer out",
        ),
        types=frozenset({"blast"}),
        countries=_JAPAN,
    ),
    Rule(
        id="JP05",
        title="Advertising inside a reminder",
        sentence="A reminder without advertising needs no consent to advertising; one that carries an offer has become "
        "advertising, and most of its readers never agreed to that. Judged by words, so it may be wrong.",
        sources=(_ARTICLE_2, _ARTICLE_3, _FINES),
        mend="Leave the offer out, or send it as a promotional campaign of its own.",
        fails=Example("明日10時のご予約です。今ならトリートメント半額クーポンをプレゼント。", _REMINDER),
        passes=Example("明日10時のご予約です。お待ちしております。", _REMINDER),
        check=partial(
            advertises,
            why="makes advertising of a reminder; reminders go to people who never agreed to that",
            hint="send the offer as a promotional campaign of its own",
        ),
        types=frozenset({"reminder"}),
        countries=_JAPAN,
    ),
)
