"""Keys of rows: UUIDv7 (RFC 9562), made in Python, so that rows of one time lie together in an index."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """Return a new key, greater than those made before it in this process."""
    return uuid7()
