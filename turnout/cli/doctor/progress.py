"""What the server says of a service: its last release, what was refused since, what it waits for, and whether anybody looks after it."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from turnout.cli import printing
from turnout.cli.context import Json
from turnout.cli.doctor.clients import found
from turnout.cli.doctor.findings import Finding, ok, parted, problem, warning
from turnout.client import Client, items

BUSY_LOOKS = timedelta(minutes=5)
IDLE_LOOKS = timedelta(minutes=30)
"""With nothing in progress a service is looked at every twenty minutes."""
_REJECTIONS_READ = 200
_STUCK = frozenset({"phase", "drift"})
"""Of what explain calls failed, that from which only a person leads out."""


def source(client: Client, service: Json) -> Iterator[Finding]:
    name = service["name"]
    last = next(iter(client.releases(name, limit=1).items), None)
    since = str(last["registered_at"]) if last else ""
    refused = [each for each in islice(items(client.rejections), _REJECTIONS_READ) if each.get("service") == name and str(each["at"]) > since]
    if refused:
        newest = refused[0]
        after = f"since {last['version']}" if last else "and there is no release yet"
        said = f"{len(refused)} uploads were refused {after}; the newest, {newest.get('version') or newest['source']}: {newest['reason']}"
        yield warning(said, "`turnout rejections` lists them; mend it and upload again")
    if last:
        yield ok(f"the last release is {last['version']}, of {printing.clock(last['published_at'])}")
    else:
        yield ok("there is no release yet")


def waits(client: Client, name: str) -> Iterator[Finding]:
    """In the words of `turnout explain`."""
    conditions = client.explain(name)["items"]
    for one in conditions:
        said, remedy = parted(str(one["reason"]))
        if one["answer"] == "failed":
            yield (problem if one["name"] in _STUCK else warning)(f"{one['name']}: {said}", remedy or f"`turnout explain {name}` says more")
        elif one["name"] == "paused" and one["answer"] == "pending":
            yield warning(said, remedy)
    pending = [parted(str(one["reason"]))[0] for one in conditions if one["answer"] == "pending"]
    yield ok(f"nothing is stuck: {pending[0]}" if pending else "nothing is stuck, and it waits for nothing")


def tick(client: Client, name: str, now: datetime) -> Iterator[Finding]:
    """Each pass leaves a look behind. Where there is none for long, no pass is made: nothing goes on by itself."""
    service = client.service(name)
    looked = printing.parsed(service["weights"]["observed_at"])
    longest = BUSY_LOOKS if service["deployment"] else IDLE_LOOKS
    since = looked or printing.parsed(service["registered_at"])
    if since and now - since > longest:
        said = f"nobody has looked after it {f'since {printing.moment(since.isoformat(), now)}' if looked else 'since it was registered'}"
        remedy = "look at the alarm TickSilentAlarm, the rule and log of the function Tick, the due queue, its dead letters and the log of OnDue"
        yield problem(f"{said}: passes do not run, or fail", f"{remedy}; rollback by the API works meanwhile")
    seen = f"the last pass looked at it {printing.age((now - looked).total_seconds())}" if looked else ""
    yield ok(seen or "it was registered a moment ago, and no pass has looked yet")


def cutover(ssm: Any, client: Client, service: Json, now: datetime) -> Iterator[Finding]:
    """What the application reads. Nothing that lasts longer than the limit may stand there."""
    declared = service["definition"]["cutover"]
    told = found(ssm.get_parameter, "ParameterNotFound", Name=declared["parameter"])
    until = _until(told["Parameter"]["Value"]) if told else None
    written = f"aws ssm put-parameter --overwrite --name {declared['parameter']} --type String --value '{{\"read_only_until\": null}}'"
    if until and until - now > timedelta(seconds=declared["limit_seconds"]):
        yield problem(f"{declared['parameter']} says read-only until {until:%Y-%m-%d %H:%M:%SZ}, longer than any cutover", f"if nobody means it: {written}")
    elif until and until > now and not client.service(service["name"])["read_only"]:
        yield warning(f"{declared['parameter']} says read-only until {until:%H:%M:%SZ}, and no cutover is under way", f"it ends by itself; or: {written}")
    yield ok(f"{declared['parameter']} says {'read-only, for the cutover under way' if until and until > now else 'writable'}")


def _until(text: str) -> datetime | None:
    try:
        return printing.parsed(json.loads(text)["read_only_until"])
    except (ValueError, TypeError, KeyError):
        return None
