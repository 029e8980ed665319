"""One line per event on stderr, for people or as JSON. Phones are masked, bodies never written."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

logger = logging.getLogger("lumiere_sms")

#: The SDK's lines hold phone numbers; that a job is still running when it is due again is no news.
NOISY = {
    "twilio.http_client": logging.WARNING,
    "boto3": logging.WARNING,
    "botocore": logging.WARNING,
    "aiohttp.access": logging.WARNING,
    "apscheduler": logging.ERROR,
}


def event(name: str, **fields: Any) -> None:
    """Log what happened: `name` is a past participle or a noun ("launched", "settled"), fields say the rest."""
    logger.info(name, extra={"fields": fields})


def mask_phone(phone: str) -> str:
    """Hide the middle of a number: the country and the last two digits stay.

    >>> mask_phone("+819012345678")
    '+81········78'
    """
    return phone[:3] + "·" * max(0, len(phone) - 5) + phone[-2:]


def set_up(*, as_json: bool = False) -> None:
    """Write events to stderr; silence what libraries say beside them."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLine() if as_json else _PlainLine())
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
    for noisy, level in NOISY.items():
        logging.getLogger(noisy).setLevel(level)


class _JsonLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        fields = getattr(record, "fields", {})
        line = {"at": at, "level": record.levelname.lower(), "event": record.getMessage(), **fields}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


class _PlainLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%SZ")
        fields = " ".join(f"{name}={value}" for name, value in getattr(record, "fields", {}).items())
        line = f"{at} {record.getMessage()} {fields}".rstrip()
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line
