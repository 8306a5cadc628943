"""The port to whatever splits requests between the two colours."""

from dataclasses import dataclass, field
from typing import Protocol

from chalicelib.colors import Color, Split
from chalicelib.services.definition import Traffic
from chalicelib.traffic.addresses import Address


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule as the balancer reports it now.

    `split` is None when the rule does not share everything between exactly the
    two target groups of the service (another group, a redirect, all zero);
    `raw` shows what it says then. `sticky_seconds` is 0 when target-group
    stickiness is off. `native` is the provider's own form of the rule, opaque
    to everybody but the router that made it.
    """

    split: Split | None
    sticky_seconds: int = 0
    raw: str = ""
    native: object = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Rules:
    production: Rule
    staging: Rule


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What registration needs to know of a service's balancer.

    `health_delay_seconds`: the longest interval × unhealthy threshold of the two groups' health checks.
    `drain_seconds`: the longest deregistration delay (0 for Lambda groups).
    `rules`: as in `look`.
    """

    production: Address
    staging: Address
    health_delay_seconds: float
    drain_seconds: float
    rules: Rules


class Router(Protocol):
    """Shares requests between two colours. All methods raise `Unavailable` when the balancer does not answer.

    Every method takes the service's `Traffic` (its rules and target groups);
    none keeps state of its own.
    """

    def survey(self, traffic: Traffic) -> Surroundings:
        """Read what registration needs. Raises `Invalid` naming the field for: a rule, group or balancer that does
        not exist, a default rule, a rule that no URL leads to, two rules with one URL, a target group that is not attached
        to both rules, whose health checks are off, or that is attached to another balancer.
        """

    def look(self, traffic: Traffic) -> Rules:
        """Both rules as the balancer reports them now, in one call; never what was last asked for. May lag behind the data plane."""

    def set_weights(self, traffic: Traffic, split: Split, *, unstick: bool, seen: Rule | None = None) -> None:
        """Ask for this split on the production rule: modified in place, both groups sent, zero sent as zero, 100 % as
        999/0, everything else about the rule kept as `seen` by `look` a moment ago (read first when not given, one
        call more). One attempt, at most 3 s. Idempotent; takes effect later.
        """

    def point_staging(self, traffic: Traffic, color: Color, *, seen: Rule | None = None) -> None:
        """Ask for the whole staging rule to go to this colour, the other group attached with zero. Idempotent; takes
        effect later. `seen` as in `set_weights`.
        """
