"""Where each kind of document lives: one table, one sparse index of what is due, one index for listings.

| document       | partition                    | sort        | listed under       |
|----------------|------------------------------|-------------|--------------------|
| Service        | service#NAME                 | state       | services           |
| Look, ProbeLog | service#NAME                 | look, probe |                    |
| Comparison     | service#NAME                 | shadow      |                    |
| …, of a release| shadow#NAME                  | VERSION     |                    |
| Release        | releases#NAME                | VERSION     | releases#NAME      |
| ConfigVersion  | configs#NAME                 | 00000003    | (by sort key)      |
| Deployment     | deployments#NAME             | d-000012    | (by sort key)      |
| Judgement      | judgements#NAME#d-000012     | shifting:1  | (by sort key)      |
| Event          | events#NAME#d-000012         | EVENT ID    | (by sort key)      |
| Rejection      | rejections                   | ID          | (by sort key)      |
| Intake         | intake#SOURCE                | intake      |                    |
| Sweep          | sweep#SOURCE                 | sweep       |                    |
| Entry (audit)  | audit#CHAIN                  | 000000000012| audit              |
| Head (audit)   | audit#CHAIN                  | head        |                    |
| Token          | token#ID                     | token       | tokens             |
| Ownership      | owner#ARN                    | owner       |                    |
| Subscription   | repository#REPOSITORY        | NAME        | subscriptions      |
| AlarmSubscription | alarm#ARN                 | NAME        | (by sort key)      |
| Once           | once#HASH                    | once        |                    |
"""

from collections.abc import Callable
from typing import Any

from chalicelib.access.model import Once, Token
from chalicelib.audit.chain import Entry, Head
from chalicelib.config.model import ConfigVersion
from chalicelib.deployments.model import Deployment, Event
from chalicelib.health.judgement import Judgement
from chalicelib.health.model import ProbeLog
from chalicelib.ledger.port import Listing, Ref
from chalicelib.mirroring.model import Comparison, ReleaseComparison
from chalicelib.releases.model import Intake, Rejection, Release, Sweep
from chalicelib.services.model import AlarmSubscription, Look, Ownership, Service, Subscription


def service(name: str) -> Ref[Service]:
    return Ref(Service, f"service#{name}", "state")


def look(service: str) -> Ref[Look]:
    return Ref(Look, f"service#{service}", "look")


def probe_log(service: str) -> Ref[ProbeLog]:
    return Ref(ProbeLog, f"service#{service}", "probe")


def comparison(service: str) -> Ref[Comparison]:
    return Ref(Comparison, f"service#{service}", "shadow")


def release_comparison(service: str, version: str) -> Ref[ReleaseComparison]:
    return Ref(ReleaseComparison, f"shadow#{service}", version)


def release(service: str, version: str) -> Ref[Release]:
    return Ref(Release, f"releases#{service}", version)


def config(service: str, number: int) -> Ref[ConfigVersion]:
    return Ref(ConfigVersion, f"configs#{service}", f"{number:08}")


def deployment(service: str, id: str) -> Ref[Deployment]:
    return Ref(Deployment, f"deployments#{service}", id)


def event(service: str, deployment: str, id: str) -> Ref[Event]:
    return Ref(Event, f"events#{service}#{deployment}", id)


def judgement(service: str, deployment: str, subject: str) -> Ref[Judgement]:
    return Ref(Judgement, f"judgements#{service}#{deployment}", subject)


def rejection(id: str) -> Ref[Rejection]:
    return Ref(Rejection, "rejections", id)


def intake(source: str) -> Ref[Intake]:
    return Ref(Intake, f"intake#{source}", "intake")


def sweep(source: str) -> Ref[Sweep]:
    return Ref(Sweep, f"sweep#{source}", "sweep")


def entry(chain: str, seq: int) -> Ref[Entry]:
    return Ref(Entry, f"audit#{chain}", f"{seq:012}")


def head(chain: str) -> Ref[Head]:
    return Ref(Head, f"audit#{chain}", "head")


def token(id: str) -> Ref[Token]:
    return Ref(Token, f"token#{id}", "token")


def once(id: str) -> Ref[Once]:
    return Ref(Once, f"once#{id}", "once")


def ownership(resource: str) -> Ref[Ownership]:
    return Ref(Ownership, f"owner#{resource}", "owner")


def subscription(repository: str, service: str) -> Ref[Subscription]:
    return Ref(Subscription, f"repository#{repository}", service)


def alarm_subscription(alarm: str, service: str) -> Ref[AlarmSubscription]:
    return Ref(AlarmSubscription, f"alarm#{alarm}", service)


def services() -> Listing[Service]:
    return Listing(Service, "services")


def releases(service: str) -> Listing[Release]:
    return Listing(Release, f"releases#{service}")


def configs(service: str) -> Listing[ConfigVersion]:
    return Listing(ConfigVersion, f"configs#{service}", by_sort_key=True)


def deployments(service: str) -> Listing[Deployment]:
    return Listing(Deployment, f"deployments#{service}", by_sort_key=True)


def events(service: str, deployment: str) -> Listing[Event]:
    return Listing(Event, f"events#{service}#{deployment}", by_sort_key=True)


def judgements(service: str, deployment: str) -> Listing[Judgement]:
    return Listing(Judgement, f"judgements#{service}#{deployment}", by_sort_key=True)


def rejections() -> Listing[Rejection]:
    return Listing(Rejection, "rejections", by_sort_key=True)


def audit() -> Listing[Entry]:
    return Listing(Entry, "audit")


def audit_of(chain: str) -> Listing[Entry]:
    """One chain; its head sorts behind every entry and is left out by the ledger."""
    return Listing(Entry, f"audit#{chain}", by_sort_key=True)


def tokens() -> Listing[Token]:
    return Listing(Token, "tokens")


def subscriptions() -> Listing[Subscription]:
    return Listing(Subscription, "subscriptions")


def subscriptions_to(repository: str) -> Listing[Subscription]:
    return Listing(Subscription, f"repository#{repository}", by_sort_key=True)


def subscriptions_to_alarm(alarm: str) -> Listing[AlarmSubscription]:
    return Listing(AlarmSubscription, f"alarm#{alarm}", by_sort_key=True)


def ref_of(document: object) -> Ref[object]:
    """Where this document lives."""
    return _REFS[type(document)](document)


_REFS: dict[type, Callable[[Any], Ref[object]]] = {
    Service: lambda d: service(d.name),
    Look: lambda d: look(d.service),
    ProbeLog: lambda d: probe_log(d.service),
    Comparison: lambda d: comparison(d.service),
    ReleaseComparison: lambda d: release_comparison(d.service, d.version),
    Release: lambda d: release(d.service, d.version),
    ConfigVersion: lambda d: config(d.service, d.number),
    Deployment: lambda d: deployment(d.service, d.id),
    Judgement: lambda d: judgement(d.service, d.deployment, d.subject),
    Event: lambda d: event(d.service, d.deployment, d.id),
    Rejection: lambda d: rejection(d.id),
    Intake: lambda d: intake(d.source),
    Sweep: lambda d: sweep(d.bucket),
    Entry: lambda d: entry(d.chain, d.seq),
    Head: lambda d: head(d.chain),
    Token: lambda d: token(d.id),
    Once: lambda d: once(d.id),
    Ownership: lambda d: ownership(d.resource),
    Subscription: lambda d: subscription(d.repository, d.service),
    AlarmSubscription: lambda d: alarm_subscription(d.alarm, d.service),
}
