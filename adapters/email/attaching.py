"""Files of a mail that we send: which go along, what is said of the others, and how they are put into it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from email import encoders
from email.mime.base import MIMEBase
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from html import escape
from pathlib import PurePath
from typing import Final

from adapters.email.filelinks import Linker, no_link
from bridge.contract import File, FileLimits
from bridge.post import Media

TOO_LARGE: Final = "too large for mail"
PROGRAM: Final = "a program, which is not passed on"
_ENDINGS: Final = """
    ade adp app application appref-ms bas bat chm cmd com cpl dll dmg exe gadget hta inf ins isp iso jar js jse lnk mde msc msh
    msi msix msp mst ocx pif ps1 psm1 py pyc reg scr sct sh shb sys vb vbe vbs vhd vxd wsc wsf wsh xll xbap
"""
_PROGRAMS: Final = frozenset(_ENDINGS.split())
_PROGRAM_TYPES: Final = frozenset(
    {
        "application/hta",
        "application/java-archive",
        "application/vnd.microsoft.portable-executable",
        "application/x-bat",
        "application/x-executable",
        "application/x-ms-shortcut",
        "application/x-msdos-program",
        "application/x-msdownload",
        "application/x-sh",
    }
)
_SHOWN: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


@dataclass(frozen=True, slots=True)
class Attached:
    """The files that go along, in their order; a line for each that does not, and one for what a picture shows."""

    chosen: tuple[Media, ...]
    lines: tuple[str, ...]

    @property
    def shown(self) -> tuple[Media, ...]:
        """Pictures that stand in the mail itself."""
        return tuple(media for media in self.chosen if media.mime in _SHOWN)


def is_program(name: str, mime: str) -> bool:
    """Whether opening the file would run it."""
    return mime.lower() in _PROGRAM_TYPES or PurePath(name.strip(" .")).suffix.lower().lstrip(".") in _PROGRAMS


def attach(media: Sequence[Media], limits: FileLimits | None, link: Linker = no_link) -> Attached:
    """Choose what one mail carries, up to the limit for all together; each of the others is named, with a link or the reason."""
    chosen: list[Media] = []
    lines: list[str] = []
    left = limits.other_bytes if limits else 0
    for each in media:
        why = _why_not(each, left, len(chosen), limits)
        if limits is not None and each.blob and not why:
            chosen.append(each)
            left -= each.size or 0
            lines.extend([f"🖼 {each.alt}"] if each.alt else [])
        else:
            if not each.missing and why != PROGRAM:
                why = link(each) or why
            lines.append(f"📎 {each.name}" + (f" ({each.alt})" if each.alt else "") + (f" \N{EN DASH} {why}" if why else ""))
    return Attached(tuple(chosen), tuple(lines))


def _why_not(media: Media, left: int, count: int, limits: FileLimits | None) -> str:
    if media.missing:
        return media.missing
    if is_program(media.name, media.mime):
        return PROGRAM
    if limits is None:
        return ""
    if not limits.take(media) or (media.size or 0) > left:
        return TOO_LARGE
    return f"only {limits.count} fit" if count >= limits.count else ""


def content_id(media: Media) -> str:
    """By what the HTML names a picture that stands in it."""
    return f"{media.blob[:40]}@viabridge"


def picture(media: Media) -> str:
    """The picture as HTML."""
    return f'<p><img src="cid:{content_id(media)}" alt="{escape(media.alt)}"></p>'


def assembled(plain: MIMEText, html: MIMEText, files: Sequence[File], seed: str) -> MIMEMultipart:
    """The mail's body: both texts, pictures beside the HTML, other files below; boundaries follow from `seed`."""
    both = MIMEMultipart("alternative", boundary=f"=_{seed[:32]}")
    both.attach(plain)
    both.attach(html)
    shown = [file for file in files if file.media.mime in _SHOWN]
    body = both
    if shown:
        body = MIMEMultipart("related", boundary=f"=_r{seed[:31]}")
        body.attach(both)
        for file in shown:
            body.attach(_part(file, "inline"))
    others = [file for file in files if file.media.mime not in _SHOWN]
    if not others:
        return body
    mixed = MIMEMultipart("mixed", boundary=f"=_m{seed[:31]}")
    mixed.attach(body)
    for file in others:
        mixed.attach(_part(file, "attachment"))
    return mixed


def _part(file: File, disposition: str) -> MIMEBase:
    kind, _, subtype = file.media.mime.partition("/")
    part = MIMEBase(kind, subtype) if kind not in ("text", "message", "multipart") else MIMEBase("application", "octet-stream")
    part.set_payload(file.body)
    encoders.encode_base64(part)
    name = file.media.name.replace("\r", " ").replace("\n", " ")
    part.add_header("Content-Disposition", disposition, filename=name if name.isascii() else ("utf-8", "", name))
    if disposition == "inline":
        part["Content-ID"] = f"<{content_id(file.media)}>"
    return part
