"""What the bridge says to people about reading by mail: welcome, what they chose, joining, invitations. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from bridge.mappings import Deliver, Group, Rhythm
from bridge.notices import Notice
from bridge.post import Place
from bridge.rhythm import Choice, reduced
from bridge.text import from_plain


def welcome(key: str, place: Place, groups: Sequence[Group]) -> Notice:
    """Before the first mail to a reader: what this is, who reads it, how to answer, how to get fewer."""
    titles = _titles(groups)
    said = (
        f"From now on you read {titles} by mail: what the members write, each wherever they like to write, comes to you here. "
        "Only the members read it, and none of them sees your address. "
        "To answer one of them, press Reply: your answer goes to everyone, with your name. "
        "To get fewer mails, press Daily, Announcements only or Pause below any of them, and Leave to get none."
    )
    return Notice(f"welcome:{key}", place, from_plain(said))


def _titles(groups: Sequence[Group]) -> str:
    return " and ".join(f"“{group.title}”" for group in groups) or "this group"


# ---------------------------------------------------------------- what they chose

_HOW: Final = {
    Deliver.EACH: "each conversation as it goes",
    Deliver.HOURLY: "one mail an hour, when there is something new",
    Deliver.DAILY: "one mail a day, at {at}",
    Deliver.WEEKLY: "one mail a week, on Mondays at {at}",
    Deliver.ANNOUNCEMENTS: "announcements only",
}


def how_often(rhythm: Rhythm, choice: Choice, now: float) -> str:
    """What a reader gets, in words."""
    if choice.paused_until > now:
        until = datetime.fromtimestamp(choice.paused_until, ZoneInfo(rhythm.zone))
        return f"nothing until {until:%d %B %Y, %H:%M} ({rhythm.zone}), and then all of it in one mail"
    return _HOW[reduced(rhythm, choice)].format(at=f"{rhythm.at:%H:%M} ({rhythm.zone})")


def chosen(key: str, place: Place, rhythm: Rhythm, choice: Choice, now: float) -> Notice:
    """That it was understood, and what holds from now on."""
    said = f"Done: you get {how_often(rhythm, choice, now)}."
    if choice.deliver is not None and choice.deliver.rank < rhythm.deliver.rank:
        said += " An admin set that you get no more than this."
    if choice.paused_until > now:
        said += " To end the pause, write a mail with the subject: viabridge resume."
    return Notice(key, place, from_plain(said))


def is_it_you(key: str, place: Place, what: str) -> Notice:
    """To a reader in whose name something was asked, when nothing proved that it was them."""
    said = (
        f"Somebody, perhaps you, asked me by mail for this: {what}. If it was you, just answer this message; if not, do nothing."
    )
    return Notice(key, place, from_plain(said))


def taken_back(key: str, place: Place, line: str) -> Notice:
    """That their last post is gone, as far as that can be."""
    said = f"Your post “{line}” is taken back: it is gone wherever copies can be removed, and from mails still to be sent."
    return Notice(key, place, from_plain(said))


def nothing_to_take_back(key: str, place: Place) -> Notice:
    """That there is no post of theirs."""
    said = "There is no post of yours that I could take back, or nothing proved that it was you who asked."
    return Notice(key, place, from_plain(said))


def which_one(key: str, place: Place) -> Notice:
    """To somebody who answered a mail of several conversations without saying which."""
    said = (
        "You answered a mail with posts of several conversations, and I can't tell which of them you mean, so your answer was "
        "not posted. Please write it right below the post that you answer, or press Answer there. Your words are among your sent "
        "mails."
    )
    return Notice(key, place, from_plain(said))


# ---------------------------------------------------------------- who may read


def confirm_joining(key: str, place: Place, group: Group, *, asks: bool) -> Notice:
    """Ask somebody who wants to read along whether it is them."""
    then = "an admin decides, and you hear of it" if asks else "the posts come to you from then on"
    said = (
        f"You, or somebody with your address, asked to read “{group.title}” by mail. If it was you, just answer this message: "
        f"{then}. If not, do nothing, and nothing happens."
    )
    return Notice(key, place, from_plain(said))


def invited(key: str, place: Place, group: Group) -> Notice:
    """To somebody whom an admin invites."""
    said = (
        f"An admin invites you to read “{group.title}” by mail, and to answer by pressing Reply. If you would like to, just "
        "answer this message. If not, do nothing, and nothing comes."
    )
    return Notice(key, place, from_plain(said))


def waits(key: str, place: Place, group: Group) -> Notice:
    """To somebody who confirmed that they want to read along."""
    return Notice(key, place, from_plain(f"Thank you. An admin of “{group.title}” decides, and I tell you."))


def not_now(key: str, place: Place, group: Group) -> Notice:
    """To somebody whom an admin turned down."""
    return Notice(key, place, from_plain(f"An admin of “{group.title}” decided that it can't be read by mail from your address."))


def not_open(key: str, place: Place, group: Group) -> Notice:
    """To somebody who asked to join what can't be joined so."""
    said = f"“{group.title}” can't be joined by mail. If you should read it, ask somebody who does to speak to an admin."
    return Notice(key, place, from_plain(said))


def reads_already(key: str, place: Place, group: Group) -> Notice:
    """To somebody who reads it, or left."""
    said = f"You are known as a reader of “{group.title}”. If nothing comes, because you left, ask an admin to invite you again."
    return Notice(key, place, from_plain(said))


def asks_to_read(account: str, group: Group, address: str, name: str) -> str:
    """To admins: that somebody asks to read along."""
    who = f"{name} ({address})" if name and name != address else address
    return (
        f"{who} asks to read “{group.title}” by mail, over {account}. Answer “approve” to let them, or “reject”; or use "
        f"`viabridge readers approve {address}` or `reject`. They confirmed that the address is theirs, not who they are."
    )


def joined(group: Group, address: str) -> str:
    """To admins: that somebody reads along, where everybody may."""
    return f"{address} asked to read “{group.title}” by mail, confirmed it, and now does, as the group is open."
