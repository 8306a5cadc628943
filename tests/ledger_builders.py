"""Documents with good defaults, so that a test says only what matters to it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.access.model import Once, Role, Token
from chalicelib.audit.chain import Entry, Head, sealed
from chalicelib.colors import Color, Split
from chalicelib.config.model import ConfigVersion
from chalicelib.deployments.model import Build, Deployment, Event, Kind, Phase, Plan, PlannedStep
from chalicelib.health.model import Check, Counts, Outcome, ProbeLog, Targets, Verdict
from chalicelib.releases.model import Intake, Rejection, Release, S3Artifact, Sweep
from chalicelib.services.definition import Definition
from chalicelib.services.model import AlarmSubscription, Look, Service, Site, Subscription

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ELB = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:"


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def a_definition(name: str = "web", **changes: Any) -> Definition:
    rules = {which: f"{ELB}listener-rule/app/lb/1/2/{name}-{which}" for which in ("production", "staging")}
    groups = {color.value: f"{ELB}targetgroup/{name}-{color}/1" for color in Color}
    traffic = {
        "production_rule": rules["production"], "staging_rule": rules["staging"],
        "target_groups": groups, "load_balancer": f"{ELB}loadbalancer/app/lb/1",
    }
    return Definition.model_validate({"name": name, "runtime": {"kind": "lambda", "function": name}, "traffic": traffic} | changes)


def a_service(name: str = "web", **changes: Any) -> Service:
    service = Service(
        name=name, definition=a_definition(name), site=Site("http://production", "http://staging"),
        registered_at=NOON, expected=(Split.all_on(Color.BLUE),), revision=1, write_id=f"first-of-{name}",
    )
    return replace(service, **changes)


def an_artifact(digit: str = "a") -> S3Artifact:
    return S3Artifact("artifacts", "web/1.4.2/web.zip", "v1", digit * 64, 1024)


def a_deployment(id: str = "d-000001", service: str = "web", **changes: Any) -> Deployment:
    deployment = Deployment(
        id=id, service=service, kind=Kind.ROLLOUT, build=Build("1.4.2", an_artifact(), 0),
        plan=Plan("canary", (PlannedStep(100, timedelta(seconds=300)), PlannedStep(1000, timedelta())), timedelta(hours=1), timedelta(hours=2), automatic=False),
        checks=a_definition().checks, phase=Phase.PENDING, started_at=NOON, phase_since=NOON, published_at=NOON, requested_by="ci",
    )
    return replace(deployment, **changes)


def a_release(version: str = "1.4.2", service: str = "web", **changes: Any) -> Release:
    release = Release(service, version, an_artifact(), commit="c0ffee", published_at=NOON, registered_at=NOON, registered_by="ci")
    return replace(release, **changes)


def an_entry(seq: int = 1, chain: str = "service/web", **changes: Any) -> Entry:
    return sealed(replace(Entry(chain, seq, at(seq), "ci", "changed", "because", {"service": {"epoch": seq}}), **changes))


def a_token(id: str = "t1", **changes: Any) -> Token:
    return replace(Token(id, "ci", Role.DEPLOYER, "web*", "f" * 64, NOON, "root", at(3600)), **changes)


def a_look(service: str = "web", **changes: Any) -> Look:
    verdict = Verdict(Outcome.HEALTHY, "all is well", NOON, (Check("errors", Outcome.HEALTHY, "none", {"rate": 0.0}),))
    look = Look(service, NOON, Split.all_on(Color.BLUE), Split.all_on(Color.GREEN), {Color.BLUE: Targets(1, 1, {"healthy": 1})}, {Color.BLUE: NOON}, verdict)
    return replace(look, **changes)


def a_probe_log(service: str = "web", **changes: Any) -> ProbeLog:
    log = ProbeLog(
        service=service, deployment="d-000001", subject="shifting:1", target="staging", sent={NOON: Counts(3, 1)},
        failed_in_a_row=0, passed_in_a_row=2, last_at=NOON, last_reason="200",
    )
    return replace(log, **changes)


def an_event(id: str = "000000000001-00", **changes: Any) -> Event:
    return replace(Event(id, NOON, "web", "d-000001", "staged", Phase.STAGED, 0, "ci", "it stands on green", {"color": "green", "was": None}), **changes)


def a_rejection(id: str = "r1") -> Rejection:
    return Rejection(id, NOON, "web", "1.4.2", "s3://artifacts/web/1.4.2/web.zip", "bad-zip", "it is no zip; upload it again")


def a_once(id: str = "o1", **changes: Any) -> Once:
    return replace(Once(id, "b" * 64, 202, {"id": "d-000001", "ended_at": None}, at(86400)), **changes)


def a_config(number: int = 1, **changes: Any) -> ConfigVersion:
    return replace(ConfigVersion("web", number, {"MODE": "fast"}, NOON, "ci"), **changes)


def a_head(chain: str = "tokens", **changes: Any) -> Head:
    return replace(Head(chain, 1, "h" * 64, 1), **changes)


def an_intake(source: str = "s3://artifacts/web/1.4.2/web.zip#v1") -> Intake:
    return Intake(source, NOON, "release")


def one_of_each() -> tuple[object, ...]:
    return (
        a_service(deployment=a_deployment(), waiting=(a_deployment("d-000002"),), empty_since={Color.GREEN: NOON}), a_look(), a_probe_log(), a_release(),
        a_config(), a_deployment(phase=Phase.SHIFTING, color=Color.GREEN), an_event(), a_rejection(), an_intake(), an_entry(), a_head(), a_token(), a_once(),
        Sweep("artifacts", NOON, "web/1.4.2/web.zip", covered_to=NOON), Subscription("team/web", "web", "v*"),
        AlarmSubscription("arn:aws:cloudwatch:us-east-1:123456789012:alarm:web: errors", "web"),
    )
