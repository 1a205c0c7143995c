"""The undo window on the whole way: what is taken back in time is seen by nobody else, what is changed is seen once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flow.house import PATIENCE, running

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.scenario("E09")
async def test_one_final_text_or_none(tmp_path: Path) -> None:
    async with running(tmp_path, ("slack", "mastodon"), undo="3s") as house:
        taken_back = await house.say("slack", "said too soon")
        changed = await house.say("slack", "said with a tpyo")
        await house.delete(taken_back)
        better = await house.edit(changed, "said with care")
        await house.arrives(better, PATIENCE)
        await house.check()
