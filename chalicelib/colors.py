"""The two colours of a service, and how its traffic is shared between them."""

from dataclasses import dataclass
from enum import StrEnum

WHOLE = 1000
"""Shares are whole permille (0.1 % resolution), so that they can be compared exactly."""


class Color(StrEnum):
    BLUE = "blue"
    GREEN = "green"

    @property
    def other(self) -> "Color":
        return Color.GREEN if self is Color.BLUE else Color.BLUE


@dataclass(frozen=True, slots=True)
class Split:
    """Shares of the traffic in permille; the two always add up to `WHOLE`."""

    blue: int
    green: int

    def __post_init__(self) -> None:
        if min(self.blue, self.green) < 0 or self.blue + self.green != WHOLE:
            raise ValueError(f"not a split of {WHOLE} permille: blue {self.blue}, green {self.green}")

    @classmethod
    def giving(cls, color: Color, permille: int) -> "Split":
        """The split in which `color` has `permille` and the other colour the rest."""
        rest = WHOLE - permille
        return cls(blue=permille, green=rest) if color is Color.BLUE else cls(blue=rest, green=permille)

    @classmethod
    def all_on(cls, color: Color) -> "Split":
        return cls.giving(color, WHOLE)

    def share(self, color: Color) -> int:
        return self.blue if color is Color.BLUE else self.green

    @property
    def whole_on(self) -> Color | None:
        """The colour that has everything, if one has."""
        return next((color for color in Color if self.share(color) == WHOLE), None)

    def percentages(self) -> dict[str, float]:
        return {color.value: self.share(color) / 10 for color in Color}
