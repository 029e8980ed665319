"""A queue whose reader takes everything that waits: how statements come to be batched by themselves."""

import asyncio
from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Inbox(Generic[T]):
    """Many writers, one reader, one event loop."""

    def __init__(self) -> None:
        self._items: list[T] = []
        self._closed = False
        self._changed = asyncio.Event()

    def put(self, items: Iterable[T]) -> None:
        """Add items."""
        self._items += items
        self._changed.set()

    def close(self) -> None:
        """Say that nothing more comes."""
        self._closed = True
        self._changed.set()

    def __len__(self) -> int:
        """Return how many items wait."""
        return len(self._items)

    async def take(self, most: int | None = None) -> list[T]:
        """Wait until there is something and take it, the first `most` or all; an empty list: nothing more comes."""
        while not self._items and not self._closed:
            self._changed.clear()
            await self._changed.wait()
        taken, self._items = self._items[:most], self._items[most:] if most else []
        return taken
