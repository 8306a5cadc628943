"""The rule of a composite alarm: `ALARM("a") AND NOT (OK(b) OR INSUFFICIENT_DATA(c))`, TRUE and FALSE. NOT binds closest, then AND, then OR."""

import re
from collections.abc import Callable

StateOf = Callable[[str], str | None]
"""From an alarm's name or ARN to its state; None: there is none."""
Rule = Callable[[StateOf], bool]

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<function>ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:"(?P<quoted>[^"]+)"|(?P<plain>[^()"]+?))\s*\)
        |(?P<word>AND|OR|NOT|TRUE|FALSE)\b
        |(?P<paren>[()])
    )""",
    re.VERBOSE,
)


class NotARule(ValueError):
    """The message says where it stopped making sense."""


def parsed(text: str) -> Rule:
    """Raises `NotARule`, also for the function AT_LEAST, which the local stack does not have."""
    parser = _Parser(text)
    rule = parser.either()
    parser.end()
    return rule


class _Parser:
    def __init__(self, text: str) -> None:
        self._text, self._at = text.strip(), 0

    def end(self) -> None:
        if self._at < len(self._text):
            raise NotARule(f"cannot read the rule from here on: {self._text[self._at :]!r}")

    def either(self) -> Rule:
        sides = [self._both()]
        while self._takes("OR"):
            sides.append(self._both())
        return lambda state_of: any(side(state_of) for side in sides)

    def _both(self) -> Rule:
        sides = [self._single()]
        while self._takes("AND"):
            sides.append(self._single())
        return lambda state_of: all(side(state_of) for side in sides)

    def _single(self) -> Rule:
        if self._takes("NOT"):
            denied = self._single()
            return lambda state_of: not denied(state_of)
        if self._takes("("):
            inner = self.either()
            if not self._takes(")"):
                raise NotARule("a parenthesis is never closed")
            return inner
        return self._leaf()

    def _leaf(self) -> Rule:
        found = self._next()
        if found is None or found["paren"] or found["word"] not in (None, "TRUE", "FALSE"):
            self.end()
            raise NotARule("the rule ends too early")
        self._at = found.end()
        if found["word"]:
            answer = found["word"] == "TRUE"
            return lambda _state_of: answer
        wanted, name = found["function"], found["quoted"] or found["plain"]
        return lambda state_of: state_of(name) == wanted

    def _takes(self, word: str) -> bool:
        found = self._next()
        if found is None or word not in (found["word"], found["paren"]):
            return False
        self._at = found.end()
        return True

    def _next(self) -> re.Match[str] | None:
        return _TOKEN.match(self._text, self._at)
