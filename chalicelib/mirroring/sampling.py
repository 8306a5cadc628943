"""Which requests of an access log are repeated: those that are safe to, and of them a share that the log itself decides. Pure.

Nothing of the log decides where a request goes: only the path and the query are taken from it, as they were logged.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from hashlib import sha256
from urllib.parse import unquote_plus

from chalicelib.mirroring.access_log import Request
from chalicelib.services.definition import Shadow

OF_ONE_URL = 3
"""How often one URL is repeated of one log at most: the same question again proves little."""
LONGEST = 2048
"""Characters of path and query together."""

_SAFE = frozenset({"GET", "HEAD"})
_PLAIN = frozenset({"http", "https", "h2"})
_OURS = "turnout-"
_SWITCHING = 101
_WHOLE = 2**64
_UNWRAPPINGS = 4
_URL = re.compile(r"/[\x21\x23-\x3b\x3d\x3f-\x7e]*\Z")
"""Printable ASCII without the marks that no URL holds as they are: a space, `"`, `<` and `>`."""
_CREDENTIAL = re.compile(
    r"(?:^|[-_.\[\]])(?:pass|passcode|pwd|auth|sid|jwt|key|sig|hmac|mac|code|otp|pin|ticket|nonce|saml)(?:$|[-_.\[\]\d])"
    r"|token(?![a-z])|secret|passw|passphrase|authoriz|sess(?:ion)?_?id|session|apikey|signature|credential|assertion|bearer|cookie|samlresponse"
    r"|^x-amz-|^x-goog-|^awsaccesskeyid$|(?:access|secret|private|api)_?key$",
    re.IGNORECASE,
)
_LINK = re.compile(
    r"/[^/]*(?:token|secret|passw|reset|magic|verif|invit|confirm|activat|unsubscribe|sess(?:ion)?s?|signature|credential|share)[^/]*/(?=[^/]*\d)[\w.~=-]{16,}(?:/|$)",
    re.IGNORECASE,
)
"""A link of its own for one person, as in /reset-password/8f14e45fceea167a."""
_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_JWT = re.compile(r"eyJ[\w-]{5,}\.[\w-]+\.[\w-]*")


@dataclass(frozen=True, slots=True)
class Repeat:
    """One request to be repeated. `url` is path and query, to be put behind a service's own address; `answered` is the status it had, None if not known."""

    method: str
    path: str
    url: str
    answered: int | None
    order: int
    """A number that only the logged request decides: what is shuffled is shuffled by it."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """`repeats` in the order they are to be asked in, `left_out` how many were not to be repeated, by reason; what only was not drawn is in neither."""

    repeats: tuple[Repeat, ...]
    left_out: dict[str, int]


def sampled(requests: Iterable[Request], *, live_group: str, shadow: Shadow, most: int) -> Sampled:
    """A share of the requests that reached the target group of the live colour and may be repeated, `most` at most.

    Many different paths go before many of one: a release that is bad on a single path is found sooner.
    """
    left_out: Counter[str] = Counter()
    drawn: list[Repeat] = []
    for request in requests:
        if request.target_group_arn != live_group:
            continue
        reason = why_not(request, shadow)
        if reason:
            left_out[reason] += 1
        elif (order := _order(request)) < shadow.share * _WHOLE:
            drawn.append(_repeat(request, order))
    return Sampled(tuple(_varied(drawn))[:most], dict(left_out))


def why_not(request: Request, shadow: Shadow) -> str:
    """Why this request is not repeated; empty when it may be."""
    if request.user_agent.startswith(_OURS):
        return "Turnout's own"
    if request.method not in _SAFE:
        return "not GET or HEAD"
    if request.type not in _PLAIN or request.elb_status == _SWITCHING:
        return "no plain HTTP"
    return _why_not_its_url(request, shadow)


def _why_not_its_url(request: Request, shadow: Shadow) -> str:
    url = _url(request)
    if not _URL.match(url) or len(url) > LONGEST or "#" in url or _climbs(request.path):
        return "no plain path"
    if not any(fnmatchcase(request.path, glob) for glob in shadow.paths):
        return "path not allowed"
    if shadow.credentials == "never" and _has_credentials(request):
        return "credentials in the URL"
    return ""


def _climbs(path: str) -> bool:
    """Whoever answers may take `..` out of a path, encoded or not, and then it is not the path that was allowed."""
    plain = path
    for _ in range(_UNWRAPPINGS):
        if (once := unquote_plus(plain)) == plain:
            break
        plain = once
    else:
        return True  # encoded more often than anybody has a reason to
    return any(part.partition(";")[0] in {".", ".."} for part in plain.replace("\\", "/").split("/"))


def _has_credentials(request: Request) -> bool:
    query = unquote_plus(request.query or "")
    if _JWT.search(request.path) or _JWT.search(query) or _LINK.search(request.path):
        return True
    # Names in the path stand behind a semicolon, and those of a URL within a value are names as well.
    parameters = (*unquote_plus(request.path).split(";")[1:], *re.split("[&;?]", request.query or ""), *re.split("[&;?]", query))
    names = (unquote_plus(pair.split("=", 1)[0]) for pair in parameters if pair)
    return any(_CREDENTIAL.search(_HUMPS.sub("_", name)) or _CREDENTIAL.search(name) for name in names)


def _url(request: Request) -> str:
    return f"{request.path}?{request.query}" if request.query else request.path


def _repeat(request: Request, order: int) -> Repeat:
    return Repeat(request.method, request.path, _url(request), request.elb_status, order)


def _order(request: Request) -> int:
    """The same for the same line, however often its file arrives."""
    line = f"{request.at.isoformat()} {request.method} {_url(request)} {request.seconds} {request.user_agent}"
    return int.from_bytes(sha256(line.encode("utf-8", "surrogateescape")).digest()[:8])


def _varied(drawn: list[Repeat]) -> Iterator[Repeat]:
    """The first of every path, then the second of every path, and so on; a URL `OF_ONE_URL` times at most."""
    urls: Counter[tuple[str, str]] = Counter()
    paths: Counter[str] = Counter()
    placed = []
    for one in sorted(drawn, key=lambda repeat: repeat.order):
        urls[one.method, one.url] += 1
        if urls[one.method, one.url] <= OF_ONE_URL:
            paths[one.path] += 1
            placed.append((paths[one.path], one.order, one))
    yield from (one for _, _, one in sorted(placed, key=lambda place: place[:2]))
