"""Config versions: numbered, immutable sets of environment settings of a service."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ConfigVersion:
    """`number` counts from 1; version 0 is empty and is never stored."""

    service: str
    number: int
    settings: dict[str, str] = field(default_factory=dict)
    created_at: datetime | None = None
    created_by: str = ""
    reason: str = ""
