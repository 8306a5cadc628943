"""What the player sees: a live line and the claims so far on a terminal, plain lines otherwise."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console


@dataclass(frozen=True)
class Claim:
    """One thing the project says of itself, whether it held, and what was measured."""

    claim: str
    held: bool
    measured: str

    def shown(self) -> dict[str, Any]:
        return asdict(self)


class Screen:
    """`pulse` says in a few words how the traffic is; it stands behind every step on a terminal."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._began = time.monotonic()
        self.pulse: Callable[[], str] = lambda: ""

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """Something that takes a while."""
        if not self._console.is_terminal:
            self._line(f"  {what}")
            yield
            return
        with self._console.status("", spinner="dots") as status:
            status.update(_Pulsing(self, what))
            yield
        self._line(f"  {what}")

    def act(self, title: str) -> None:
        self._line(f"\n[bold]{title}[/bold]")

    def claim(self, claim: Claim) -> None:
        mark = "[green]held[/green]" if claim.held else "[bold red]DID NOT HOLD[/bold red]"
        self._line(f"  {mark}  {claim.claim}\n          {claim.measured}")

    def end(self, claims: list[Claim], path: str) -> None:
        held = sum(claim.held for claim in claims)
        self._line(f"\n{held} of {len(claims)} claims held; all of them with their figures are in {path}")

    def trouble(self, what: str) -> None:
        sys.stderr.write(f"\n{what}\n")

    def elapsed(self) -> str:
        return f"{time.monotonic() - self._began:5.1f} s"

    def _line(self, text: str) -> None:
        stamp = "" if text.startswith(("\n", "  [")) else f"{self.elapsed()} "
        self._console.print(stamp + text, soft_wrap=True)


class _Pulsing:
    """Rendered anew with every frame."""

    def __init__(self, screen: Screen, what: str) -> None:
        self._screen, self._what = screen, what

    def __rich__(self) -> str:
        return f"{self._screen.elapsed()} {self._what}  [dim]{self._screen.pulse()}[/dim]"
