"""What can go wrong on the way, as one tree. Each docstring is the sentence an operator reads."""

from __future__ import annotations


class BridgeError(Exception):
    """viabridge could not do this."""

    def __init__(self, sentence: str | None = None) -> None:
        super().__init__(sentence or (type(self).__doc__ or "").strip())

    @property
    def sentence(self) -> str:
        return str(self)


class ConfigError(BridgeError):
    """The configuration cannot be used; the message says which line or variable to change. Exit code 78."""

    exit_code = 78


class Unparsable(BridgeError):
    """What the platform handed over could not be understood; it is kept and held."""


class SendError(BridgeError):
    """A call to a platform failed."""


class Retryable(SendError):
    """The platform is busy or unreachable; it is tried again by itself. `after` is in seconds, if the platform said."""

    def __init__(self, sentence: str | None = None, after: float | None = None) -> None:
        super().__init__(sentence)
        self.after = after


class NeedsOperator(SendError):
    """A human must mend something (a token, a permission, a missing channel); the place waits until then."""


class Rejected(SendError):
    """The platform will never take this as it is; the post is "not delivered", with this sentence as the reason."""


class FileRejected(Rejected):
    """The platform will never take this file; the post goes without it, and names it. `blob` is the file's."""

    def __init__(self, sentence: str | None = None, blob: str = "") -> None:
        super().__init__(sentence)
        self.blob = blob


class Uncertain(SendError):
    """The request was sent and its answer lost: perhaps it stands there, perhaps not. It is looked up, never guessed."""
