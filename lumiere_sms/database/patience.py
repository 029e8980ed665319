"""How long a step of the engine may hold its locks: limits for `Database.transaction`.

A process may be frozen at any moment: stopped, swapped out, its machine asleep. Between two statements of a
transaction it would keep a sender's pace, a campaign or its recipients from every other daemon for as long.
PostgreSQL ends such a transaction instead; the step is then done again, or its leases end.
"""

from typing import LiteralString

#: The transaction ends by itself where its process falls silent.
LET_GO: LiteralString = "SET LOCAL idle_in_transaction_session_timeout = '5s'"
#: And a lock is not waited for beyond that: a gate that waits longer judges by a time that has passed.
LET_GO_SOON: LiteralString = f"{LET_GO}; SET LOCAL statement_timeout = '5s'"
