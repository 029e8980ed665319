"""A text as a task of Celery: look it up, send it, record it. One connection and one client a process."""

import os
from typing import Any

import psycopg
from celery import Celery
from celery.signals import worker_process_init
from provider import ACCOUNT, SENDER, TOKEN
from twilio.rest import Client

app = Celery("texts", broker=os.environ["BROKER_URL"])
app.conf.update(task_acks_late=True, task_ignore_result=True, broker_connection_retry_on_startup=True)
process: dict[str, Any] = {}


@worker_process_init.connect
def prepare(**_: object) -> None:
    """Open what a worker's process needs."""
    process["connection"] = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
    process["client"] = Client(ACCOUNT, TOKEN)
    process["client"].api.base_url = os.environ["PROVIDER_URL"]


@app.task
def send(number: int) -> None:
    """Send one text."""
    connection, client = process["connection"], process["client"]
    to, body = connection.execute("SELECT phone_number, body FROM texts WHERE number = %s", [number]).fetchone()
    sent = client.messages.create(to=to, body=body, from_=SENDER)
    connection.execute(
        "UPDATE texts SET status = 'sent', provider_message_id = %s, sent_at = now() WHERE number = %s",
        [sent.sid, number],
    )


def enqueue(texts: str) -> dict[str, int]:
    """Put all texts into the queue."""
    for number in range(1, int(texts) + 1):
        send.delay(number)
    return {"texts": int(texts)}
