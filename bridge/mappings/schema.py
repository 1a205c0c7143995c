"""The strict pydantic models of the mapping file: its keys, their types and what each is for. Names are checked in `lint`."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from bridge.mappings import kinds
from bridge.mappings.kinds import Clock, Handles, PositiveSpan, Quiet, Span, Words

FOLLOWERS: Final = "followers"
"""Among a group's `writers`: whoever the account has let follow. So nobody under `people` may be called so."""


class Entry(BaseModel):
    """What all parts of the file share: no unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, populate_by_name=False, hide_input_in_errors=True)


class FilterEntry(Entry):
    """Which posts are meant: those that have any of these."""

    hashtags: list[Annotated[Words, AfterValidator(kinds.hashtag)]] = Field([], description='Hashtags, in quotes: `["#all"]`.')
    words: list[Words] = Field([], description="Words, in any case: `[draft]`.")


class ReaderEntry(Entry):
    """Who gets copies of their own at a place; `- lee` is short for `- {person: lee}`."""

    person: Words = Field(description="A key under `people`, with an address at this account.")
    deliver: Literal["each", "hourly", "daily", "weekly", "announcements"] = Field(
        "each",
        description=(
            "`each` conversation as it goes, bundled where posts follow each other; all posts in one mail, `hourly`, `daily` or "
            "`weekly` (on Mondays); `announcements` only. Readers may choose less for themselves, never more."
        ),
    )
    at: Clock = Field(
        time(8),
        alias="time",
        description="The time of day of daily and weekly mails, in `zone`.",
        json_schema_extra={"default": "08:00"},
    )
    zone: Annotated[Words, AfterValidator(kinds.zone)] = Field(
        "UTC", description="The reader's time zone, by its IANA name: `Europe/London`."
    )
    quiet: Quiet | None = Field(
        None,
        description='From when to when only announcements come, in `zone`: `"22:00-07:00"`. The rest comes in one mail then.',
    )


class PlaceEntry(Entry):
    """A place in a group."""

    at: Words = Field(description="`account/name`: an account's key and the place's name there; a `#` may precede the name.")
    direction: Literal["both", "from-here", "to-here"] = Field(
        "both", description="Which way posts go between this place and the others."
    )
    only: FilterEntry | None = Field(None, description="Only posts that have any of these pass, from here and to here.")
    skip: FilterEntry | None = Field(None, description="Posts that have any of these do not pass, from here and to here.")
    readers: list[Annotated[ReaderEntry, BeforeValidator(kinds.reader, json_schema_input_type=str | ReaderEntry)],] = Field(
        [], description="The people who get copies of their own here (mail)."
    )
    join: Literal["closed", "ask", "open"] = Field(
        "closed",
        description=(
            "Whether others may ask by mail to read here, and confirm that the address is theirs: never (`closed`), and then an "
            "admin decides (`ask`), or they just do (`open`)."
        ),
    )


class LoopsEntry(Entry):
    """When posts that come round again, through bots that viabridge does not control, are stopped. What is stopped waits."""

    hops: int = Field(2, ge=1, le=9, description="Stop whoever brings an earlier post back for the so-many-th time.")
    window: PositiveSpan = Field(
        timedelta(hours=1), description="How long a post is remembered for that.", json_schema_extra={"default": "1h"}
    )
    budget: Annotated[str, AfterValidator(kinds.budget)] = Field(
        "50000/h",
        description="How many posts one author may make at one place, such as `30/m`; more of them wait. `off`: any number.",
    )


class GroupEntry(Entry):
    """A named conversation, mirrored among its places."""

    about: str = Field("", description="What it is for, in a few words.")
    title: Words | None = Field(None, description="Its name on pages and in mail; the key, capitalised, if left out.")
    audience: Literal["group", "unlisted", "public"] = Field(
        "group", description="The ceiling of every copy; a copy is never wider than its original either."
    )
    via: Annotated[str, AfterValidator(kinds.template)] = Field(
        "via {author}: {text}",
        description=(
            "How a copy names its author: `via {author}: {text}`, `{author}: {text}`, `{text} ^{initials}`, or nobody: `{text}`. "
            "Needs `{text}` once."
        ),
    )
    writers: Annotated[list[Words], BeforeValidator(kinds.listed, json_schema_input_type=str | list[str])] = Field(
        [],
        description=(
            "Who may write to the group through an account of it: people, and `followers` for whoever the account has let follow."
        ),
    )
    relay: Annotated[
        list[Annotated[Words, AfterValidator(kinds.way)]],
        BeforeValidator(kinds.listed, json_schema_input_type=str | list[str]),
        Field(min_length=1),
    ] = Field(
        ["direct", "mention"],
        description=(
            "How writers reach the group through an account: `direct` messages to it, posts that `mention` it (answers do), or a "
            'hashtag, `"#all"`: mentions that have it.'
        ),
    )
    answers: Literal["everyone", "as-they-are"] = Field(
        "everyone",
        description=(
            "What becomes of a writer's followers-only answer at an account, which its other followers can't see: the account "
            "posts it again for `everyone`, or answers stay `as-they-are` there. The other places get it either way."
        ),
    )
    strangers: Literal["answer", "silent"] = Field(
        "answer",
        description="Whether somebody who is no writer, and writes to an account directly, is told so, once. It is never posted.",
    )
    bots: Annotated[list[Words], BeforeValidator(kinds.listed, json_schema_input_type=str | list[str])] = Field(
        [],
        description=(
            "Bots whose posts are relayed: keys of `people`, who have the bot's id at its account. All others' are left out."
        ),
    )
    mentions: Literal["names", "people"] = Field(
        "names",
        description=(
            "Whether a mention is only a name in copies (`names`), or calls the person (`people`) whom the file knows there."
        ),
    )
    loops: LoopsEntry = Field(LoopsEntry(), description="When posts that go in circles are stopped.")
    announcers: list[Words] = Field([], description="People whose posts that start with 📣 are announcements.")
    places: list[PlaceEntry] = Field(description="Where it is mirrored; two places or more.")
    undo: Span = Field(
        timedelta(0),
        description=(
            "How long a post waits before its copies go out: changed or deleted meanwhile, only its last form goes, or nothing."
        ),
        json_schema_extra={"default": "0s"},
    )
    late_after: Span = Field(
        timedelta(seconds=30),
        description=(
            "A copy that comes so late says so: `(delayed 31 s)`, or, from an hour on, when it was written. `0s`: never."
        ),
        json_schema_extra={"default": "30s"},
    )
    give_up_after: PositiveSpan = Field(
        timedelta(hours=48), description='After it a copy is "not delivered".', json_schema_extra={"default": "48h"}
    )
    keep: PositiveSpan = Field(
        timedelta(days=30),
        description="How long the texts and files of its posts are kept in the database; after that only ids are.",
        json_schema_extra={"default": "30d"},
    )
    max_age: PositiveSpan = Field(
        timedelta(hours=24),
        description="Older posts, found after an outage, are not copied; `viabridge missed` lists them.",
        json_schema_extra={"default": "24h"},
    )
    confirm: Literal["failures", "all"] = Field(
        "failures", description="What a writer hears: only failures, or a ✓ for every post."
    )


class PersonEntry(Entry):
    """A human, and who they are at each account: `<account>: handle` or `<account>: [handle, handle]`."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Handles] = Field(init=False)

    name: Words | None = Field(None, description="What others see; the key, capitalised, if left out.")


