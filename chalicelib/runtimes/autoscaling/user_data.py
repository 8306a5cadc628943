"""What a launch template tells a new instance: which object to run, with which environment, and the script that does it.

    #!/bin/sh
    TURNOUT_ARTIFACT_BUCKET=…            the coordinates
    …
    set -- "$@" 'NAME=value'             the application's environment, a line each, quoted
    # bootstrap.sh                       what follows is always the same

The environment is handed on as parameters and not exported, so a setting named `PATH` or `IFS` is the application's
and never the script's.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from chalicelib.errors import Invalid

LARGEST = 16 * 1024
"""Bytes of user data before it is encoded, by EC2's own limit."""

_BOOTSTRAP = Path(__file__).with_name("bootstrap.sh")
_SHEBANG = "#!/bin/sh\n"
_END = f"# {_BOOTSTRAP.name}\n"
_PREFIX = "TURNOUT_ARTIFACT_"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_GIVING = ["set", "--", "$@"]


@dataclass(frozen=True, slots=True)
class Coordinates:
    """One version of one object, and what it must hash to. Each becomes `TURNOUT_ARTIFACT_<NAME>`."""

    bucket: str
    key: str
    version: str
    sha256: str


def user_data(coordinates: Coordinates, environment: Mapping[str, str]) -> str:
    """As it is before it is encoded. The same for the same arguments, in whatever order they come. Raises `Invalid`."""
    for name, value in environment.items():
        if not _NAME.fullmatch(name) or "\0" in value:
            raise Invalid(f"{name!r} cannot be a variable of an instance: a name is letters, digits and _, and no value holds a NUL", field="config")
    pinned = [f"{_variable(each.name)}={shlex.quote(getattr(coordinates, each.name))}\n" for each in fields(coordinates)]
    given = [f'set -- "$@" {shlex.quote(f"{name}={environment[name]}")}\n' for name in sorted(environment)]
    text = "".join([_SHEBANG, *pinned, *given, _END, _bootstrap()])
    if (size := len(text.encode())) > LARGEST:
        raise Invalid(f"the user data of an instance would be {size} bytes, and EC2 takes {LARGEST}: make the config smaller", field="config")
    return text


def read_back(user_data: str) -> dict[str, str]:
    """The environment that an instance with this user data gives its application; empty for user data that is not ours."""
    return _header(user_data)[1]


def coordinates_of(user_data: str) -> Coordinates | None:
    """What an instance with this user data runs; None for user data that is not ours."""
    pinned = _header(user_data)[0]
    wanted = {each.name: pinned.get(_variable(each.name)) for each in fields(Coordinates)}
    known = {name: value for name, value in wanted.items() if value is not None}
    return Coordinates(**known) if len(known) == len(wanted) else None


def _header(user_data: str) -> tuple[dict[str, str], dict[str, str]]:
    """The assignments and the parameters; nothing after them is looked at, for an older bootstrap may stand there."""
    if not user_data.startswith(f"{_SHEBANG}{_PREFIX}"):
        return {}, {}
    words = shlex.shlex(user_data.removeprefix(_SHEBANG), posix=True)
    words.whitespace_split, words.commenters = True, ""
    pinned: dict[str, str] = {}
    given: dict[str, str] = {}
    try:
        while (word := words.get_token()) is not None and (word == "set" or word.startswith(_PREFIX)):
            if word == "set" and [word, words.get_token(), words.get_token()] != _GIVING:
                break
            into, assigned = (given, words.get_token() or "") if word == "set" else (pinned, word)
            name, _, value = assigned.partition("=")
            into[name] = value
    except ValueError:  # a quote that is never closed: nobody's user data
        return {}, {}
    return pinned, given


def _variable(name: str) -> str:
    return f"{_PREFIX}{name.upper()}"


@cache
def _bootstrap() -> str:
    return _BOOTSTRAP.read_text(encoding="utf-8")
