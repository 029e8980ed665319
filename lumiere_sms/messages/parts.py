r"""How many parts a text is sent, and billed, as.

A carrier moves a text in *parts*. A text wholly in the GSM-7 alphabet (3GPP TS 23.038, 6.2.1) fits
160 septets in one part; a longer one is cut into parts of 153, because each then carries the header
that rejoins them. Ten characters of an extension table (`€ [ ] { } \ ^ ~ |` and form feed) are two
septets: an escape and a character. One character outside both sends the whole text as UCS-2, where a
unit is 16 bits, an emoji two of them (a surrogate pair), and the limits are 70 and 67.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

GSM7_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM7_EXTENSION = "\f^{}\\[~]|€"

_GSM7 = re.compile(f"[{re.escape(GSM7_BASIC + GSM7_EXTENSION)}]*+")
_FOREIGN = re.compile(f"[^{re.escape(GSM7_BASIC + GSM7_EXTENSION)}]")
_EXTENDED = re.compile(f"[{re.escape(GSM7_EXTENSION)}]")
_ESCAPE = "\x1b"
_HIGH_SURROGATES = range(0xD8, 0xDC)  # the first byte of a pair's first unit, in big-endian order


class Encoding(StrEnum):
    """How a text is carried."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"


#: The units of a text alone, and of each part of a longer one (3GPP TS 23.038 and 23.040).
ALONE = {Encoding.GSM7: 160, Encoding.UCS2: 70}
JOINED = {Encoding.GSM7: 153, Encoding.UCS2: 67}
_SEPTETS, _SEPTETS_JOINED = ALONE[Encoding.GSM7], JOINED[Encoding.GSM7]
_UNITS, _UNITS_JOINED = ALONE[Encoding.UCS2], JOINED[Encoding.UCS2]


@dataclass(frozen=True, slots=True)
class PartCount:
    """What a text takes: `units` are septets in GSM-7 and 16-bit units in UCS-2."""

    encoding: Encoding
    units: int
    parts: int


def count_parts(text: str) -> PartCount:
    """Count the parts `text` is sent as; an empty text has none.

    A character two units wide (`€` in GSM-7, an emoji in UCS-2) is never cut in half, so a part may
    close one unit short and dividing the length is not enough.

    >>> count_parts("See you at 10:00.").parts
    1
    >>> count_parts("ご予約は明日10時です。").encoding
    <Encoding.UCS2: 'ucs2'>
    """
    if _GSM7.fullmatch(text):
        return _count_septets(text)
    return _count_16_bit_units(text)


def forcing_characters(text: str) -> tuple[str, ...]:
    """Return the characters that force UCS-2, each once, in the order they first appear.

    >>> forcing_characters("It’s 20% – it’s today")
    ('’', '–')
    """
    return tuple(dict.fromkeys(_FOREIGN.findall(text)))


def starts_of_parts(text: str, count: PartCount) -> tuple[int, ...]:
    """Return where the parts of a text begin: units from its start, by its count.

    Who takes plain characters off its end takes off the parts that would begin behind it.

    >>> text = "x" * 152 + "€" + "x" * 100
    >>> starts_of_parts(text, count_parts(text))
    (0, 152)
    """
    if count.parts <= 1:
        return (0,)
    if count.units == len(text):  # no character is two units wide
        return tuple(range(0, count.units, JOINED[count.encoding]))
    if count.encoding is Encoding.GSM7:
        return tuple(_septet_starts(text, count.units))
    return tuple(_octet_starts(text.encode("utf-16-be", "surrogatepass"), count.units))


def _count_septets(text: str) -> PartCount:
    extended = len(_EXTENDED.findall(text))
    units = len(text) + extended
    if units <= _SEPTETS:
        return PartCount(Encoding.GSM7, units, 1 if units else 0)
    if not extended:
        return PartCount(Encoding.GSM7, units, -(-units // _SEPTETS_JOINED))
    return PartCount(Encoding.GSM7, units, len(_septet_starts(text, units)))


def _count_16_bit_units(text: str) -> PartCount:
    octets = text.encode("utf-16-be", "surrogatepass")
    units = len(octets) // 2
    if units <= _UNITS:
        return PartCount(Encoding.UCS2, units, 1)
    if units == len(text):
        return PartCount(Encoding.UCS2, units, -(-units // _UNITS_JOINED))
    return PartCount(Encoding.UCS2, units, len(_octet_starts(octets, units)))


def _septet_starts(text: str, units: int) -> list[int]:
    septets, starts = _EXTENDED.sub(_ESCAPE + "x", text), [0]
    while (start := starts[-1] + _SEPTETS_JOINED) < units:
        starts.append(start - 1 if septets[start - 1] == _ESCAPE else start)
    return starts


def _octet_starts(octets: bytes, units: int) -> list[int]:
    starts = [0]
    while (start := starts[-1] + _UNITS_JOINED) < units:
        starts.append(start - 1 if octets[2 * start - 2] in _HIGH_SURROGATES else start)
    return starts
