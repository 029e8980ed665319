"""A text as a job of procrastinate: look it up, send it, record it. As many jobs at a time as the engine has slots."""

import asyncio
import os

import procrastinate
from provider import ACCOUNT, SENDER, TOKEN
from psycopg_pool import AsyncConnectionPool
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.rest import Client

SLOTS = 64
CONNECTIONS = 10
url = os.environ["DATABASE_URL"]
app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url))
pool = AsyncConnectionPool(url, min_size=1, max_size=CONNECTIONS, open=False, kwargs={"autocommit": True})
client = Client(ACCOUNT, TOKEN)


@app.task
async def send(number: int) -> None:
    """Send one text."""
    async with pool.connection() as connection:
        found = await connection.execute("SELECT phone_number, body FROM texts WHERE number = %s", [number])
        to, body = await found.fetchone() or ("", "")
    sent = await client.messages.create_async(to=to, body=body, from_=SENDER)
    async with pool.connection() as connection:
        await connection.execute(
            "UPDATE texts SET status = 'sent', provider_message_id = %s, sent_at = now() WHERE number = %s",
            [sent.sid, number],
        )


def enqueue(texts: str) -> dict[str, int]:
    """Put all texts into the queue."""

    async def put() -> None:
        async with app.open_async():
            await app.schema_manager.apply_schema_async()
            await send.batch_defer_async(*({"number": number} for number in range(1, int(texts) + 1)))

    asyncio.run(put())
    return {"texts": int(texts)}


def work() -> None:
    """Send until stopped."""

    async def run() -> None:
        client.http_client = AsyncTwilioHttpClient()
        client.api.base_url = os.environ["PROVIDER_URL"]
        async with app.open_async(), pool:
            await app.run_worker_async(concurrency=SLOTS)

    asyncio.run(run())
