"""What a team declares about a service: the document that `PUT /v1/services/{service}` takes.

What is left out has the default shown here; anything unknown is refused by
name. Durations are whole seconds, weights are percent with one decimal.
A value that this version cannot honour yet is refused, never ignored.
"""

import re
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, field_validator, model_validator

from chalicelib.services.parts import Pair, Part
from chalicelib.services.patterns import backtracks
from chalicelib.services.running import Runtime, Source

SERVICE_NAME = r"^[a-z][a-z0-9-]{0,39}$"
VERSION_NAME = r"^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$"

Seconds = Annotated[int, Field(ge=1, le=7 * 24 * 3600)]
Rate = Annotated[float, Field(gt=0, le=1)]
_ELB = r"^arn:aws[a-z-]*:elasticloadbalancing:[a-z0-9-]+:\d{12}:"
RuleArn = Annotated[str, Field(pattern=_ELB + r"listener-rule/app/.+$", max_length=512)]
TargetGroupArn = Annotated[str, Field(pattern=_ELB + r"targetgroup/.+$", max_length=512)]
LoadBalancerArn = Annotated[str, Field(pattern=_ELB + r"loadbalancer/app/.+$", max_length=512)]
AlarmArn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:cloudwatch:[a-z0-9-]+:\d{12}:alarm:[^\x00-\x1f\x7f]+$", max_length=400)]
UrlPath = Annotated[str, Field(pattern=r"^/[\x21-\x7e]*$", max_length=1024)]
HttpStatus = Annotated[int, Field(ge=100, le=599)]
_HOOK_NAME = r"turnout-hook-[A-Za-z0-9-_]{1,51}(:[A-Za-z0-9-_]{1,128})?"
HookFunction = Annotated[str, Field(pattern=rf"^(arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{{12}}:function:)?{_HOOK_NAME}$", max_length=256)]
"""By its name it may be called: what a hook may be is one prefix in our functions' policies."""
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
HookUrl = Annotated[str, Field(pattern=rf"^https://({_LABEL}\.)+[A-Za-z]([A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?(:443)?(/[!$-\[\]-~]*)?$", max_length=1024)]
"""A host has a name: an address, in whatever notation, is none. No user, no other port, no fragment."""


class TargetGroups(Pair):
    blue: TargetGroupArn
    green: TargetGroupArn


class Traffic(Part):
    production_rule: RuleArn
    staging_rule: RuleArn
    target_groups: TargetGroups
    load_balancer: LoadBalancerArn

    @model_validator(mode="after")
    def _differ(self) -> Self:
        if self.production_rule == self.staging_rule:
            raise ValueError("production_rule and staging_rule must be two rules")
        return self


class Weighted(Part):
    """A part with a `weight` in percent, to one decimal."""

    weight: float

    @field_validator("weight")
    @classmethod
    def _tenths(cls, weight: float) -> float:
        if Decimal(str(weight)) * 10 % 1:
            raise ValueError("weights have a resolution of 0.1 percent")
        return weight

    @property
    def permille(self) -> int:
        return int(Decimal(str(self.weight)) * 10)


class Step(Weighted):
    """Give the candidate `weight` percent and hold for `hold_seconds` before the next step."""

    weight: float = Field(gt=0, le=100)
    hold_seconds: int = Field(ge=0, le=7 * 24 * 3600)


class Rollout(Part):
    strategy: Literal["all-at-once", "linear", "canary"] = "canary"
    steps: tuple[Step, ...] = Field(default=(Step(weight=10, hold_seconds=300), Step(weight=50, hold_seconds=300)), max_length=20)
    promotion: Literal["manual", "automatic"] = "manual"
    watch_seconds: Seconds = 3600
    deadline_seconds: Seconds = 7200
    approvals: int = Field(default=0, ge=0, le=10)

    @model_validator(mode="after")
    def _steps_fit_the_strategy(self) -> Self:
        if self.strategy != "all-at-once" and not self.steps:
            raise ValueError(f"strategy {self.strategy} needs at least one step")
        weights = [step.weight for step in self.steps]
        if self.strategy == "canary" and weights != sorted(set(weights)):
            raise ValueError("the weights of a canary's steps must rise")
        return self


class Probe(Part):
    path: UrlPath = "/"
    expect_status: HttpStatus = 200
    every_seconds: int = Field(default=5, ge=1, le=60)
    timeout_seconds: int = Field(default=2, ge=1, le=30)
    failures: int = Field(default=3, ge=1, le=100)


class Smoke(Part):
    """One question to staging before a candidate counts as staged."""

    method: Literal["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"] = "GET"
    path: UrlPath
    expect_status: HttpStatus = 200
    expect_body: str | None = Field(default=None, max_length=1024)


class Errors(Part):
    max_rate: Rate = 0.05
    minimum_requests: int = Field(default=100, ge=1, le=1_000_000)
    false_alarm_rate: Rate = 0.01


class Latency(Part):
    percentile: float = Field(default=99, gt=0, lt=100)
    max_increase: float = Field(default=0.5, gt=0)


