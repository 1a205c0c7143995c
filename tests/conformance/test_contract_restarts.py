"""What every adapter must keep over its own end: nothing is missed, nothing stays behind. No rig runs beside these."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from bridge.contract import Manifest, Sandbox
from bridge.post import Created
from tests.conformance.rig import ACCOUNT, MemoryInbox, eventually, plugged_in, settings_of, unique


@pytest.mark.scenario("C02")
async def test_what_is_written_while_the_bridge_is_down_arrives_once_when_it_is_back(
    manifest: Manifest, sandbox: Sandbox
) -> None:
    inbox = MemoryInbox()
    async with plugged_in(manifest, sandbox, inbox) as first:
        before = await first.sandbox.write(first.writer, unique("before"))
        await first.heard(Created, before)
        copy = await first.copy(unique("a copy before"))
        writer = first.writer
    missed = [await sandbox.write(writer, unique("missed")) for _ in range(2)]
    async with plugged_in(manifest, sandbox, inbox) as second:
        for native in missed:
            await second.heard(Created, native)
        await second.settled()
        heard = [event.ref.id for _, event in second.events() if isinstance(event, Created)]
        assert [native for native in heard if native in (before, *missed)] == [before, *missed]
        assert copy.id in {found.id for found in sandbox.standing()}


async def test_listening_ends_at_once_when_cancelled_and_leaves_no_thread(manifest: Manifest, sandbox: Sandbox) -> None:
    def threads() -> set[threading.Thread]:
        # The loop's own pool is asyncio's to end.
        return {one for one in threading.enumerate() if not one.daemon and not one.name.startswith("asyncio_")}

    async with plugged_in(manifest, sandbox, MemoryInbox()):
        pass
    before = threads()
    adapter = manifest.adapter(ACCOUNT, settings_of(manifest, sandbox.account))
    async with adapter.open():
        await adapter.pin(sandbox.places[0])
        listening = asyncio.create_task(adapter.listen(MemoryInbox()))
        await asyncio.wait({listening}, timeout=0.5)
        assert not listening.done()
        listening.cancel()
        began = time.monotonic()
        await asyncio.wait({listening}, timeout=2)
        assert listening.cancelled()
    assert time.monotonic() - began < 2
    await eventually(lambda: threads() <= before, "its threads have ended", 2)


async def test_an_adapter_can_be_opened_again(manifest: Manifest, sandbox: Sandbox) -> None:
    adapter = manifest.adapter(ACCOUNT, settings_of(manifest, sandbox.account))
    for _ in range(2):
        async with adapter.open():
            assert await adapter.check()
