"""What admins are told of people who are members of their platform no more, or again. Pure."""

from __future__ import annotations


def asks(name: str, who: str, account: str, has: str) -> str:
    """That somebody was offboarded who is still somewhere else; `name` is what the question is called."""
    return (
        f"{who} is no member of {account} any more, and still {has}. Answer “approve” to remove them everywhere, or “reject” to "
        f"leave it as it is; or use `viabridge held approve {name}` or `discard`."
    )


def were_removed(who: str, account: str, has: str) -> str:
    """That somebody was offboarded, and removed because the mapping file says so."""
    return (
        f"{who} is no member of {account} any more, so they were removed, as `offboarded: remove` in the mapping file says. "
        f"Until now, {who} {has}. Should they become a member again, their lines in the file count again."
    )


def are_many(account: str) -> str:
    """That so many are gone that it may be a mistake."""
    return (
        f"Very many people are no members of {account} any more, all at once, so this may be a mistake there. Nobody more is "
        "removed before you decide, and I tell you of no more of them one by one: see them all with `viabridge held`."
    )


def are_back(who: str, account: str, *, removed: bool) -> str:
    """That somebody is a member again of whom the admins were asked, or told that they were removed."""
    then = (
        "Their lines in the mapping file count again: they get mail as it says. Where they followed an account they have to "
        "ask to follow it again."
        if removed
        else "So I ask no more whether they are to be removed; nothing was."
    )
    return f"{who} is a member of {account} again. {then}"


def not_removed(account: str, handle: str, why: str) -> str:
    """That a decided removal came to nothing."""
    return f"{handle} should follow {account} no more, and still does: {why}"
