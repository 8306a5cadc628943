"""Fault plans: in which workflow, at which call to the outside, what goes wrong."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Fault(StrEnum):
    DIES_BEFORE = "dies-before"
    """The worker dies before the call."""
    DIES_AFTER = "dies-after"
    """The worker dies after the call: it was done, and nobody knows."""
    THROTTLED = "throttled"
    """Not done, nor is any call of the kind for the rest of this delivery."""
    ANSWER_LOST = "answer-lost"
    """Done, but the answer is a time-out."""
    SERVER_ERROR = "server-error"
    """Not done, once."""
    CONDITION_FAILED = "condition-failed"
    """The conditional write lost: nothing was written. The claim is somebody else's."""
    STALE_READ = "stale-read"
    """Of what may lag behind: the answer is the one that was given the last time."""
    DELIVERED_TWICE = "delivered-twice"
    """The event, message or request arrives once more when it has been dealt with."""
    DELIVERED_AT_ONCE = "delivered-at-once"
    """The event, message or request arrives a second time while it is being dealt with, and the second is quicker."""
    SECOND_WORKER = "second-worker"
    """The worker stalls for four seconds after the call, and others' passes run meanwhile."""
    STALLS = "stalls"
    """The worker stalls for half a minute before the call, and others' passes run meanwhile."""
    ALL_GONE = "all-gone"
    """The worker dies before the call, and nobody works for two minutes: Turnout itself is gone."""
    CLOCK_AHEAD = "clock-ahead"
    """From here on, the clock of this worker is five minutes ahead."""
    CLOCK_BEHIND = "clock-behind"
    """From here on, the clock of this worker is five minutes behind."""


SKEW = timedelta(minutes=5)
OUTAGE = timedelta(minutes=2)
SKEWED = {Fault.CLOCK_AHEAD: SKEW, Fault.CLOCK_BEHIND: -SKEW}
CONDITIONAL = frozenset({"ledger.commit", "ledger.claim"})
MAY_LAG = frozenset({"ledger.due", "ledger.list", "ledger.find_many", "router.look", "targets.read", "runtime.standing", "switch.read", "secrets.current"})
"""Of the documents `find_many` reads only the last look may be old."""


@dataclass(frozen=True)
class Plan:
    """`at` counts the calls of the workflow's clean run from 0. Written as `canary/17/dies-after`."""

    workflow: str
    at: int
    fault: Fault

    def __str__(self) -> str:
        return f"{self.workflow}/{self.at}/{self.fault}"

    @classmethod
    def parse(cls, text: str) -> "Plan":
        workflow, at, fault = text.split("/")
        return cls(workflow, int(at), Fault(fault))


def applies(fault: Fault, call: str) -> bool:
    """Whether this can happen to this call."""
    match fault:
        case Fault.CONDITION_FAILED:
            return call in CONDITIONAL
        case Fault.STALE_READ:
            return call in MAY_LAG
        case _:
            return True
