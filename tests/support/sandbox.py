"""What a person with curl would ask the Twilio stand-in."""

import base64
import json
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from lumiere_sms.testing.twilio_server import SANDBOX_ACCOUNT_SID, SANDBOX_AUTH_TOKEN, SANDBOX_SENDER

ACCOUNT = f"/2010-04-01/Accounts/{SANDBOX_ACCOUNT_SID}"
MESSAGES = f"{ACCOUNT}/Messages.json"
SERVICE = "MG" + "0" * 32
TEXT = {"To": "+819012345678", "From": SANDBOX_SENDER, "Body": "hello"}


def ask(server, path, form=None, *, method=None, token=SANDBOX_AUTH_TOKEN):
    request = Request(server.url + path, data=urlencode(form).encode() if form is not None else None, method=method)
    credentials = base64.b64encode(f"{SANDBOX_ACCOUNT_SID}:{token}".encode()).decode()
    request.add_header("Authorization", f"Basic {credentials}")
    try:
        with urlopen(request, timeout=5) as answer:
            content = answer.read()
            return answer.status, json.loads(content) if content else None
    except HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def post(server, **changes):
    return ask(server, MESSAGES, {name: value for name, value in (TEXT | changes).items() if value is not None})


def listed(server, **query):
    return ask(server, f"{MESSAGES}?{urlencode(query)}")[1]
