"""What every adapter must do with bytes that nobody promised: understand them, or say `Unparsable`. Never anything else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bridge.contract import Act
from bridge.errors import Unparsable
from bridge.post import Created, Edited, Ignored, Raw
from bridge.text import Text, from_json, plain, to_json
from tests.conformance.rig import ACCOUNT, Rig, unique
from tests.strategies import json_like

HARD = hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def read(rig: Rig, raw: Raw) -> None:
    """Parse; what comes out is whole and of the right kind."""
    try:
        found = rig.adapter.parse(raw)
    except Unparsable as refusal:
        assert refusal.sentence  # noqa: PT017 - either outcome is fine, each has its duty
        return
    assert isinstance(found, tuple)
    for event in found:
        if isinstance(event, Ignored):
            assert event.reason
            continue
        assert event.ref.place.account == ACCOUNT
        assert event.at.tzinfo is not None
        if isinstance(event, Created | Edited):
            whole(event.post.text)


def whole(text: Text) -> None:
    assert from_json(json.loads(json.dumps(to_json(text)))) == text
    assert "\n" not in "".join(line for line in plain(text).split("\n"))


def real_raws(rig: Rig) -> list[Raw]:
    return sorted(rig.inbox.raws.values(), key=lambda raw: raw.key)


@pytest.fixture(scope="module")
def hints(rig: Rig) -> Mapping[str, str]:
    return real_raws(rig)[0].hints


@given(body=st.binary(max_size=300))
@HARD
def test_any_bytes_are_understood_or_unparsable(rig: Rig, hints: Mapping[str, str], body: bytes) -> None:
    read(rig, Raw(ACCOUNT, "k", body, datetime.now(UTC), hints))
    read(rig, Raw(ACCOUNT, "k", body, datetime.now(UTC)))


@given(body=json_like.map(json.dumps).map(str.encode))
@HARD
def test_any_json_is_understood_or_unparsable(rig: Rig, hints: Mapping[str, str], body: bytes) -> None:
    read(rig, Raw(ACCOUNT, "k", body, datetime.now(UTC), hints))


@given(data=st.data())
@HARD
def test_a_damaged_message_is_understood_or_unparsable(rig: Rig, data: st.DataObject) -> None:
    raw = data.draw(st.sampled_from(real_raws(rig)))
    start = data.draw(st.integers(0, len(raw.body)))
    end = data.draw(st.integers(start, min(len(raw.body), start + 60)))
    body = raw.body[:start] + data.draw(st.binary(max_size=8)) + raw.body[end:]
    read(rig, replace(raw, body=body))


def paths(value: object, *above: str | int) -> list[tuple[str | int, ...]]:
    below: list[tuple[str | int, ...]] = []
    if isinstance(value, dict):
        below = [path for key, child in value.items() for path in paths(child, *above, key)]
    elif isinstance(value, list):
        below = [path for index, child in enumerate(value) for path in paths(child, *above, index)]
    return [above, *below] if above else below


@given(data=st.data())
@HARD
def test_a_message_with_one_wrong_field_is_understood_or_unparsable(rig: Rig, data: st.DataObject) -> None:
    """Where raws are JSON: any one value of a real message is missing or of another type."""
    raw = data.draw(st.sampled_from(real_raws(rig)))
    try:
        message = json.loads(raw.body)
    except ValueError:
        pytest.skip("its messages are no JSON")
    *above, last = data.draw(st.sampled_from(paths(message)))
    holder = message
    for key in above:
        holder = holder[key]
    if data.draw(st.booleans()):
        del holder[last]
    else:
        holder[last] = data.draw(json_like)
    read(rig, replace(raw, body=json.dumps(message).encode()))


async def test_a_message_without_its_hints_is_understood_or_unparsable(rig: Rig) -> None:
    for raw in real_raws(rig):
        read(rig, replace(raw, hints={}))


async def test_hostile_markup_is_read_in_time_whatever_its_depth(rig: Rig) -> None:
    room = min(rig.adapter.limits.characters, 2_000) - 50
    for hostile in (
        "> " * 400,
        "<blockquote>" * 400,
        "*_~" * 400,
        "[" * 2_000,
        "<" * 2_000,
        "`" * 1_001,
        "(" * 2_000,
        "&amp;" * 400,
    ):
        native = await rig.sandbox.write(rig.writer, unique(hostile[:room] + " deep"))
        [event] = await rig.heard(Created, native)
        whole(event.post.text)
        assert rig.render(event.post)


@pytest.mark.scenario("A10")
@pytest.mark.parametrize("words", ["one\ntwo", "one\n\ntwo", "a  b", "5 * 3 * 2_000", "caf\u00e9 \U0001f44b\U0001f3fd \u6642"])
async def test_plain_words_arrive_as_they_were_written(rig: Rig, words: str) -> None:
    written = unique(words)
    write = rig.sandbox.write_direct if Act.DIRECT in rig.sandbox.can else rig.sandbox.write
    native = await write("lynn", written)
    [event] = await rig.heard(Created, native)
    assert written.split() == plain(event.post.text).split()[-len(written.split()) :]
