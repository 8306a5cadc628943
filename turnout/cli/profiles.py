"""Servers and tokens that a person logged in to: one file in the user's config directory that nobody else may read."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from turnout.cli.exits import Failure


@dataclass(frozen=True, slots=True)
class Profile:
    url: str
    token: str


def path(environ: Mapping[str, str]) -> Path:
    """By the XDG base directory rules, on every system."""
    base = environ.get("XDG_CONFIG_HOME") or ""
    home = Path(environ.get("HOME") or Path.home())
    return (Path(base) if base.startswith("/") else home / ".config") / "turnout" / "profiles.json"


def load(environ: Mapping[str, str]) -> dict[str, Profile]:
    return {name: Profile(str(entry["url"]), str(entry["token"])) for name, entry in _read(environ).get("profiles", {}).items()}


def default_name(environ: Mapping[str, str]) -> str | None:
    """The one that was logged in to last."""
    name = _read(environ).get("default")
    return str(name) if name else None


def save(environ: Mapping[str, str], name: str, profile: Profile) -> Path:
    """Written beside and renamed, so that a crash leaves the old file; mode 0600 from its first byte on."""
    target = path(environ)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    content = {"default": name, "profiles": {**_read(environ).get("profiles", {}), name: asdict(profile)}}
    beside = target.with_name(f"{target.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
    beside.replace(target)
    return target


def _read(environ: Mapping[str, str]) -> dict[str, Any]:
    source = path(environ)
    try:
        content: dict[str, Any] = json.loads(source.read_text(encoding="utf-8"))
        content.get("profiles", {}).items()
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError) as error:
        raise Failure(f"{source} cannot be read ({error}); correct it or remove it and run `turnout login` again", slug="bad-profiles") from error
    return content
