"""Signing in with an access token (XOAUTH2), where a provider takes no passwords. A program of the owner's gives the token."""

from __future__ import annotations

import base64
import shlex
import subprocess

SECONDS = 30.0


class NoToken(Exception):
    """The program named by `token_command` gave no token."""


def access_token(command: str) -> str:
    """What the program prints, without the line's end. Blocks. Raises `NoToken`, which holds nothing of what it printed."""
    try:
        words = shlex.split(command)
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=SECONDS, check=True)  # noqa: S603 - the owner named it
    except (OSError, ValueError, subprocess.SubprocessError):
        raise NoToken from None
    token = done.stdout.decode("ascii", "replace").strip()
    if not token or any(char.isspace() for char in token):
        raise NoToken
    return token


def xoauth2(user: str, token: str) -> str:
    """What SMTP's AUTH XOAUTH2 sends."""
    return base64.b64encode(f"user={user}\x01auth=Bearer {token}\x01\x01".encode()).decode()
