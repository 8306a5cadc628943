"""Config versions: numbered, immutable sets of environment settings of a service."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from chalicelib.formats import Carrying

REPINNED = "TURNOUT_REPINNED"
"""The variable that tells an environment whose references were taken in other versions than their config pins."""


class Store(StrEnum):
    """Where a secret lies; the values are what a reference begins with."""

    SSM = "ssm"
    SECRETS_MANAGER = "secretsmanager"


@dataclass(frozen=True, slots=True)
class Reference(Carrying):
    """A secret by its place and version, never by what it says.

    `name` is a name or an ARN. `version` is SSM's number or Secrets Manager's
    VersionId; it is empty only as long as "whichever is current" is meant.
    """

    store: Store
    name: str
    version: str = ""

    @property
    def text(self) -> str:
        """What the variable holds where the application resolves it: `ssm:/turnout/web/db:3`."""
        return f"{self.store}:{self.name}:{self.version}"


@dataclass(frozen=True, slots=True)
class Pin:
    """What one reference of a config comes to now. `used` is None where that could not be found out, and `problem` says why."""

    name: str
    pinned: Reference
    used: Reference | None
    problem: str = ""

    @property
    def is_replaced(self) -> bool:
        return self.used is not None and self.used != self.pinned


@dataclass(frozen=True, slots=True)
class Environment:
    """What an application is started with: settings as they are, and references to what it, or the runtime for it, has to resolve."""

    settings: dict[str, str] = field(default_factory=dict)
    references: dict[str, Reference] = field(default_factory=dict)

    @property
    def repinned(self) -> str:
        return self.settings.get(REPINNED, "")

    @property
    def variables(self) -> dict[str, str]:
        """With the text of a reference where the application resolves it."""
        return self.settings | {name: reference.text for name, reference in self.references.items()}


@dataclass(frozen=True, slots=True)
class ConfigVersion:
    """`number` counts from 1; version 0 is empty and is never stored. A name is in `settings` or in `references`, never in both."""

    service: str
    number: int
    settings: dict[str, str] = field(default_factory=dict)
    created_at: datetime | None = None
    created_by: str = ""
    reason: str = ""
    references: dict[str, Reference] = field(default_factory=dict)

    @property
    def values(self) -> dict[str, str | Reference]:
        return {**self.settings, **self.references}

    def environment(self, repinned: Mapping[str, Reference]) -> Environment:
        """What a colour runs with; `repinned` are references to use instead of the pinned ones."""
        told = {REPINNED: fingerprint(repinned)} if repinned else {}
        return Environment(self.settings | told, {name: repinned.get(name, reference) for name, reference in self.references.items()})


def fingerprint(repinned: Mapping[str, Reference]) -> str:
    """Tells one set of replaced references from another; empty for none."""
    if not repinned:
        return ""
    lines = "\n".join(f"{name}={reference.text}" for name, reference in sorted(repinned.items()))
    return hashlib.sha256(lines.encode()).hexdigest()[:16]
