"""Regular expressions that teams write: which of them could keep a worker busy for ever. Pure."""

from collections.abc import Iterator
from re import _constants, _parser  # type: ignore[attr-defined]  # the only reading of a pattern as `re` itself reads it
from typing import Any

_REPEATS = (_constants.MAX_REPEAT, _constants.MIN_REPEAT)
_MANY = 20
"""More of something than this is as good as without end."""


def backtracks(pattern: str) -> bool:
    """Whether something that repeats without end is repeated without end, or a choice is: such a pattern tries exponentially many ways. It must compile."""
    return _nested(_parser.parse(pattern), within=False)


def _nested(parsed: Any, *, within: bool) -> bool:
    for operation, argument in parsed:
        if operation in _REPEATS:
            _, most, repeated = argument
            endless = most > _MANY
            if (endless and within) or _nested(repeated, within=within or endless):
                return True
        elif (operation is _constants.BRANCH and within) or any(_nested(part, within=within) for part in _parts(argument)):
            return True
    return False


def _parts(argument: Any) -> Iterator[Any]:
    """What stands within groups, choices and looks ahead and behind."""
    if isinstance(argument, _parser.SubPattern):
        yield argument
    elif isinstance(argument, (tuple, list)):
        for each in argument:
            yield from _parts(each)
