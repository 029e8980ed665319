import asyncio
from time import clock_gettime

import pytest

from lumiere_sms.sending.wire import STALE, WAKEFUL, Wire


class Calls:
    """Takes the place of a provider: each call lasts until it is `let` go."""

    def __init__(self, *, slots: int = 2, longest_call: float = 34.0) -> None:
        self.called, self.answered, self.late, self.lost = [], [], [], []
        self.most = 0
        self.let, self.told = asyncio.Event(), asyncio.Event()
        self.wire = Wire(slots, call=self.call, late=self.note(self.late), lost=self.note(self.lost))
        self.wire.longest_call = longest_call

    async def call(self, work) -> None:
        self.called.append(work)
        self.most = max(self.most, len(self.called) - len(self.answered))
        await self.let.wait()
        self.answered.append(work)

    def note(self, those):
        def told(work) -> None:
            those.append(work)
            self.told.set()

        return told

    def put(self, *work: str, age: float = 0.0) -> None:
        self.wire.put(work, clock_gettime(WAKEFUL) - age)


def test_no_more_calls_than_slots_are_under_way_and_what_was_armed_first_goes_first():
    async def run() -> Calls:
        calls = Calls()
        calls.put("a", "b", "c")
        calls.put("d", "e")
        await asyncio.sleep(0)
        assert calls.called == ["a", "b"]
        calls.let.set()
        await calls.wire.ended()
        return calls

    calls = asyncio.run(run())

    assert calls.called == sorted(calls.answered) == ["a", "b", "c", "d", "e"]
    assert calls.most == 2


def test_what_was_armed_too_long_ago_is_late_and_not_called():
    async def run() -> Calls:
        calls = Calls()
        calls.let.set()
        calls.put("asleep", age=STALE)
        calls.put("fresh")
        await calls.wire.ended()
        return calls

    calls = asyncio.run(run())

    assert (calls.called, calls.late) == (["fresh"], ["asleep"])


def test_what_waits_for_a_slot_in_vain_is_late_while_the_others_are_under_way():
    async def run() -> Calls:
        calls = Calls(slots=1)
        calls.put("first", "second", age=STALE - 0.1)
        await calls.told.wait()
        assert calls.answered == []
        calls.let.set()
        await calls.wire.ended()
        return calls

    calls = asyncio.run(run())

    assert (calls.answered, calls.late) == (["first"], ["second"])


def test_a_call_that_never_ends_is_lost_and_the_next_one_gets_its_slot():
    async def run() -> Calls:
        calls = Calls(slots=1, longest_call=0.0)
        calls.put("silent", "next")
        await calls.told.wait()
        calls.let.set()
        await calls.wire.ended()
        return calls

    calls = asyncio.run(run())

    assert (calls.lost, calls.answered) == (["silent"], ["next"])


def test_a_call_that_is_cancelled_from_outside_is_not_lost_but_over():
    async def run() -> Calls:
        calls = Calls(slots=1)
        calls.put("only")
        await asyncio.sleep(0)
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))
        return calls

    calls = asyncio.run(run())

    assert (calls.called, calls.lost, calls.answered) == (["only"], [], [])


def test_what_is_put_just_as_the_last_call_ends_goes_out():
    async def run() -> Calls:
        calls = Calls(slots=1)
        calls.let.set()
        calls.put("first")
        await asyncio.sleep(0)
        calls.put("second")
        await calls.wire.ended()
        return calls

    assert asyncio.run(run()).answered == ["first", "second"]
