"""Who we are in AWS, where the services are, and whether the clocks agree."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from turnout.cli.context import Context, Json
from turnout.cli.doctor.clients import Clients
from turnout.cli.doctor.findings import Finding, ok, problem, unknown, warning
from turnout.cli.exits import Failure
from turnout.problems import Trouble

REFUSED_FROM_SECONDS = 300
"""AWS takes no signature that is five minutes off."""
MISLEADING_FROM_SECONDS = 30
"""What was published when and what has ended is decided by the server's clock and S3's; ours only makes the ages that a person is shown."""


def identity(clients: Clients, services: list[Json], url: str) -> Iterator[Finding]:
    caller = clients("sts").get_caller_identity()
    account, homes = caller["Account"], {_home(service) for service in services}
    for other in sorted({home[1] for home in homes} - {account}):
        names = _names(services, 1, other)
        yield problem(f"these are credentials of account {account}, and {names} is in account {other}", f"use credentials of {other} (AWS_PROFILE)")
    plane = region_of(url)
    for region in sorted({home[0] for home in homes if plane and home[0] != plane}):
        said = f"{_names(services, 0, region)} is in {region} and the control plane in {plane}, from where it is not managed"
        yield problem(said, f"deploy a control plane in {region}")
    regions = {home[0] for home in homes} | ({plane} if plane else set())
    if clients.region and regions and clients.region not in regions:
        yield warning(f"the region is {clients.region}, and nothing of this is there but in {', '.join(sorted(regions))}", "set AWS_REGION, or give --region")
    yield ok(f"{caller['Arn']}, account {account}, region {clients.region or clients.home or 'unknown'}")


def home_of(services: list[Json]) -> str | None:
    return next((_home(service)[0] for service in services), None)


def region_of(url: str) -> str | None:
    """Of the control plane, where it is asked at API Gateway's own address."""
    named = re.fullmatch(r"[a-z0-9-]+\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(\.cn)?", urlsplit(url).hostname or "")
    return named[1] if named else None


def _home(service: Json) -> tuple[str, str]:
    """Region and account."""
    parts = str(service["definition"]["traffic"]["load_balancer"]).split(":")
    return parts[3], parts[4]


def _names(services: list[Json], part: int, value: str) -> str:
    return ", ".join(service["name"] for service in services if _home(service)[part] == value)


def clock(context: Context, clients: Clients) -> Iterator[Finding]:
    """Each answer has the moment it was given at. Where only one of the two is off, it is not this machine's clock that is."""
    asked: dict[str, Callable[[], str | None]] = {"the server": lambda: context.client.alive()[1], "AWS": lambda: _date_of_aws(clients)}
    off = {whose: seconds for whose, ask in asked.items() if (seconds := _behind(context, ask)) is not None}
    if not off:
        yield unknown("neither the server nor AWS said what time it is", "see `api` and `identity`")
        return
    told = " and ".join(f"{abs(seconds):.0f} s {'behind' if seconds > 0 else 'ahead of'} {whose}" for whose, seconds in off.items())
    worst = max(abs(seconds) for seconds in off.values())
    remedy = "set this machine's clock (NTP: `timedatectl set-ntp true`)"
    if worst >= REFUSED_FROM_SECONDS:
        yield problem(f"the clock here is {told}; AWS refuses what is signed more than {REFUSED_FROM_SECONDS} s off", remedy)
    elif worst >= MISLEADING_FROM_SECONDS:
        yield warning(f"the clock here is {told}, so the ages that are shown are wrong", remedy)
    yield ok(f"the clock here agrees with {' and '.join(off)} within {max(worst, 1):.0f} s")


def _behind(context: Context, ask: Callable[[], str | None]) -> float | None:
    """How many seconds we are behind. A `Date` has whole seconds, so half of one is taken for the rest, and the way there for half of the time it took."""
    from botocore.exceptions import BotoCoreError

    before = context.now()
    try:
        told = ask()
    except (Failure, Trouble, BotoCoreError):
        return None
    here = before + (context.now() - before) / 2
    said = moment_of(told)
    if said is None:
        return None
    seconds = (said - here).total_seconds() + 0.5
    return 0.0 if abs(seconds) < 1 else seconds


def moment_of(date: str | None) -> datetime | None:
    try:
        return parsedate_to_datetime(date) if date else None
    except ValueError:
        return None


def _date_of_aws(clients: Clients) -> str | None:
    """Also of a refusal, which a clock that is far off leads to."""
    from botocore.exceptions import ClientError

    answer: dict[str, Any]
    try:
        answer = clients("sts").get_caller_identity()
    except ClientError as refused:
        answer = dict(refused.response)
    date = answer["ResponseMetadata"].get("HTTPHeaders", {}).get("date")
    return str(date) if date else None
