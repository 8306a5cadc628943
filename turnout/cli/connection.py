"""Which server to talk to, and with which token.

    --url, --profile  >  TURNOUT_URL, TURNOUT_TOKEN  >  .turnout/local.json here or above  >  the default profile

A token is only ever sent to the server it was meant for: an address from one
place is not combined with a token from another unless both name the same
server. `TURNOUT_TOKEN` without `TURNOUT_URL` is for whichever server is meant.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from turnout.cli import profiles
from turnout.cli.exits import Exit, Failure


@dataclass(frozen=True, slots=True)
class Connection:
    """`source` says for a person where the address came from."""

    url: str
    token: str | None
    source: str


@dataclass(frozen=True, slots=True)
class LocalStack:
    """What `.turnout/local.json` tells about the local stack of this directory."""

    api_url: str
    token: str
    aws_endpoint_url: str
    region: str
    artifact_bucket: str
    path: Path


def resolve(*, url: str | None, profile: str | None, environ: Mapping[str, str], directory: Path) -> Connection:
    """Raises `Failure` where no server is named anywhere."""
    if profile:
        return _of_profile(profile, url, environ)
    named = url or environ.get("TURNOUT_URL")
    known = _known(environ, directory)
    if named:
        return Connection(address_of(named), _token_for(named, url, environ, known), "--url" if url else "TURNOUT_URL")
    if not known:
        raise Failure("no server is named: set TURNOUT_URL and TURNOUT_TOKEN, run `turnout login --url URL`, or `turnout local up` here", slug="no-server")
    return Connection(known[0].url, _named_token(environ) or known[0].token, known[0].source)


def find_local(directory: Path) -> LocalStack | None:
    """The local stack of this directory or the nearest one above it that has one."""
    for place in (directory, *directory.parents):
        path = place / ".turnout" / "local.json"
        if path.is_file():
            return _local_from(path)
    return None


def same_server(one: str, other: str) -> bool:
    return address_of(one) == address_of(other)


def address_of(url: str) -> str:
    """One way to write an address, so that two can be compared."""
    cleaned = url.strip().rstrip("/")
    if not cleaned.startswith(("http://", "https://")):
        raise Failure(f"{url!r} is no address of a server; write it with https:// in front", Exit.USAGE, "bad-url")
    return cleaned


def _of_profile(name: str, url: str | None, environ: Mapping[str, str]) -> Connection:
    found = profiles.load(environ).get(name)
    if found is None:
        raise Failure(f"there is no profile {name!r}; run `turnout login --profile {name} --url URL`", slug="no-profile")
    if url and not same_server(url, found.url):
        raise Failure(f"--url {url} is not the server of profile {name!r} ({found.url}); give one of the two", Exit.USAGE, "usage")
    return Connection(address_of(found.url), found.token, f"profile {name}")


def _known(environ: Mapping[str, str], directory: Path) -> list[Connection]:
    """Every place but flags and environment, nearest first."""
    local = find_local(directory)
    near = [Connection(address_of(local.api_url), local.token, str(local.path))] if local else []
    first = profiles.default_name(environ)
    stored = sorted(profiles.load(environ).items(), key=lambda entry: entry[0] != first)
    return near + [Connection(address_of(profile.url), profile.token, f"profile {name}") for name, profile in stored]


def _token_for(named: str, flag: str | None, environ: Mapping[str, str], known: list[Connection]) -> str | None:
    meant = environ.get("TURNOUT_URL")
    token = _named_token(environ)
    if token and (not flag or not meant or same_server(flag, meant)):
        return token
    return next((place.token for place in known if same_server(place.url, named)), None)


def _named_token(environ: Mapping[str, str]) -> str:
    """As a token can be sent: a secret store may well have put a line end behind it."""
    token = environ.get("TURNOUT_TOKEN", "").strip()
    if not re.fullmatch(r"[\x21-\x7e]*", token):
        raise Failure("TURNOUT_TOKEN has characters that no token has; set it to what `turnout token create` printed", Exit.NOT_ALLOWED, "bad-token")
    return token


def _local_from(path: Path) -> LocalStack:
    try:
        told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        fields = {name: str(told[name]) for name in ("api_url", "token", "aws_endpoint_url", "region", "artifact_bucket")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Failure(f"{path} cannot be read ({error}); run `turnout local down` and `turnout local up` again", slug="bad-local-file") from error
    return LocalStack(**fields, path=path)
