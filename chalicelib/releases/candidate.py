"""What may become a release, and what is found when it is looked into: alike for a zip that was uploaded and an image that was pushed."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from chalicelib.releases.model import Artifact, Release, SchemaRange
from chalicelib.services.model import Service

_COMMIT = re.compile(r"[0-9a-f]{1,64}")
_SCHEMA = re.compile(r"[0-9]{1,15}")
_UNKNOWN_DIGEST = "sha256:"


@dataclass(frozen=True, slots=True)
class Refused:
    """`kind` is stable and part of the contract."""

    kind: str
    reason: str


@dataclass(frozen=True, slots=True)
class Names:
    """Under which names its publisher says what else there is to know: the first commit that looks like one counts."""

    commit: tuple[str, ...]
    schema_min: str
    schema_max: str


@dataclass(frozen=True, slots=True)
class Examined:
    """`problem` is why no release can be made of it."""

    artifact: Artifact
    published_at: datetime
    metadata: dict[str, str]
    names: Names
    problem: Refused | None = None

    @property
    def digest(self) -> str | None:
        """None for what was too large to download."""
        return None if self.artifact.digest == _UNKNOWN_DIGEST else self.artifact.digest

    @property
    def commit(self) -> str | None:
        """What the publisher named as the commit, if it looks like one."""
        named = (self.metadata.get(name, "").strip().lower() for name in self.names.commit)
        return next((one for one in named if _COMMIT.fullmatch(one)), None)

    @property
    def schema_range(self) -> SchemaRange | None:
        """What the publisher named as the range of schemas. Raises `ValueError` for what is no range."""
        names = self.names.schema_min, self.names.schema_max
        given = [self.metadata.get(name, "").strip() for name in names]
        if not any(given):
            return None
        if not all(_SCHEMA.fullmatch(one) for one in given) or int(given[0]) > int(given[1]):
            raise ValueError(f"{names[0]} and {names[1]} are {given[0]!r} and {given[1]!r}; give both as whole numbers, the smaller one first")
        return SchemaRange(int(given[0]), int(given[1]))

    def as_release(self, service: str, version: str, *, published_at: datetime, at: datetime, by: str) -> Release:
        return Release(
            service=service, version=version, artifact=self.artifact, commit=self.commit, published_at=published_at,
            registered_at=at, registered_by=by, metadata=self.metadata, schema_range=self.schema_range,
        )


class Candidate(Protocol):
    """One thing that was published, for one service."""

    @property
    def service(self) -> str | None:
        """As far as it can be told; so is `version`."""

    @property
    def version(self) -> str | None: ...

    @property
    def source(self) -> str:
        """Names exactly this one, for people."""

    @property
    def mark(self) -> str:
        """Names exactly this one for this service: under it stands in the ledger what became of it."""

    def concerns(self, service: Service | None) -> bool:
        """Whether anything is to become of it, if only a rejection."""

    def refusal(self, service: Service | None) -> Refused | None:
        """Why it is no release, whatever is in it."""

    def digest(self) -> str | None:
        """Its identity; None where that cannot be told. Raises `NotFound` when it is gone, as `examined` does."""

    def examined(self) -> Examined:
        """What is found in it. Looks once, however often it is asked."""
