"""Which files go with a copy, what is said of the others, and content warnings that come as a first line."""

from __future__ import annotations

import itertools

import pytest

from adapters.mastodon.identity import AUDIENCES
from adapters.mastodon.render import draft_of, render
from bridge.contract import Excerpt, FileLimits, Limits, Part
from bridge.post import Audience, Author, Destination, Media, Post, UserId, direct
from bridge.text import Bold, Break, List, Mention, Paragraph, Str
from tests.mastodon.conftest import ACCOUNT, TIMELINE, a_context, a_post

FILES = FileLimits(4, 1_000, 9_000, frozenset({"image/png", "image/jpeg", "video/mp4", "audio/mpeg"}))
LIMITS = Limits(500, 23, FILES)
KARL = Destination(direct(ACCOUNT, UserId("3")))


def picture(name: str, **changes: object) -> Media:
    facts = {"mime": "image/png", "size": 900, "alt": f"a {name}", "blob": f"sha-{name}"} | changes
    return Media(f"{name}.png", **facts)  # type: ignore[arg-type]


VIDEO = Media("swim.mp4", "video/mp4", 8_000, blob="sha-swim")
SOUND = Media("song.mp3", "audio/mpeg", 8_000, blob="sha-song")


def parts(words: str, *media: Media, limits: Limits = LIMITS, via: str = "via {author}: {text}") -> tuple[Part, ...]:
    return render(a_post(words, media=media), TIMELINE, a_context(limits, via=via))


def names(part: Part) -> list[str]:
    return [file.media.name for file in part.files]


def status(part: Part) -> str:
    return draft_of(part).status


@pytest.mark.scenario("I06")
def test_what_is_over_the_count_is_named() -> None:
    [part] = parts("look", *(picture(f"p{n}") for n in range(6)))
    assert names(part) == ["p0.png", "p1.png", "p2.png", "p3.png"]
    assert status(part) == "via Lynn: look\n\n📎 p4.png (a p4) \N{EN DASH} only 4 fit\n\n📎 p5.png (a p5) \N{EN DASH} only 4 fit"


@pytest.mark.scenario("I06")
@pytest.mark.parametrize(
    ("media", "sent", "why"),
    [
        ((picture("lake"), VIDEO), ["lake.png"], "📎 swim.mp4 \N{EN DASH} cannot stand beside the others here"),
        ((VIDEO, picture("lake")), ["swim.mp4"], "📎 lake.png (a lake) \N{EN DASH} cannot stand beside the others here"),
        ((SOUND, VIDEO), ["song.mp3"], "📎 swim.mp4 \N{EN DASH} cannot stand beside the others here"),
        ((VIDEO, VIDEO), ["swim.mp4"], "📎 swim.mp4 \N{EN DASH} only 1 fits"),
        ((picture("big", size=1_001),), [], "📎 big.png (a big) \N{EN DASH} too large for here"),
        ((Media("a.pdf", "application/pdf", 9, blob="b"),), [], "📎 a.pdf \N{EN DASH} not a kind that can be shown here"),
        ((picture("odd", mime="image/tiff"),), [], "📎 odd.png (a odd) \N{EN DASH} not a kind that can be shown here"),
        ((picture("x", blob="", missing="it is gone"), picture("y")), ["y.png"], "📎 x.png (a x) \N{EN DASH} it is gone"),
        ((picture("x", blob=""),), [], "📎 x.png (a x)"),
    ],
)
def test_a_file_that_cannot_go_is_named_with_the_reason(media: tuple[Media, ...], sent: list[str], why: str) -> None:
    [part] = parts("look", *media)
    assert names(part) == sent
    assert status(part) == f"via Lynn: look\n\n{why}"


@pytest.mark.scenario("I06")
def test_a_server_without_files_only_names_them() -> None:
    [part] = parts("look", picture("lake"), limits=Limits(500))
    assert (names(part), status(part)) == ([], "via Lynn: look\n\n📎 lake.png (a lake)")


def test_a_server_that_names_no_kinds_shows_pictures_but_no_documents() -> None:
    [part] = parts(
        "x", picture("lake"), Media("a.pdf", "application/pdf", 9, blob="b"), limits=Limits(500, 23, FileLimits(4, 1_000, 9_000))
    )
    assert names(part) == ["lake.png"]


def test_files_stand_at_the_first_part_of_a_thread() -> None:
    first, *others = parts("word " * 300, picture("lake"))
    assert names(first) == ["lake.png"]
    assert others
    assert all(not part.files for part in others)


@pytest.mark.scenario("I07")
@pytest.mark.parametrize("limits", [LIMITS, Limits(500)])
@pytest.mark.parametrize("via", ["via {author}: {text}", ""])
def test_a_post_of_one_picture_is_never_an_empty_copy(limits: Limits, via: str) -> None:
    [part] = parts("", picture("lake"), limits=limits, via=via)
    assert part.files or "lake.png" in status(part)
    assert status(part).startswith("via Lynn:" if via else "")


@pytest.mark.scenario("I07")
def test_a_post_of_nothing_says_so() -> None:
    assert status(parts("")[0]) == "via Lynn: (no text)"


