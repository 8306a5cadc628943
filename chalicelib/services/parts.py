"""What the parts of a definition have in common: closed to unknown fields, immutable, and often one of something for each colour."""

from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

from chalicelib.colors import Color
from chalicelib.formats import UNKNOWN


class Part(BaseModel):
    """A part of a definition: immutable, and closed to unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    __slots__ = (UNKNOWN,)  # beside the fields: never shown, never compared


class Pair(Part):
    """One of something for each colour."""

    blue: str
    green: str

    def of(self, color: Color) -> str:
        return self.blue if color is Color.BLUE else self.green

    @model_validator(mode="after")
    def _differ(self) -> Self:
        if self.blue == self.green:
            raise ValueError("blue and green must be two, and these are one")
        return self
