"""What `viabridge check` finds out about a mail account: its ways in, and whether a mail to ourselves comes back by them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from adapters.email.addresses import Home
from adapters.email.encryption import NoEncryption
from adapters.email.listening import Listener
from adapters.email.mailbox import FAILURES, Mailbox, close, in_thread
from adapters.email.oauth import NoToken
from adapters.email.probing import PROBLEMS, Back, by_mailbox, by_port, greets, probe, told_by
from adapters.email.sending import Unaccepted, Unanswered
from adapters.email.settings import Settings
from bridge.contract import Checked, Level
from bridge.errors import SendError


async def check_mailbox(mailbox: Mailbox) -> Checked:
    """Whether we can sign in and read."""
    what = f"reading the mailbox at {mailbox.at}"
    try:
        await in_thread(lambda: close(mailbox.connect()))
    except NoEncryption as problem:
        return Checked(Level.ERROR, what, f"{problem.__doc__} Use port 993, or a server that offers STARTTLS.")
    except NoToken as problem:
        return Checked(Level.ERROR, what, f"{problem.__doc__} Run it by hand.")
    except FAILURES as problem:
        return Checked(
            Level.ERROR,
            what,
            f"It failed with {type(problem).__name__}. Look at `imap` and `login`, and whether the provider allows IMAP.",
        )
    return Checked(Level.OK, what)


async def check_port(listener: Listener, seconds: float) -> Checked:
    """Whether mail can be handed to us."""
    what = f"receiving mail at {listener.listen.protocol}:{listener.listen.at}"
    if listener.problem:
        return Checked(Level.ERROR, what, f"The port cannot be used ({listener.problem}). Stop what uses it, or change `listen`.")
    if listener.bound or await greets(listener.listen, seconds):
        return Checked(Level.OK, what)
    return Checked(Level.WARNING, what, "Nobody listens yet: the service is not running here.")


async def round_trip(
    settings: Settings, home: Home, mailbox: Mailbox | None, listener: Listener | None, send: Callable[[bytes], Awaitable[None]]
) -> tuple[Checked, ...]:
    """Send a mail to ourselves by the sending server, and see it come in by the mailbox, else by the port."""
    mail = probe(home, datetime.now(UTC))
    what = f"from {settings.smtp} to {'the mailbox' if mailbox else settings.listen}"
    back: Back | None = None
    try:
        if mailbox:
            back = await by_mailbox(mailbox, lambda: send(mail.body), mail.id)
        elif listener and not await greets(listener.listen, settings.timeout):
            back = await by_port(listener, lambda: send(mail.body), mail.id)
        else:
            return ()  # a service of ours has the port, so that it gets the mail
    except (Unaccepted, Unanswered, SendError) as problem:
        said = problem.__cause__ or problem
        cure = "Look at `smtp`, and whether it lets us send from our own address to it."
        return (Checked(Level.ERROR, f"{what}: the server did not take a mail to ourselves ({type(said).__name__})", cure),)
    except PROBLEMS as problem:
        cure = "Look at `imap` and `listen`: what comes in can't be taken."
        return (Checked(Level.ERROR, f"{what}: it could not be looked for ({type(problem).__name__})", cure),)
    return tuple(told_by(back, what, settings, datetime.now(UTC)))
