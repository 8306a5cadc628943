"""Queues in memory: `due` and `probes` hold what was sent, for a test to take."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class MemoryQueues:
    due: list[str] = field(default_factory=list)
    probes: list[str] = field(default_factory=list)

    def send_due(self, services: Sequence[str]) -> None:
        self.due.extend(services)

    def send_probes(self, services: Sequence[str]) -> None:
        self.probes.extend(services)
