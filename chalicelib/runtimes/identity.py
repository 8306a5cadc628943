"""By what a colour tells which build stands on it: variables in its environment, read back from what runs. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.colors import Color
from chalicelib.config.model import REPINNED
from chalicelib.deployments.model import Build

SERVICE, VERSION, COLOR, CONFIG_VERSION = "TURNOUT_SERVICE", "TURNOUT_VERSION", "TURNOUT_COLOR", "TURNOUT_CONFIG_VERSION"
DEPLOYMENT = "TURNOUT_DEPLOYMENT"


@dataclass(frozen=True, slots=True)
class Identity:
    """What the variables say. `attempt` is empty where a runtime does not put it there."""

    version: str
    config_version: int
    repinned: str = ""
    attempt: str = ""


def variables(service: str, color: Color, build: Build) -> dict[str, str]:
    return {SERVICE: service, VERSION: build.version, COLOR: color.value, CONFIG_VERSION: str(build.config_version)}


def identity_in(found: Mapping[str, str], service: str, color: Color) -> Identity | None:
    """None where this is not what Turnout put there for this colour of this service."""
    version, config_version = found.get(VERSION), found.get(CONFIG_VERSION, "")
    if (found.get(SERVICE), found.get(COLOR)) != (service, color.value) or not version or not config_version.isdecimal():
        return None
    return Identity(version, int(config_version), found.get(REPINNED, ""), found.get(DEPLOYMENT, ""))
