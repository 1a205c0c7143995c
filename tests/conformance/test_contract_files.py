"""Files as every adapter must treat them: fetched or refused in words, sent along only where they can be, named where not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.contract import FileLimits, Limits, Part
from bridge.errors import Rejected, SendError
from bridge.post import Media
from tests.conformance.rig import Rig, post, unique

PICTURES = tuple(Media(f"lake{n}.png", "image/png", 100, f"The lake {n}", blob=f"blob{n}") for n in range(7))
MINUTES = Media("minutes.pdf", "application/pdf", 100, "", missing="This file is gone.")


async def test_a_file_that_nobody_has_is_refused_in_words(rig: Rig) -> None:
    for source in ("", "x", "https://127.0.0.1:1/x.png", "../../etc/hosts", "file:///etc/hosts"):
        with pytest.raises(SendError) as caught:
            await rig.adapter.fetch(Media("x.png", "image/png", source=source), 1000)
        assert isinstance(caught.value, Rejected), source
        assert caught.value.sentence.strip()


def limited(rig: Rig, files: FileLimits | None) -> Limits:
    return replace(rig.adapter.limits, files=files)


def rendered(rig: Rig, files: FileLimits | None, *media: Media) -> tuple[Part, ...]:
    return rig.render(post(unique("see"), media=media), limits=limited(rig, files))


@pytest.mark.scenario("I06")
async def test_where_files_cannot_go_they_are_named(rig: Rig) -> None:
    parts = rendered(rig, None, *PICTURES, MINUTES)
    assert not [file for part in parts for file in part.files]
    said = " ".join(part.body for part in parts)
    for media in (*PICTURES, MINUTES):
        assert media.name in said
        assert media.alt in said


@pytest.mark.scenario("I06")
async def test_no_part_has_more_files_than_it_may_and_each_file_goes_or_is_named(rig: Rig) -> None:
    if rig.adapter.limits.files is None:
        pytest.skip("this platform takes no files yet")
    limits = FileLimits(4, 1000, 1000, frozenset({"image/png", "application/pdf"}))
    parts = rendered(rig, limits, *PICTURES, MINUTES)
    said, gone = " ".join(part.body for part in parts), [file.media for part in parts for file in part.files]
    assert 0 < len(gone) <= limits.count * len(parts)
    assert all(len(part.files) <= limits.count for part in parts)
    for media in (*PICTURES, MINUTES):
        assert (media in gone) != (media.name in said), media.name
    assert MINUTES.missing in said


async def test_a_file_without_bytes_of_ours_never_goes(rig: Rig) -> None:
    parts = rendered(rig, FileLimits(4, 1000, 1000), Media("lake.png", "image/png", 100))
    assert not [file for part in parts for file in part.files]
    assert "lake.png" in parts[0].body


async def test_a_part_never_holds_bytes_or_addresses_of_files(rig: Rig) -> None:
    secret = "https://files.example/secret/lake.png"
    media = tuple(replace(each, source=secret) for each in PICTURES)
    for files in (None, FileLimits(4, 1000, 1000)):
        for part in rendered(rig, files, *media):
            assert secret not in part.body
            assert all(file.body == b"" for file in part.files)
