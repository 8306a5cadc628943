"""What a key in the artifact bucket says.

    {service}/{version}/{name}.zip            an artifact
    {service}/{version}/evidence/{name}       evidence for one
    {service}/{version}/release.json          its manifest

Keys are read as they are, never URL-decoded: `+` and `%` are no part of any
name, so that both readings of an event mean the same object.
"""

import re
from dataclasses import dataclass

from chalicelib.services.definition import SERVICE_NAME, VERSION_NAME

_NAME = re.compile(r"[0-9A-Za-z._-]{1,200}")
_FORMS = "{service}/{version}/{name}.zip, {service}/{version}/evidence/{name} or {service}/{version}/release.json"


@dataclass(frozen=True, slots=True)
class ArtifactKey:
    service: str
    version: str


@dataclass(frozen=True, slots=True)
class CompanionKey:
    """Evidence or a manifest: it belongs to a release and is none by itself."""

    service: str
    version: str


@dataclass(frozen=True, slots=True)
class BadKey:
    """`service` and `version` as far as they could be read."""

    service: str | None
    version: str | None
    reason: str


def parse(key: str) -> ArtifactKey | CompanionKey | BadKey:
    service, version, rest = _parts(key)
    if service is None:
        return _bad(service, None, "the first part is no service name (a-z, then up to 39 of a-z, 0-9 and -)")
    if version is None:
        return _bad(service, None, "the second part is no version (up to 64 of 0-9, A-Z, a-z, ., _ and -, beginning with a letter or digit)")
    match rest:
        case [name] if name.endswith(".zip") and name != ".zip" and _NAME.fullmatch(name):
            return ArtifactKey(service, version)
        case ["release.json"]:
            return CompanionKey(service, version)
        case ["evidence", name] if _NAME.fullmatch(name):
            return CompanionKey(service, version)
    return _bad(service, version, "what follows the version is no name.zip (names are of 0-9, A-Z, a-z, ., _ and -)")


def _parts(key: str) -> tuple[str | None, str | None, list[str]]:
    first, *others = key.split("/")
    second, *rest = others or [""]
    return (first if re.fullmatch(SERVICE_NAME, first) else None), (second if re.fullmatch(VERSION_NAME, second) else None), rest


def _bad(service: str | None, version: str | None, why: str) -> BadKey:
    return BadKey(service, version, f"{why}; upload to {_FORMS}")
