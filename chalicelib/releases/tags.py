"""Which tags of a repository mean releases, for a service with a pattern that accepts them. Case counts.

| tag                        | what it is                                                                              |
|----------------------------|-----------------------------------------------------------------------------------------|
| v1.4.2                     | a version                                                                               |
| latest                     | nothing: it says no version, and moves all the time                                     |
| sha256-<digest>, ….sig     | nothing: what signs or describes an image lies beside it under such names               |
| _1, one of 65 characters   | no version, and so a rejection                                                          |
"""

import re
from fnmatch import fnmatchcase

from chalicelib.services.definition import VERSION_NAME

_BESIDE_AN_IMAGE = re.compile(r"sha256-[0-9a-f]{64}(\.[a-z]+)?")


def is_release(tag: str, pattern: str) -> bool:
    """Whether the tag is published as a release, if maybe under a name that is no version."""
    return bool(tag) and tag != "latest" and not _BESIDE_AN_IMAGE.fullmatch(tag) and fnmatchcase(tag, pattern)


def version_of(tag: str) -> str | None:
    return tag if re.fullmatch(VERSION_NAME, tag) else None
