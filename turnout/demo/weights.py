"""What the production rule said, and when: read from the balancer itself, ten times a second. A look that AWS refuses is none."""

import contextlib
import time
from dataclasses import dataclass
from threading import Event, Thread
from typing import Any, Self

from botocore.exceptions import ClientError

from turnout.demo.stack import Stack


@dataclass(frozen=True, slots=True)
class Seen:
    """Percent per colour at a moment of the monotonic clock."""

    at: float
    shares: dict[str, float]


class Weights:
    """A context: looks from entering to leaving it."""

    def __init__(self, stack: Stack, traffic: dict[str, Any]) -> None:
        self._elbv2, self._rule = stack.aws("elbv2", attempts=1), traffic["production_rule"]
        self._color_of = {arn: color for color, arn in traffic["target_groups"].items()}
        self._seen: list[Seen] = []
        self._stop = Event()
        self._thread = Thread(target=self._watch, name="weights", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(timeout=15)

    def latest(self) -> dict[str, float]:
        return self._seen[-1].shares if self._seen else {}

    def now(self) -> dict[str, float]:
        [rule] = self._elbv2.describe_rules(RuleArns=[self._rule])["Rules"]
        [forward] = [action["ForwardConfig"] for action in rule["Actions"] if action["Type"] == "forward"]
        weights = {self._color_of[group["TargetGroupArn"]]: group["Weight"] for group in forward["TargetGroups"]}
        return {color: round(100 * weight / sum(weights.values()), 1) for color, weight in weights.items()}

    def stretch(self, color: str, percent: float, *, since: float) -> tuple[float, float] | None:
        """When this colour was first and last seen with this share, since a moment. None if it never was."""
        moments = [seen.at for seen in self._seen.copy() if seen.at >= since and seen.shares.get(color) == percent]
        return (moments[0], moments[-1]) if moments else None

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            with contextlib.suppress(ClientError):
                self._seen.append(Seen(time.monotonic(), self.now()))
