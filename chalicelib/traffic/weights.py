"""Shares of the traffic as ELB's weights, and back.

ELB takes integers from 0 to 999 and makes shares of them relative to their
sum, so 1/1, 50/50 and 500/500 all mean halves. Ours are permille: written as
they are, but for the whole, which is 999/0. Every share survives the way there
and back exactly, and no weight that is not zero is ever read as nothing or
as everything.
"""

from collections.abc import Mapping

from chalicelib.colors import WHOLE, Color, Split

HIGHEST = 999


def weights_for(split: Split) -> dict[Color, int]:
    """What to send. Zero is a number here: left out it would mean `unchanged` or 1."""
    return {color: min(split.share(color), HIGHEST) for color in Color}


def split_of(weights: Mapping[Color, int]) -> Split | None:
    """What relative weights mean; a colour that is left out has none. None when nobody gets anything."""
    blue, green = (weights.get(color, 0) for color in Color)
    if min(blue, green) < 0 or blue + green == 0:
        return None
    return Split.giving(Color.BLUE, round(blue * WHOLE / (blue + green)))