@pytest.mark.scenario("H07")
@pytest.mark.parametrize("line", ["CW: boats", "cw: boats", "Content warning:  boats", "cW:boats", "CW\N{FULLWIDTH COLON} boats"])
@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_a_first_line_that_warns_becomes_the_warning(line: str, gap: str) -> None:
    draft = draft_of(parts(f"{line}{gap}we sank one")[0])
    assert (draft.spoiler_text, draft.sensitive, draft.status) == ("boats", True, "via Lynn: we sank one")


@pytest.mark.scenario("H07")
@pytest.mark.parametrize("words", ["CW boats\nx", "CW:\nx", "what CW: x\ny", "x\nCW: boats", "CW: boats", "cwm: x\ny"])
def test_what_warns_of_nothing_stays_text(words: str) -> None:
    draft = draft_of(parts(words)[0])
    assert (draft.spoiler_text, draft.sensitive, draft.status) == ("", False, f"via Lynn: {words}")


@pytest.mark.scenario("H07")
def test_a_warning_may_stand_before_a_picture_alone() -> None:
    [part] = parts("CW: boats", picture("sunk"))
    assert (draft_of(part).spoiler_text, names(part)) == ("boats", ["sunk.png"])


def test_a_marked_warning_is_one_and_mentions_nobody() -> None:
    text = (Paragraph((Bold((Str("CW: "),)), Mention("U7", "karl"), Break(), Str("sank"))),)
    draft = draft_of(render(a_post("", text=text), TIMELINE, a_context(LIMITS))[0])
    assert (draft.spoiler_text, draft.status) == ("@\N{ZERO WIDTH SPACE}karl", "via Lynn: sank")


def test_a_list_before_everything_is_no_warning() -> None:
    text = (List(((Paragraph((Str("CW: x"),)),),)),)
    assert draft_of(render(a_post("", text=text), TIMELINE, a_context(LIMITS))[0]).spoiler_text == ""


def test_a_first_line_is_text_where_there_is_a_warning_already() -> None:
    draft = draft_of(render(a_post("CW: a\nb", warning="boats"), TIMELINE, a_context(LIMITS))[0])
    assert (draft.spoiler_text, draft.status) == ("boats", "via Lynn: CW: a\nb")


def test_a_warning_from_a_first_line_that_is_too_long_stands_whole_in_the_text() -> None:
    draft = draft_of(parts(f"CW: {'w' * 300}\nx")[0])
    assert draft.spoiler_text.endswith("w…")
    assert f"CW: {'w' * 300}" in draft.status


@pytest.mark.scenario("H07")
def test_sensitive_is_kept_without_a_warning_and_language_too() -> None:
    draft = draft_of(render(a_post("x", sensitive=True, language="de"), TIMELINE, a_context(LIMITS))[0])
    assert (draft.sensitive, draft.spoiler_text, draft.language) == (True, "", "de")


@pytest.mark.scenario("F02")
def test_a_quoted_parent_mentions_nobody_and_is_not_long() -> None:
    context = a_context(LIMITS, parent=Excerpt("@karl", "@lynn " + "who is coming? " * 20))
    draft = draft_of(render(a_post("me"), TIMELINE, context)[0])
    quoted, said = draft.status.split("\n\n")
    assert quoted.startswith("↪ @\N{ZERO WIDTH SPACE}karl: @\N{ZERO WIDTH SPACE}lynn who is coming?")
    assert len(quoted) < 130
    assert said == "via Lynn: me"


def permutations() -> list[tuple[Post, dict[str, object], Destination]]:
    found = []
    for files, thread, corrected, warning, mention, long, bot, notice in itertools.product((False, True), repeat=8):
        post = a_post(
            "word " * 300 if long else "hello",
            media=(picture("lake"), VIDEO) if files else (),
            warning="boats" if warning else "",
            author=Author(UserId("B"), "Deploy bot", is_bot=True) if bot else Author(UserId("U"), "Lynn"),
        )
        if mention:
            post = a_post(
                "",
                **{name: getattr(post, name) for name in ("media", "warning", "author")},
                text=(Paragraph((Mention("U", "karl"),)), *post.text),
            )
        context = {
            "corrected": corrected,
            "parent": Excerpt("Karl", "who?") if thread else None,
            "via": "" if notice else "via {author}: {text}",
        }
        found.append((post, context, KARL if notice else TIMELINE))
    return found


@pytest.mark.scenario("A05")
@pytest.mark.scenario("K01")
@pytest.mark.parametrize("audience", Audience)
@pytest.mark.parametrize("files", [None, FILES])
def test_every_permutation_says_something_to_nobody_else(audience: Audience, files: FileLimits | None) -> None:
    for post, changes, to in permutations():
        made = render(post, to, a_context(Limits(500, 23, files), audience=audience, **changes))
        assert made
        for part in made:
            draft = draft_of(part)
            assert draft.status.strip()
            assert AUDIENCES[draft.visibility] == (Audience.DIRECT if to is KARL else audience)
            assert "@karl" not in draft.status
            assert len(draft.status) + len(draft.spoiler_text) <= 500
        assert [bool(part.files) for part in made] == [bool(post.media and files) and n == 0 for n in range(len(made))]
