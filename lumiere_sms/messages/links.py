"""Links by which somebody refuses further texts: a short token that nobody can make up. Pure.

A token is the first 71 bits of HMAC-SHA256 over the number, with the tenant's key, in base 62: 12 characters. It is its
own signature, and the same for one number for ever, so that a link of last year still works. One guess in 2^71 / people
is right.
"""

import hmac
import re
from dataclasses import dataclass, field
from hashlib import sha256

LENGTH = 12
#: What stands in a link before it is known to whom it goes: as long as a token, and no dearer.
SAMPLE = "x" * LENGTH
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BITS = 71  # 62 ** 12 is a little more
_PAIRS = tuple(first + second for first in _DIGITS for second in _DIGITS)  # two at once: a launch makes a million
_TWO, _SIX = 62**2, 62**6
_TOKEN = re.compile(rf"(?:^|/)([0-9A-Za-z]{{{LENGTH}}})/?$")
_HUNG_ON = re.compile(r"[?#]")
_MARKS = " .,;:!()[]<>\"'。、，．「」『』（）"


def token_of(number: str, *, key: bytes) -> str:
    """Return the token of a phone number (E.164).

    >>> token_of("+819012345678", key=bytes(32))
    'RIzZLUpOc4H5'
    """
    value = int.from_bytes(hmac.digest(key, number.encode(), sha256)[:9], "big") >> (72 - _BITS)
    upper, lower = divmod(value, _SIX)
    upper, third = divmod(upper, _TWO)
    first, second = divmod(upper, _TWO)
    lower, sixth = divmod(lower, _TWO)
    fourth, fifth = divmod(lower, _TWO)
    return _PAIRS[first] + _PAIRS[second] + _PAIRS[third] + _PAIRS[fourth] + _PAIRS[fifth] + _PAIRS[sixth]


def is_token_of(token: str, number: str, *, key: bytes) -> bool:
    """Say whether a token is a number's; takes the same time whatever is wrong with it."""
    return hmac.compare_digest(token_of(number, key=key), token)


def read_token(text: str) -> str | None:
    """Return the token that somebody gives, alone or at the end of its link; None for what can be none.

    What others hang on a link, a question mark and on, and the marks of the sentence that it stood in are passed over.

    >>> read_token(" https://s.example/0AzZ09aaBBcc. "), read_token("0AzZ09aaBBcc?fbclid=1"), read_token("hello")
    ('0AzZ09aaBBcc', '0AzZ09aaBBcc', None)
    """
    found = _TOKEN.search(_HUNG_ON.split(text.strip(), maxsplit=1)[0].strip(_MARKS))
    return found[1] if found else None


@dataclass(frozen=True, slots=True)
class Link:
    """What a business's links begin with, and the key that they are made with; without one each is a sample."""

    base: str
    key: bytes | None = field(default=None, repr=False)

    @property
    def sample(self) -> str:
        """A link as long as each of them, whoever it goes to."""
        return self.base + SAMPLE
