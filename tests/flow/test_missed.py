"""What was written while the bridge was away and is too old by then: not copied, listed with its own time, told to its writer."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from bridge.post import AccountId
from bridge.store import held
from tests.flow.house import House, running, unique, until

pytestmark = pytest.mark.asyncio(loop_scope="session")


def want_only_what_is_new(path: Path) -> None:
    yaml = YAML(typ="safe")
    document = yaml.load(path.read_text("utf-8"))
    for group in document["groups"].values():
        group["max_age"] = "1s"
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(document, file)


async def away(house: House) -> list[str]:
    """The bridge is stopped, and started again once what was written meanwhile is too old; the words that were written."""
    await house.stop()
    sandbox, words = house.sandbox("mastodon"), [unique("by hand, while away"), unique("and directly")]
    await sandbox.write("allhands", words[0])
    await sandbox.write_direct("lynn", words[1])
    want_only_what_is_new(house.mappings)
    told_at = time.time()
    await until(lambda: time.time() > told_at + 1.5, "it is too old")
    await house.start()
    return words


@pytest.mark.scenario("D04")
async def test_a_backlog_older_than_max_age_is_listed_and_not_posted(tmp_path: Path) -> None:
    async with running(tmp_path, ("slack", "mastodon")) as house:
        await house.settle()
        house.said.clear()
        before = time.time()
        words = await away(house)
        after = time.time()
        await until(lambda: house.told("mastodon", "so late that it was too old"), "the writer is told")
        await house.settle()
        missed = await house.store.read(held.missed)
        assert {each.line for each in missed} == set(words)
        assert all(before - 2 <= each.at <= after and each.account == AccountId("mastodon") for each in missed)
        assert not [each for to in house.destinations for word in words for each in house.copies(word, to)]
        await house.check()
