"""The port to the queues through which a tick hands its work to workers."""

from collections.abc import Sequence
from typing import Protocol


class Queues(Protocol):
    """Each method sends one message `{"service": name}` per name. A message may arrive twice, or late.

    What could not be sent is tried once more, then raised as `Unavailable`; the rest was sent then.
    """

    def send_due(self, services: Sequence[str]) -> None:
        """Ask for a pass of each of these services."""

    def send_probes(self, services: Sequence[str]) -> None:
        """Ask for a prober's run on each of these services."""
