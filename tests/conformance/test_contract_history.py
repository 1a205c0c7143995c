"""What an adapter that can look back must do: show what stands under the keys it would have been heard under, newest first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bridge.contract import History, Page, Seen
from bridge.post import Created, Own
from tests.conformance.rig import Rig, unique


def history(rig: Rig) -> History:
    if rig.adapter.history is None:
        pytest.skip("its past can't be read")
    return rig.adapter.history


async def all_of(rig: Rig, since: datetime) -> list[Seen]:
    found: list[Seen] = []
    page = Page((), "")
    while page.next is not None:
        page = await history(rig).page(rig.place.id, since, page.next)
        found += page.seen
    return found


@pytest.mark.scenario("D13")
async def test_what_stands_is_seen_under_the_key_it_was_heard_under(rig: Rig) -> None:
    history(rig)
    begun = datetime.now(UTC) - timedelta(seconds=5)
    natives = [await rig.sandbox.write(rig.writer, unique("said")) for _ in range(3)]
    for native in natives:
        await rig.heard(Created, native)
    seen = [each for each in await all_of(rig, begun) if each.ref.id in natives]
    assert [each.ref.id for each in seen] == natives[::-1]
    for each in seen:
        assert each.raw.key in rig.inbox.raws
        [event] = rig.adapter.parse(each.raw)
        assert isinstance(event, Created)
        assert event.ref == each.ref


async def test_what_was_said_before_is_not_shown(rig: Rig) -> None:
    history(rig)
    await rig.heard(Created, await rig.sandbox.write(rig.writer, unique("before")))
    assert await all_of(rig, datetime.now(UTC) + timedelta(minutes=5)) == []


async def test_a_copy_of_ours_is_seen_too(rig: Rig) -> None:
    history(rig)
    copy = await rig.copy(unique("a copy"))
    [seen] = [each for each in await all_of(rig, datetime.now(UTC) - timedelta(minutes=5)) if each.ref.id == copy.id]
    [event] = rig.adapter.parse(seen.raw)
    assert isinstance(event, Created)
    assert event.own is not Own.NO
