"""A router in memory, with ELB's rules: relative weights, groups attached or not, stickiness, no versions.

Every write is kept in `writes`. Faults are made by subclassing, and other
people's changes by `meddle`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chalicelib.clock import Clock
from chalicelib.colors import Color, Split
from chalicelib.errors import Invalid, NotFound, Unavailable
from chalicelib.services.definition import Traffic
from chalicelib.traffic import weights
from chalicelib.traffic.addresses import Address
from chalicelib.traffic.router import Rule, Rules, Surroundings


@dataclass(frozen=True, slots=True)
class Forward:
    """What a rule says: ELB's weights by target group ARN."""

    weight_by_group: Mapping[str, int]
    sticky_seconds: int = 0
    is_default: bool = False


@dataclass(frozen=True, slots=True)
class Write:
    """A write by this router, what it found and what it left."""

    rule: str
    before: Forward
    after: Forward
    at: datetime


@dataclass(slots=True)
class Balancer:
    """What is around the rules of one service. `checked` tells whose health checks are on."""

    production_url: str = "http://production.test"
    staging_url: str = "http://staging.test"
    health_delay_seconds: float = 20.0
    drain_seconds: float = 0.0
    checked: dict[Color, bool] = field(default_factory=lambda: dict.fromkeys(Color, True))
    production_paths: tuple[str, ...] = ()
    staging_paths: tuple[str, ...] = ()


class MemoryRouter:
    """`lag` is how long after a write everybody still sees, and is served by, the rule as it was; while `unreadable` nobody is told."""

    def __init__(self, clock: Clock, *, lag: timedelta = timedelta(0)) -> None:
        self.lag = lag
        self.unreadable = False
        self.writes: list[Write] = []
        self._clock = clock
        self._balancers: dict[str, Balancer] = {}
        self._history: dict[str, list[tuple[datetime, Forward]]] = {}

    def attach(self, traffic: Traffic, balancer: Balancer | None = None) -> None:
        """Make the two rules of a service: blue has everything, green is attached with nothing."""
        blue_whole = {traffic.target_groups.blue: weights.HIGHEST, traffic.target_groups.green: 0}
        self._balancers[traffic.load_balancer] = balancer or Balancer()
        for rule in (traffic.production_rule, traffic.staging_rule):
            self.meddle(rule, blue_whole)

    def meddle(self, rule: str, weight_by_group: Mapping[str, int], *, sticky_seconds: int = 0, is_default: bool = False) -> None:
        """Change a rule as somebody else would: at once, with any groups and weights."""
        self._history[rule] = [(self._clock.now(), Forward(dict(weight_by_group), sticky_seconds, is_default))]

    def served(self, rule: str) -> Forward:
        """What a rule does with requests now."""
        if rule not in self._history:
            raise NotFound(f"there is no listener rule {rule}")
        now = self._clock.now()
        self._history[rule] = [(at, forward) for at, forward in self._history[rule] if at > now or forward is self._current(rule, now)]
        return self._current(rule, now)

    def survey(self, traffic: Traffic) -> Surroundings:
        balancer = self._balancers.get(traffic.load_balancer)
        if balancer is None:
            raise _invalid("load_balancer", f"there is no {traffic.load_balancer}; name one that exists")
        for name in ("production_rule", "staging_rule"):
            self._refuse_rule(traffic, name)
        for color in Color:
            if not balancer.checked[color]:
                raise _invalid(f"target_groups.{color}", "health checks of this target group are off; switch them on")
        return Surroundings(
            Address(balancer.production_url, balancer.production_paths), Address(balancer.staging_url, balancer.staging_paths),
            balancer.health_delay_seconds, balancer.drain_seconds, MemoryRouter.look(self, traffic),
        )  # fmt: skip

    def look(self, traffic: Traffic) -> Rules:
        if self.unreadable:
            raise Unavailable("describing the rules was refused: too many requests")
        return self.rules(traffic)

    def rules(self, traffic: Traffic) -> Rules:
        """What the balancer has, whoever may read it."""
        return Rules(self._rule(traffic.production_rule, traffic), self._rule(traffic.staging_rule, traffic))

    def set_weights(self, traffic: Traffic, split: Split, *, unstick: bool, seen: Rule | None = None) -> None:
        self._write(traffic.production_rule, traffic, split, unstick=unstick, seen=seen)

    def point_staging(self, traffic: Traffic, color: Color, *, seen: Rule | None = None) -> None:
        self._write(traffic.staging_rule, traffic, Split.all_on(color), unstick=False, seen=seen)

    def _rule(self, arn: str, traffic: Traffic) -> Rule:
        forward = self.served(arn)
        colors = {traffic.target_groups.of(color): color for color in Color}
        ours = {colors[group]: weight for group, weight in forward.weight_by_group.items() if group in colors}
        split = weights.split_of(ours) if len(ours) == len(forward.weight_by_group) else None
        raw = ", ".join(f"{colors.get(group) or group} {weight}" for group, weight in forward.weight_by_group.items())
        return Rule(split, forward.sticky_seconds, raw, native=(arn, forward))

    def _write(self, rule: str, traffic: Traffic, split: Split, *, unstick: bool, seen: Rule | None) -> None:
        before = self.served(rule)
        match seen.native if seen else None:
            # Like ELB, which knows no versions: what was seen goes back, even over what somebody changed since.
            case (arn, Forward() as base) if arn == rule:
                pass
            case _:
                base = before
        weight_by_color = weights.weights_for(split)
        after = Forward({traffic.target_groups.of(color): weight_by_color[color] for color in Color}, 0 if unstick else base.sticky_seconds)
        self.writes.append(Write(rule, before, after, self._clock.now()))
        self._history[rule].append((self._clock.now() + self.lag, after))

    def _current(self, rule: str, now: datetime) -> Forward:
        return [forward for at, forward in self._history[rule] if at <= now][-1]

    def _refuse_rule(self, traffic: Traffic, name: str) -> None:
        arn: str = getattr(traffic, name)
        if arn not in self._history:
            raise _invalid(name, f"there is no {arn}; name one that exists")
        forward = self.served(arn)
        if forward.is_default:
            raise _invalid(name, "this is a listener's default rule; give the service a rule of its own")
        if self._rule(arn, traffic).split is None:
            raise _invalid(name, "this rule must forward to the two target groups and to nothing else")
        if missing := [color.value for color in Color if traffic.target_groups.of(color) not in forward.weight_by_group]:
            raise _invalid(name, f"target group {missing[0]} is not attached to this rule; attach it with weight 0")


def _invalid(name: str, message: str) -> Invalid:
    return Invalid(f"traffic.{name}: {message}", field=f"traffic.{name}")
