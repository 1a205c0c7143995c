"""A backup that was taken while posts were under way, restored on a new host: nothing doubled, nothing lost, threads go on."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from bridge.store import saving
from tests.flow.house import Said, running


@pytest.mark.scenario("L16")
async def test_a_backup_taken_under_load_doubles_and_loses_nothing(tmp_path: Path) -> None:
    async with running(tmp_path / "old") as house:
        old, _ = await house.says("slack", "Long before the backup")
        said: list[Said] = []

        async def keep_talking() -> None:
            for number in range(5):
                said.append(await house.say("slack", f"said under way {number}", person="lynn"))
                said.append(await house.say_directly("mastodon", f"also under way {number}", person="karl"))

        talking = asyncio.create_task(keep_talking())
        await asyncio.sleep(0)
        file = tmp_path / "backup"
        await asyncio.to_thread(saving.back_up, house.database, file)
        await talking
        after, copies = await house.says("slack", "After the backup was taken")
        await house.all_arrive(said, 30)
        await house.stop()

        house.database = f"sqlite:///{tmp_path / 'new host.db'}"
        await asyncio.to_thread(saving.restore, file, house.database, time.time())
        await house.start()
        mine = next(copy for to, copy in copies.items() if to.account == "mastodon")
        for reply_to in (old.native, after.native):
            answer = await house.say("slack", "It goes on", person="lynn", reply_to=reply_to)
            copy = next(each for to, each in (await house.arrives(answer)).items() if to.account == "mastodon")
            assert copy.reply_to is not None
        assert copy.reply_to == mine.id
        await house.says("slack", "A new day")
        await house.check()
