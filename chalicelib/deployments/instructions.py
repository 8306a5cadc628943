"""What a pass may be told to do. Each states the wanted end, never a delta, and is safe to give again."""

from dataclasses import dataclass

from chalicelib.colors import Color, Split
from chalicelib.deployments.model import Build


@dataclass(frozen=True, slots=True)
class SetWeights:
    """Make the production rule share the traffic so. `unstick` switches target-group stickiness off in the same write."""

    split: Split
    unstick: bool = False


@dataclass(frozen=True, slots=True)
class PointStaging:
    """Make the staging rule send everything to this colour."""

    color: Color


@dataclass(frozen=True, slots=True)
class Prepare:
    """Take the next step towards this build standing on this colour."""

    color: Color
    build: Build


@dataclass(frozen=True, slots=True)
class Retire:
    """Give up what only a live colour needs (capacity, provisioned concurrency)."""

    color: Color


Instruction = SetWeights | PointStaging | Prepare | Retire
