"""Which checks are made, in which order: those that later ones build on first."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from turnout.cli import printing
from turnout.cli.context import Context, Json
from turnout.cli.doctor import alarms, chain, containers, functions, identity, machines, plane, progress, running, server, traffic
from turnout.cli.doctor.clients import Clients
from turnout.cli.doctor.findings import Check, Finding, ok, problem
from turnout.cli.exits import Failure
from turnout.client import items
from turnout.problems import ApiProblem


@dataclass(frozen=True, slots=True)
class Asked:
    """By the user; None: all services, and what can be found out."""

    service: str | None = None
    region: str | None = None
    stack: str | None = None


@dataclass
class _Round:
    """What the checks so far have found out for the later ones."""

    context: Context
    asked: Asked
    services: list[Json] = field(default_factory=list)
    place: plane.Place = field(default_factory=plane.Place)
    results: list[Json] = field(default_factory=list)

    def make(self, *checks: Check) -> None:
        for check, found in running.made(checks):
            self.results += [self._result(check, one) for one in found]

    def _result(self, check: Check, one: Finding) -> Json:
        said, remedy = (_without(text, self.context) for text in (one.said, one.remedy))
        return {"name": check.name, "service": check.service, "outcome": str(one.outcome), "said": said, "remedy": remedy}

    def definitions(self) -> Iterator[Finding]:
        """Of the services that were asked for."""
        client, name = self.context.client, self.asked.service
        if name is None:
            self.services = sorted(items(client.services), key=lambda each: str(each["name"]))
            names = ", ".join(service["name"] for service in self.services)
            yield ok(f"registered: {names}" if names else "no service is registered, or none that this token may see")
            return
        try:
            self.services = [client.service(name)]
        except ApiProblem as refused:
            if refused.status != 404:
                raise
            yield problem(f"there is no service {name}", "`turnout service list` shows those that there are")
        yield ok(f"{name} is registered")


def examination(context: Context, asked: Asked) -> list[Json]:
    made = _Round(context, asked)
    made.make(Check("api", lambda: server.answers(context)), Check("token", lambda: server.token(context)), Check("services", made.definitions))
    clients, url = Clients.of(context, asked.region), _url(context)
    clients.home = identity.home_of(made.services) or identity.region_of(url)
    made.make(
        Check("identity", lambda: identity.identity(clients, made.services, url)),
        Check("clock", lambda: identity.clock(context, clients)),
        Check("control plane", lambda: plane.find(context, clients, asked.stack, made.place)),
    )
    made.make(*_of_plane(clients, made.place), *(check for service in made.services for check in _of_service(context, clients, service)))
    made.make(Check("permissions", lambda: plane.permissions(clients)))
    return made.results


def _of_plane(clients: Clients, place: plane.Place) -> Iterator[Check]:
    """Of what was found. What was not is told by the check that looked for it."""
    if place.alarms:
        yield Check("alarms", lambda: plane.alarms(clients, place))
    if place.dead_letters:
        yield Check("dead letters", lambda: plane.dead_letters(clients, place))
    if place.bucket:
        yield Check("bucket", lambda: plane.bucket(clients, place))
    if place.table:
        yield Check("ledger", lambda: plane.ledger(clients, place))


def _of_service(context: Context, clients: Clients, service: Json) -> Iterator[Check]:
    name, client = service["name"], context.client
    region = identity.home_of([service]) or ""

    def elbv2() -> Any:
        return clients("elbv2", region)

    yield Check("rules", lambda: traffic.rules(elbv2(), service), name)
    yield Check("weights", lambda: traffic.weights(elbv2(), client, name), name)
    yield Check("target groups", lambda: traffic.target_groups(elbv2(), service), name)
    yield Check("targets", lambda: traffic.targets(elbv2(), service), name)
    yield from _of_runtime(clients, service, region)
    yield Check("source", lambda: progress.source(client, service), name)
    yield Check("waits", lambda: progress.waits(client, name), name)
    yield Check("tick", lambda: progress.tick(client, name, _now(context)), name)
    if (service["definition"].get("cutover") or {}).get("read_only") == "parameter":
        yield Check("read-only", lambda: progress.cutover(clients("ssm", region), client, service, _now(context)), name)
    if (service["definition"].get("checks") or {}).get("alarms"):
        yield Check("alarms", lambda: alarms.named(clients("cloudwatch", region), service), name)
    yield Check("audit", lambda: chain.audit(client, name), name)


def _of_runtime(clients: Clients, service: Json, region: str) -> Iterator[Check]:
    name = service["name"]
    match service["definition"]["runtime"]["kind"]:
        case "lambda":
            yield Check("function", lambda: functions.function(clients("lambda", region), service), name)
            yield Check("aliases", lambda: functions.aliases(clients("lambda", region), clients("elbv2", region), service), name)
        case "ecs":
            yield Check("ecs services", lambda: containers.services(clients("ecs", region), service), name)
            yield Check("task definition", lambda: containers.task_definition(clients("ecs", region), service), name)
            yield Check("repository", lambda: containers.repository(clients, service, region), name)
        case "autoscaling":
            yield Check("groups", lambda: machines.groups(clients, service, region), name)
            yield Check("launch template", lambda: machines.launch_template(clients, service, region), name)


def _now(context: Context) -> datetime:
    """The server's: a clock that is off here must not make its looks old."""
    return identity.moment_of(context.client.alive()[1]) or context.now()


def _url(context: Context) -> str:
    try:
        return context.connection.url
    except Failure:
        return ""


def _without(text: str, context: Context) -> str:
    """Whatever somebody's answer may quote, the token is not printed."""
    try:
        token = context.connection.token
    except Failure:
        token = None
    return printing.safe(text.replace(token, "…") if token else text)
