"""The port to whatever runs the code of a service."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from chalicelib.colors import Color
from chalicelib.config.model import Environment
from chalicelib.deployments.model import Build
from chalicelib.services.definition import Definition


class Progress(StrEnum):
    EMPTY = "empty"
    """Nothing stands there, or something that is not ours."""
    WORKING = "working"
    """On its way: ask again."""
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands on a colour now: `version`, `digest`, `config_version` are read from what runs, not from what was asked for."""

    progress: Progress
    version: str | None = None
    digest: str | None = None
    config_version: int | None = None
    reason: str = ""
    repinned: str = ""
    """The fingerprint of the references it runs with in another version than its config pins."""

    def holds(self, build: Build, *, repinned: str | None = None) -> bool:
        """Whether exactly this build is ready to serve; with these references replaced and no others, where that is asked."""
        wanted = (build.version, build.digest, build.config_version)
        same = (self.version, self.digest, self.config_version) == wanted
        return self.progress is Progress.READY and same and repinned in (None, self.repinned)


@dataclass(frozen=True, slots=True)
class Size:
    """How large a colour is meant to be, in tasks or instances.

    `least` is its autoscaler's own minimum, 0 without one; `held` says whether its scale-in is suspended, None where nothing scales it.
    """

    wanted: int
    least: int = 0
    held: bool | None = None


Fence = Callable[[], bool]
"""Whether the deployment that asked is still the one in charge; costs a read of the ledger."""


def unfenced() -> bool:
    """For callers who are alone."""
    return True


class Runtime(Protocol):
    """Puts builds on colours. All methods raise `Unavailable` when the provider does not answer."""

    def survey(self, definition: Definition) -> None:
        """Raises `Invalid` naming the field when what the definition names does not exist or cannot be managed."""

    def standing(self, definition: Definition, color: Color) -> Standing:
        """What stands on this colour now."""

    def prepare(
        self, definition: Definition, color: Color, build: Build, environment: Environment, attempt: str, *, serving: bool = False, still_ours: Fence = unfenced
    ) -> Standing:
        """Take the next step towards `build` with `environment` standing on `color`, and say how far it is.

        Idempotent and resumable: each call looks where things are and does what is missing, without waiting;
        `WORKING` means call again. `FAILED` is final for this `attempt`, the id of a deployment, by which it is told from an
        earlier try of the same build (its reason is for a person). Never touches the other colour, but is made as large as that is.
        With `serving` the colour has production traffic, which is not to be interrupted.
        When it says READY the colour's target group has its targets. `still_ours` is asked right before
        the one call after which the colour serves this build, so that a worker that stalled on the way changes nothing.
        A colour that serves another service is `FAILED`, and nothing is touched.
        """

    def sizes(self, definition: Definition) -> dict[Color, Size] | None:
        """How large both colours are. None for what has no size: it is always as large as it has to be."""

    def resize(self, definition: Definition, color: Color, *, at_least: int = 0, at_most: int | None = None, held: bool) -> None:
        """Bring a colour's wanted size within these bounds (`at_least` counts more), and suspend or resume its scale-in.

        Looks first and writes only what differs, so that an autoscaler that was quicker is not undone. Idempotent.
        """
