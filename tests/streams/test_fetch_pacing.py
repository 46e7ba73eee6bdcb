"""Fetches wait for more records while records keep arriving; the first is fetched at once."""

import asyncio
from itertools import pairwise
from typing import Any

import pytest

from agents.settings import Settings
from streams.delivery import Record
from streams.faust_bridge.application import RoleApp
from streams.faust_bridge.fetch_pacing import ENOUGH_BYTES, AdaptiveFetchWait
from streams.inbox import Inbox
from streams.topics import EDGES


async def test_a_fetch_waits_for_more_only_after_one_that_brought_records(
    broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sink's fetches wait for one byte after an empty fetch, and for many bytes after one with records."""
    fetches: list[tuple[int, bool]] = []
    received: list[bytes] = []
    rested, loop = asyncio.Event(), asyncio.get_running_loop()
    carry_out = AdaptiveFetchWait.__call__

    async def noted(self: AdaptiveFetchWait, assignment: Any, node_id: Any, request: Any) -> bool:
        asked = self.min_bytes
        came = await carry_out(self, assignment, node_id, request)
        fetches.append((asked, came))
        if len(received) == 10 and fetches[-1] == (1, False):
            loop.call_soon_threadsafe(rested.set)
        return came

    monkeypatch.setattr(AdaptiveFetchWait, "__call__", noted)
    inbox = Inbox(EDGES["sink"].consumes, cap=100)
    app = RoleApp("sink", Settings(brokers=broker, fetch_wait=0.3, session_timeout=10), [inbox])
    await app.start()
    try:
        async with asyncio.timeout(60):
            for number in range(10):
                record = Record(topic="poster-progress", key=str(number), value=str(number).encode())
                await app.publisher.publish([record])
            while len(received) < 10:
                taken = await inbox.take(10)
                received += [delivery.value or b"" for delivery in taken]
                inbox.finish(taken)
            await rested.wait()
    finally:
        await app.stop()

    follows = [(came, asked) for (_, came), (asked, _) in pairwise(fetches)]
    assert sorted(received) == [str(number).encode() for number in range(10)]
    assert {asked for came, asked in follows if came} == {ENOUGH_BYTES}
    assert {asked for came, asked in follows if not came} == {1}
