"""Find the answer in what a model wrote.

From strong to weak: a box, an answer tag, a JSON field or a "final answer" (whichever comes last), an answer line in
one of many languages, the whole text where it is nothing but an answer, bold text, the last formula, the last number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from scorers._boxes import last_box, with_tail
from scorers._calendar import parse_clock, parse_day
from scorers._clean import peel
from scorers._cues import ASKED, CODE, DENIED, POSED, RETRACTED, STOP, cues, final_cues
from scorers._numbers import parse_number, parse_ratio
from scorers._prose import SPAN, is_prose, unwrapped

__all__ = ["Found", "find_math", "find_text", "is_prose", "last_sentence", "stated", "unwrapped", "visible"]


class Found(NamedTuple):
    """An answer as it stands in the text."""

    text: str
    rule: str
    """`box`, `tag`, `answer_line`, `whole`, `bold`, `formula`, `last_number`; none: `unclosed_box`, `retracted`."""
    note: str = ""
    """What a reader should know: several different boxes, an unclosed box."""
    after: str = ""
    """How the text goes on behind it, bounded in length."""


_MAX_CHARS = 20_000
"""Only so much of the end of a text is read."""
_WHOLE = 5_000
"""A longer text is not looked at as one formula, unless it is boxed."""
_AFTER = 2_000
_BRIEF = 4
"""Characters that cannot take an answer back."""
_CUES = 50
"""Cues without an answer behind them that are passed over, from the last one on."""
_TURN = re.compile(
    r"<\|im_(?:start|end)\|>|<\|(?:eot|end|return|start_header)[a-z_]*\|>|</s>"
    r"|<[|\uff5c]end\S{1,3}of\S{1,3}sentence[|\uff5c]>"
    r"|<(?:end|start)_of_turn>|\[/?INST\]"
)
_TAG = re.compile(
    r"<(answer|ans|choice|conclusion|final|final_answer)>(.*?)(?:</\1>|\Z)|\[ANSWER\](.*?)(?:\[/ANSWER\]|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_JSON = re.compile(
    r"[\"'](?:(?:final|correct)[_ ]?)?(?:answer|choice|option|solution|result|prediction)s?[\"']\s{0,9}:\s{0,9}"
    r"(?:\"((?:[^\"\\\n]|\\.){0,999})\"|'((?:[^'\\\n]|\\.){0,999})'|\[([^\[\]\n]{0,999})\]|([\w.+-]{1,99}))",
    re.IGNORECASE,
)
_FENCE = re.compile(r"```([\w+-]{0,20})[^\n`]{0,40}(?:\n(.*?)(?:```|\Z)|([^`]*)```)", re.DOTALL)
_TEXTUAL = frozenset(
    ["", "json", "latex", "tex", "text", "txt", "plaintext", "markdown", "md", "math", "xml", "html", "yaml"]
)
_TEMPLATE = re.compile(
    r"[\[<($*_\s]*(?:your|the|a|final|letter|correct)?[ _]?(?:final )?(?:answer|letter|option|choice|number)"
    r"(?: here| only)?"
    r"[\])>$*_\s]*|[\s_.\u2026?]+|tbd|n/a|x{3,}|null|none",
    re.IGNORECASE,
)
_ARTICLE = re.compile(
    r"^(?:(?:la|el|le|die|das|der|den|a|o|donc|also|letra|lettre|opción|opção|option)\s+)+(?=[*$(\[\\\dA-Z])"
)
_LINK = re.compile(r"(?:\s|,|;|\band\b|\bor\b)*")
_BOLD = re.compile(r"\*\*([^*\n]{1,80})\*\*")
_NUMBER = re.compile(
    r"(?<![\w.^{/*+-])(?:\d{1,9}(?:\s?:\s?\d{1,9}){1,5}(?:\s?[ap]\.?m\b\.?)?"
    r"|(?:[-+]\s?)?\\?[$€£¥]?\d{1,40}(?:[, ]\d{3})*(?:,\d+)?(?:\.\d+)?(?:\s?/\s?\d+)?(?:e[-+]?\d+)?(?:\s*\\?%)?)"
)
_OPERAND = re.compile(r"\s*[-+*/^=]\s*\w|\w{0,2}\d|!|\s*(?:squared|cubed|factorial|plus|minus|times)\b")
_BEFORE = re.compile(
    r"(?:\b(?:not|isn't|never|cannot be|can't be|than|rather than|instead of|at (?:least|most)|between|about whether)"
    r"|\b(?:step|page|eq(?:uation|n)?\.?|theorem|lemma|fig(?:ure)?\.?|chapter|section|table|case|problem|question|part"
    r"|option"
    r"|example|exercise|line|row|note|ref|version|level|appendix|item|no\.)\s?[#(]?|[a-z_]{3}[(\[])[\s$(\\*]*$",
    re.IGNORECASE,
)
"""What denies the number behind it, bounds it, or makes it the name of something."""
_BEHIND = re.compile(
    r"[\s$*\\)\]]*(?:(?:is|are|was)\s+(?:not|wrong|incorrect|false)|isn't|less than|more than|o'clock"
    r"|or (?:more|less|fewer|above|below)|and (?:above|up))\b",
    re.IGNORECASE,
)
_EXPLAINED = re.compile(
    r"\s{0,9}([^\n]{1,60})\n\s{0,9}[*#_ ]{0,9}(?:explanation|reason(?:ing)?|because|since)\b", re.IGNORECASE
)
_LIMITS = re.compile(r"[\s,]+(?:for (?:all|any|every|each|some)|where|when(?:ever)?)\b[^=]*\Z")
"""What a formula holds for: `f(x) = 1 for all x`."""
_LABELS = re.compile(r"(?<![\\\w])[A-Z][a-z]+(?: \d{1,3})?\s?[:=]\s*")
"""Words that say which value of a list is which: `Paolo: 18, Qing: 14`."""
_LEAD = re.compile(
    r"^(?:所以|因此)?(?:一共|总共|共计|合计|共|还剩下?|剩下|还有)?(?:需要|等于|是|有|为|要|得)?(?=[-\d])"
)
"""How a Chinese sentence leads to its value: `一共有29只`."""
_BOUNDED = re.compile(
    r"\b(?:less|more|fewer|greater|larger|smaller|at (?:least|most)|up to|between|either|neither|page)\b", re.IGNORECASE
)
_AIM = re.compile(
    r"^\W*(?:let|suppose|assume|first|next|consider|step)\b"
    r"|\b(?:need|want|try|going|have|we start|starts?|begin) (?:to|with)\b"
    r"|\b(?:do not|don't|cannot|can't) (?:know|tell|determine|say)\b|\bnot sure\b",
    re.IGNORECASE,
)
_DANGLING = re.compile(
    r"(?:[-+*/^=,(]|\\(?:times|cdot|div)"
    r"|\b(?:and|or|then|we|the|so|to|of|is|are|a|an|but|with|next|if|as|by|for|that))\s*$",
    re.IGNORECASE,
)


def visible(text: str) -> str:
    """Return the end of `text` up to where the chat went on, bounded in length."""
    text = text[-_MAX_CHARS:]
    turn = _TURN.search(text, 1)
    text = text[: turn.start()] if turn else text
    asked = ASKED.search(text) if ":" in text or "\uff1a" in text or "###" in text else None
    return text[: asked.start()] if asked and _answered(text[: asked.start()]) else text


def stated(text: str) -> Found | None:
    """Find an answer that the text says is its answer."""
    text = _unfenced(text)
    found = [one for one in (_box(text), _tag(text), _json(text), _line(text, final_cues(text))) if one is not None]
    place = max(found, key=lambda one: one[0]) if found else _line(text, cues(text))
    if place is None:
        return None
    said = place[1]
    if said.text and len(said.after) > _BRIEF and RETRACTED.search(said.after):
        return Found("", "retracted", said.text[:80])
    return said


def find_math(text: str) -> Found | None:
    """Find a value, formula, list or set in cleaned text."""
    said = stated(text)
    if said is not None:
        return _reduced(said) if said.text else said
    text = _unfenced(text)
    bare = unwrapped(text) if len(text) <= _WHOLE else ""
    if bare and _readable(bare):
        return Found(bare, "whole")
    if (first := _EXPLAINED.match(text)) and parse_number(peel(first[1])) is not None:
        return Found(peel(first[1]), "whole")
    return _bold(text) or _last_formula(text) or _last_number(text)


def find_text(text: str) -> Found | None:
    """Find words: what is said to be the answer, else the whole text."""
    said = stated(text)
    if said is not None:
        return said
    bare = peel(text)
    return Found(bare, "whole") if bare else None


def last_sentence(text: str) -> str:
    """Return the last sentence that has a word or a number in it."""
    parts = [part for part in re.split(r"\n|(?<=[.?!])\s|[。]", text) if re.search(r"\w", part)]
    return parts[-1].strip() if parts else ""


def _answered(text: str) -> bool:
    """Tell whether a text has given its answer."""
    said = stated(text)
    if said is not None:
        return bool(said.text)
    bare = peel(text)
    return len(bare) <= _AFTER and (parse_number(bare) is not None or re.fullmatch(r"\(?[A-Z]\)?", bare) is not None)


def _unfenced(text: str) -> str:
    """Take the marks of code fences away, and with them what is a program."""
    if "```" not in text:
        return text
    return _FENCE.sub(lambda m: f"\n{m[2] or m[3] or ''}\n" if m[1].lower() in _TEXTUAL else "\n", text)


def _box(text: str) -> tuple[int, Found] | None:
    box = last_box(text)
    if box is None:
        return None
    rule = "box" if box.closed else "unclosed_box"
    return box.start, Found(box.text, rule, box.note, text[box.end : box.end + _AFTER])


def _tag(text: str) -> tuple[int, Found] | None:
    if "<" not in text and "[" not in text:
        return None
    last = None
    for match in _TAG.finditer(text):
        said = (match[2] or match[3] or "").strip()
        last = (match.start(), Found(said, "tag")) if said and not _TEMPLATE.fullmatch(said) else last
    return last


def _json(text: str) -> tuple[int, Found] | None:
    """Return the answer field of a JSON object; an empty one is none."""
    if ":" not in text or not ('"' in text or "'" in text):
        return None
    last = None
    for match in _JSON.finditer(text):
        said = next(group for group in match.groups() if group is not None).replace('\\"', '"').strip()
        said = said.replace('"', "") if match[3] else said
        last = (match.start(), Found(said, "tag")) if said and not _TEMPLATE.fullmatch(said) else last
    return last


def _line(text: str, places: Iterator[re.Match[str]]) -> tuple[int, Found] | None:
    """Return what follows the last cue, to the end of its sentence or on the next line."""
    for match in reversed(list(places)[-_CUES:]):
        rest = text[match.end() : match.end() + _AFTER].lstrip(" \t*_:=")
        rest = rest.lstrip() if rest[:1] == "\n" else rest
        start = span.end() if rest.startswith(("\\[", "$$", "\\(", "$")) and (span := SPAN.match(rest)) else 0
        stop = STOP.search(rest, start)
        if stop and not rest[: stop.start()].strip(" *_\"'`") and stop.group().startswith("<"):
            rest, stop = _tagless(rest)
        said = rest[: stop.start()] if stop else rest
        after = rest[stop.start() :] if stop else ""
        if re.search(r"\w", said) and not _TEMPLATE.fullmatch(said) and not _asks(said, after):
            before = text[max(0, match.start() - 40) : match.start()]
            if DENIED.search(match.group() + said.split(",")[0]) or (before and POSED.search(before[-24:])):
                return None
            said = said[:-1] if said.endswith("**!") else said
            said = _ARTICLE.sub("", said.strip(" \t\r\n*_=✓"))
            return match.start(), Found(said, "answer_line", "", after)
    return None


def _tagless(rest: str) -> tuple[str, re.Match[str] | None]:
    """Look behind a tag that opens the answer: `The answer is <b>B</b>`."""
    rest = re.sub(r"</?[a-zA-Z][^<>\n]{0,40}>", " ", rest[:200]).lstrip(" \t*_:=")
    return rest, STOP.search(rest)


def _asks(said: str, after: str) -> bool:
    """Tell a question from a statement."""
    return after.startswith("?") or said.rstrip().endswith("?")


def _readable(text: str) -> bool:
    """Tell what is nothing but a value or formula."""
    if any(parse(text) is not None for parse in _READERS):
        return True
    return not (is_prose(text) or CODE.search(text))


_READERS: tuple[Callable[[str], object], ...] = (parse_number, parse_day, parse_clock, parse_ratio)


def _reduced(said: Found) -> Found:
    """Return the formula or number in a phrase, the phrase itself where it is one or only bounds one."""
    bare = unwrapped(said.text)
    if _readable(bare) or (is_prose(bare) and _BOUNDED.search(bare)):
        return said._replace(text=bare)
    for part in (
        _LEAD.sub("", bare),
        _LIMITS.sub("", bare),
        _LABELS.sub("", bare) if len(_LABELS.findall(bare)) > 1 else "",
    ):
        if part and part != bare and _readable(part):
            return said._replace(text=part)
    inner = _last_formula(said.text) or _last_number(said.text)
    if inner is None:
        return said._replace(text=bare)
    several = inner.rule == "last_number" and len(_NUMBER.findall(said.text)) > 1
    if several and said.rule in ("box", "tag"):  # a box is the answer whole: `7 goats and 4 cows` is not 4
        return said._replace(text=bare)
    return said._replace(text=inner.text, rule=inner.rule if several else said.rule)


def _bold(text: str) -> Found | None:
    """Return the last bold value; in bold words, or before further numbers, it was not called the answer."""
    matches = [match for match in _BOLD.finditer(text) if not match.group(1).rstrip().endswith(":")]
    if not matches:
        return None
    bold = matches[-1]
    inner = _reduced(Found(bold.group(1), "bold"))
    if is_prose(inner.text) or _BEFORE.search(text, max(0, bold.start() - 40), bold.start()):
        return None
    if inner.text != unwrapped(bold.group(1)) and _BEFORE.search(bold.group(1)[: bold.group(1).rfind(inner.text)]):
        return None
    return inner if not _NUMBER.search(text, bold.end()) else inner._replace(rule="last_number")


def _last_formula(text: str) -> Found | None:
    spans = list(SPAN.finditer(text))
    if not spans:
        return None
    first = len(spans) - 1
    while first > 0 and _LINK.fullmatch(text, spans[first - 1].end(), spans[first].start()):
        first -= 1
    number = _last_number(text[spans[-1].end() :])
    if number is not None:
        return number
    parts = [next(group for group in span.groups() if group is not None) for span in spans[first:]]
    return Found(with_tail(peel(", ".join(parts)), text[spans[-1].end() :]), "formula")


def _last_number(text: str) -> Found | None:
    """Return the last number, where a finished sentence comes to it."""
    last = None
    for last in _NUMBER.finditer(text):  # noqa: B007 - the last one is wanted
        pass
    while last is not None and _OPERAND.match(text, last.end()):
        earlier = [m for m in _NUMBER.finditer(text[: last.end()]) if not _OPERAND.match(text, m.end())]
        last = earlier[-1] if earlier else None
    if last is None or not _concludes(text, last.start(), last.end()):
        return None
    said = with_tail(last.group().strip(), text[last.end() :])
    return Found(said, "last_number")


def _concludes(text: str, start: int, end: int) -> bool:
    """Tell whether a sentence ends on a value, rather than aims at it, denies it, numbers a step or runs a program."""
    begin = max(text.rfind("\n", 0, start), text.rfind(". ", 0, start)) + 1
    close = text.find("\n", end)
    before, after = text[max(begin, start - 300) : start], text[end : close if close >= 0 else None][:300]
    if (
        after.lstrip("*)$ ").startswith("?")
        or (before.endswith("[") and after.startswith("]"))
        or _BEFORE.search(before)
        or _BEHIND.match(after)
        or _AIM.search(before + after)
        or CODE.search(before + "0" + after)
        or DENIED.search(before + after)
        or POSED.search(re.sub(r"\b(?:answer|result|solution) (?:is|was|be)\s*$", "", before))
    ):
        return False
    return not (_DANGLING.search(text[-40:]) or text.rstrip().endswith("?"))