class Shadow(Part):
    """Requests of production that are safe to repeat (GET and HEAD), sent to the candidate on staging and to what is live, and compared.

    `paths` are globs of what may be repeated; `ignore` are regular expressions of what is taken out of bodies before they are compared.
    A request whose query looks as if it held credentials is left out unless `credentials` is "allow"; headers and cookies are never repeated.
    """

    enabled: bool = False
    share: Rate = 0.1
    paths: tuple[Annotated[str, Field(pattern=r"^/[\x21-\x7e]*$", max_length=256)], ...] = Field(default=("/*",), min_length=1, max_length=50)
    per_second: int = Field(default=5, ge=1, le=50)
    credentials: Literal["never", "allow"] = "never"
    ignore: tuple[Annotated[str, Field(min_length=1, max_length=256)], ...] = Field(default=(), max_length=20)

    @field_validator("ignore")
    @classmethod
    def _compiles(cls, ignore: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in ignore:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
            if backtracks(pattern):
                raise ValueError(f"{pattern!r} repeats what repeats already, which may take for ever; write it without one of the two")
        return ignore


class Checks(Part):
    probe: Probe = Probe()
    smoke: tuple[Smoke, ...] = Field(default=(), max_length=20)
    errors: Errors = Errors()
    latency: Latency = Latency()
    alarms: tuple[AlarmArn, ...] = Field(default=(), max_length=10)
    shadow: Shadow = Shadow()
    when_quiet: Literal["probe", "hold"] = "probe"


class Gates(Part):
    tests: Literal["off"] = "off"
    coverage: Literal["off"] = "off"
    provenance: Literal["off"] = "off"


class Hook(Part):
    """Somebody to ask before or after a step, or to tell of a way back: a Lambda function or an HTTPS URL."""

    model_config = ConfigDict(frozen=True, extra="forbid", serialize_by_alias=True)

    at: Literal["before_shift", "after_shift", "before_revert", "after_revert", "read_only"]
    lambda_: HookFunction | None = Field(default=None, alias="lambda")
    https: HookUrl | None = None
    timeout_seconds: int = Field(default=300, ge=1, le=24 * 3600)
    on_timeout: Literal["continue", "fail"] = "fail"

    @property
    def target(self) -> str:
        return self.lambda_ or self.https or ""

    @model_validator(mode="after")
    def _one_target(self) -> Self:
        if (self.lambda_ is None) == (self.https is None):
            raise ValueError("a hook names exactly one of lambda and https")
        return self


class Cutover(Part):
    """Whether the application stops writing while it is given the whole traffic, for at most `limit_seconds`, and how it is told."""

    read_only: Literal["off", "parameter", "hook"] = "off"
    parameter: str | None = Field(default=None, pattern=r"^/turnout(/[A-Za-z0-9_.-]{1,64}){1,10}/read-only$")
    limit_seconds: int = Field(default=60, ge=5, le=300)
    drain_seconds: int = Field(default=2, ge=0, le=60)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.read_only == "parameter") != (self.parameter is not None):
            raise ValueError('read_only "parameter" names a parameter, and nothing else does')
        if 2 * self.drain_seconds > self.limit_seconds:
            raise ValueError("drain_seconds may be half of limit_seconds at most: the weights have to move within the limit")
        return self


class Drill(Weighted):
    """How often a rollback is rehearsed: its target gets `weight` percent of production for `hold_seconds`, with 0 it is tried on staging only."""

    every_hours: Literal["off"] | Annotated[int, Field(ge=1, le=8760)] = "off"
    weight: float = Field(default=1, ge=0, le=50)
    hold_seconds: int = Field(default=60, ge=1, le=24 * 3600)


class Identify(Part):
    """The response header by which the application names its release."""

    header: str = Field(default="X-Release", pattern=r"^[A-Za-z][A-Za-z0-9-]{0,63}$")


class Definition(Part):
    name: str = Field(pattern=SERVICE_NAME)
    runtime: Runtime
    traffic: Traffic
    source: Source = Source()
    rollout: Rollout = Rollout()
    checks: Checks = Checks()
    gates: Gates = Gates()
    hooks: tuple[Hook, ...] = Field(default=(), max_length=10)
    cutover: Cutover = Cutover()
    drill: Drill = Drill()
    identify: Identify = Identify()

    @model_validator(mode="after")
    def _source_fits_the_runtime(self) -> Self:
        if self.runtime.kind == "ecs" and not self.source.ecr:
            raise ValueError("the ecs runtime runs images: name their repository as source.ecr")
        if self.runtime.kind != "ecs" and self.source.ecr:
            raise ValueError(f"the {self.runtime.kind} runtime runs zips: source.ecr goes with the ecs runtime")
        return self

    @model_validator(mode="after")
    def _cutover_has_its_hook(self) -> Self:
        switches = [hook for hook in self.hooks if hook.at == "read_only"]
        if len(switches) != (1 if self.cutover.read_only == "hook" else 0):
            raise ValueError('cutover.read_only "hook" goes with exactly one hook at read_only, and nothing else does')
        return self

    @model_validator(mode="after")
    def _drill_fits(self) -> Self:
        if self.drill.every_hours == "off":
            return self
        if self.cutover.read_only != "off" and self.drill.weight:
            raise ValueError("drill.weight has to be 0 with a read-only cutover: in a drill both releases would write to the database")
        if 2 * self.drill.hold_seconds >= self.rollout.deadline_seconds:
            raise ValueError("drill.hold_seconds has to be less than half of rollout.deadline_seconds: it is held once more where it is quiet")
        return self
