"""Hypothesis strategies for the vocabulary: rich texts of any shape, and words that hurt. No tests."""

from __future__ import annotations

from hypothesis import strategies as st

from bridge.text import (
    Block,
    Bold,
    Break,
    Code,
    CodeBlock,
    Emoji,
    Inline,
    Italic,
    Link,
    List,
    Mention,
    Paragraph,
    Quote,
    Str,
    Strike,
    Text,
)

AWKWARD = (
    "<!channel>",
    "<!here>",
    "<@U024BE7LH>",
    "<#C024BE7LR>",
    "@everyone",
    "@karl",
    "@karl@social.example",
    "lynn@example.org",
    "<script>alert(1)</script>",
    "&lt;b&gt; &amp; &",
    "*not bold*",
    "_not_italic_",
    "~~struck~~",
    "`code`",
    "```",
    "> no quote",
    "- no item",
    "1. no item",
    "https://example.org/a_(b)?c=d&e=f#g",
    "#hashtag",
    ":smile:",
    "e\N{COMBINING ACUTE ACCENT}",
    "\N{WAVING WHITE FLAG}\N{VARIATION SELECTOR-16}\N{ZERO WIDTH JOINER}\N{RAINBOW}",
    "\N{REGIONAL INDICATOR SYMBOL LETTER D}\N{REGIONAL INDICATOR SYMBOL LETTER E}",
    "\N{ZERO WIDTH SPACE}",
    "\N{RIGHT-TO-LEFT OVERRIDE}abc",
    "\N{NO-BREAK SPACE}",
    "\u4f1a\u8b70\u306f\u5348\u5f8c\u4e8c\u6642\u3067\u3059",
    "  ",
    "",
)
"""What any platform might take for markup, a mention or the end of something."""

CLUSTERS = (
    "a",
    "Z",
    "9",
    "\u6642",
    "e\N{COMBINING ACUTE ACCENT}\N{COMBINING CEDILLA}",
    "\N{THUMBS UP SIGN}\N{EMOJI MODIFIER FITZPATRICK TYPE-4}",
    "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}",
    "\N{WAVING WHITE FLAG}\N{VARIATION SELECTOR-16}\N{ZERO WIDTH JOINER}\N{RAINBOW}",
    "1\N{VARIATION SELECTOR-16}\N{COMBINING ENCLOSING KEYCAP}",
    "\N{REGIONAL INDICATOR SYMBOL LETTER D}\N{REGIONAL INDICATOR SYMBOL LETTER E}",
    "\N{DEVANAGARI LETTER NA}\N{DEVANAGARI VOWEL SIGN I}",
    "\N{HEBREW LETTER SHIN}\N{HEBREW POINT SHIN DOT}\N{HEBREW POINT QAMATS}",
    "\N{HANGUL CHOSEONG KIYEOK}\N{HANGUL JUNGSEONG A}\N{HANGUL JONGSEONG NIEUN}",
)
"""Characters as people count them, each of one or more code points."""

line = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=30)
"""Characters of one line: no newlines, no controls."""

words = st.lists(st.sampled_from(AWKWARD) | line, max_size=5).map(" ".join)
some_words = words.filter(lambda found: bool(found.strip()))
urls = st.from_regex(r"https?://[a-z]{1,10}\.example(/[a-z0-9_()-]{0,20})?(\?[a-z]=[a-z0-9&]{0,5})?", fullmatch=True)
code = st.lists(words, max_size=4).map("\n".join)


def _inline(children: st.SearchStrategy[Inline]) -> st.SearchStrategy[Inline]:
    several = st.lists(children, max_size=3).map(tuple)
    return st.builds(Bold, several) | st.builds(Italic, several) | st.builds(Strike, several) | st.builds(Link, urls, several)


inline: st.SearchStrategy[Inline] = st.recursive(
    st.builds(Str, words)
    | st.builds(Code, words)
    | st.builds(Link, urls)
    | st.builds(Mention, some_words, some_words)
    | st.builds(Emoji, st.sampled_from(("smile", "+1", "blobcat")), st.sampled_from(("", "\N{SMILING FACE WITH OPEN MOUTH}")))
    | st.just(Break()),
    _inline,
    max_leaves=6,
)
paragraph = st.builds(Paragraph, st.lists(inline, max_size=5).map(tuple))


def _block(children: st.SearchStrategy[Block]) -> st.SearchStrategy[Block]:
    text = st.lists(children, max_size=3).map(tuple)
    items = st.lists(text, max_size=3).map(tuple)
    return (
        st.builds(Quote, text)
        | st.builds(List, items)
        | st.builds(List, items, ordered=st.sampled_from((True,)), start=st.integers(0, 99))
    )


block: st.SearchStrategy[Block] = st.recursive(
    paragraph | st.builds(CodeBlock, code, st.sampled_from(("", "python"))), _block, max_leaves=5
)
texts: st.SearchStrategy[Text] = st.lists(block, max_size=4).map(tuple)
"""Rich texts of any shape, empty nodes included."""

json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(("p", "b", "ol", "a", "quote")),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(max_size=3), children, max_size=2),
    max_leaves=10,
)
"""Any JSON, with our own tags among it."""
