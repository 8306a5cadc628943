"""Replacing what moto does, in a way that can be taken back."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any


class Patches(ExitStack):
    """Every replacement made through it is undone when it closes, last one first."""

    def replace(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        """Put `make(what is there now)` in its place."""
        original = vars(owner)[name]
        setattr(owner, name, make(original))
        self.callback(setattr, owner, name, original)