class AnyAccount(Entry):
    """One signed-in connection; its other keys depend on its platform."""

    model_config = ConfigDict(extra="allow")

    platform: Words = Field(description="The platform's name. Its other keys stand in that platform's README.")


class TestEntry(Entry):
    """A promise that `viabridge test` checks: a post there by this person reaches exactly these."""

    __test__ = False  # its name makes pytest curious

    origin: Words = Field(alias="from", description="`account/name` of the place where it is posted.")
    by: Words = Field(description="Who posts: a key under `people`.")
    text: str = Field(description="What is posted.")
    reaches: list[Words] = Field(description="Where copies stand afterwards: `account/name`, or `account/person` for a reader.")


class FileEntry(Entry):
    """The whole mapping file."""

    public_url: Annotated[str, AfterValidator(kinds.web_address)] | None = Field(
        None, description="Where people reach the bridge's pages; without it no web link is sent."
    )
    admins: list[Words] = Field([], description="Whom the bridge tells when something needs a human: keys of `people`.")
    offboarded: Literal["ask", "remove"] = Field(
        "ask",
        description=(
            "What becomes of people who are members of a workspace no more: admins are asked whether they are to be removed "
            "(`ask`), or they are at once (`remove`), unless they are many, or an admin."
        ),
    )
    accounts: dict[str, AnyAccount] = Field(description="The signed-in connections, by a name of your own.")
    people: dict[str, PersonEntry] = Field({}, description="The humans, by a short name of your own.")
    groups: dict[str, GroupEntry] = Field(description="The conversations, by a name of your own.")
    tests: list[TestEntry] = Field([], description="What `viabridge test` checks.")


def keys_at(model: type[BaseModel], path: tuple[str | int, ...]) -> frozenset[str]:
    """The keys that the model knows at the path; empty where nothing is known."""
    kind: Any = model
    for step in path:
        kind = _below(kind, step)
    return frozenset(names(kind)) if isinstance(kind, type) and issubclass(kind, BaseModel) else frozenset()


def names(model: type[BaseModel]) -> dict[str, str]:
    """The model's keys as the file writes them, each with its field's name."""
    return {field.alias or name: name for name, field in model.model_fields.items()}


def _below(kind: Any, step: str | int) -> Any:
    """The type one step down: a field's, a list's items' or a table's values', without Annotated and None."""
    kind = _bare(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        name = names(kind).get(str(step))
        return _bare(kind.model_fields[name].annotation) if name else None
    inner = getattr(kind, "__args__", ())
    return _bare(inner[-1]) if inner else None


def _bare(kind: Any) -> Any:
    """The first type that is a model or a container, inside Annotated and unions."""
    if hasattr(kind, "__metadata__"):
        return _bare(kind.__origin__)
    options = getattr(kind, "__args__", ())
    if type(None) in options:
        return _bare(next(option for option in options if option is not type(None)))
    return kind
