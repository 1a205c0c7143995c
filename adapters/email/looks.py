"""How our HTML looks in a mail program: styled tag by tag, as many heed nothing else. The words are written elsewhere."""

from __future__ import annotations

import re
from typing import Final

from css_inline import CSSInliner

_STYLE: Final = """
div { font-family: sans-serif; font-size: 15px; line-height: 1.45; }
blockquote { margin: 0 0 0 4px; padding-left: 10px; border-left: 3px solid #ccc; color: #555; }
pre { font-family: monospace; background: #f5f5f5; padding: 8px; white-space: pre-wrap; }
code { font-family: monospace; background: #f5f5f5; }
img { max-width: 100%; }
hr { border: none; border-top: 1px solid #ddd; }
small { color: #888; }
"""
_INLINER: Final = CSSInliner(load_remote_stylesheets=False)
_OURS: Final = frozenset(
    re.findall(
        r' style="[^"]*"',
        _INLINER.inline_fragment("<div><blockquote></blockquote><pre></pre><code></code><img><hr><small></small></div>", _STYLE),
    )
)


def styled(fragment: str) -> str:
    """The fragment with our looks."""
    return _INLINER.inline_fragment(f"<div>{fragment}</div>", _STYLE)


def bare(fragment: str) -> str:
    """A styled fragment without our looks; whatever else there is stays."""
    for style in _OURS:
        fragment = fragment.replace(style, "")
    return fragment.removeprefix("<div>").removesuffix("</div>")
