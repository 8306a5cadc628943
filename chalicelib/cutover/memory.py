"""A switch in memory, and everything that was ever written to it."""

from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.clock import Clock
from chalicelib.cutover.switch import Reading, read_from, written
from chalicelib.errors import Unavailable


@dataclass(slots=True)
class MemorySwitch:
    """`texts` is what each parameter holds, `writes` what was written when and until when; `unreachable` answers nothing."""

    clock: Clock
    unreachable: bool = False
    texts: dict[str, str] = field(default_factory=dict)
    writes: list[tuple[datetime, datetime | None]] = field(default_factory=list)

    def set(self, parameter: str, until: datetime | None, *, deployment: str) -> None:
        self._reach(parameter)
        self.texts[parameter] = written(until, deployment)
        self.writes.append((self.clock.now(), until))

    def read(self, parameter: str) -> Reading:
        self._reach(parameter)
        return read_from(self.texts.get(parameter, ""))

    def _reach(self, parameter: str) -> None:
        if self.unreachable:
            raise Unavailable(f"parameter {parameter}: no answer; try again later")
