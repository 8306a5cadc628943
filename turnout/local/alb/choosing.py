"""Which target group gets a request: by weight, unless the client holds a cookie of a sticky rule."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate
from random import Random

from turnout.local.alb.model import Forward

COOKIES = ("AWSALBTG", "AWSALBTGCORS")


@dataclass(frozen=True, slots=True)
class Choice:
    """`group` is None when every weight is zero: the balancer answers 503. `set_cookies` are whole `Set-Cookie` values."""

    group: str | None
    set_cookies: tuple[str, ...] = ()


def choose(forward: Forward, rule_arn: str, cookies: Mapping[str, str], random: Random) -> Choice:
    if forward.sticky_seconds is None:
        return Choice(_by_weight(forward, random))
    group = _by_cookie(forward, rule_arn, cookies) or _by_weight(forward, random)
    return Choice(group, _set_cookies(rule_arn, group, forward.sticky_seconds) if group else ())


def _by_weight(forward: Forward, random: Random) -> str | None:
    total = sum(weight for _, weight in forward.weights)
    drawn = random.randrange(total) if total else 0
    for group, weight in forward.weights:
        if drawn < weight:
            return group
        drawn -= weight
    return None


def _by_cookie(forward: Forward, rule_arn: str, cookies: Mapping[str, str]) -> str | None:
    """The cookie wins over the weights. AWS does not say what a weight of 0 does to it; the worse case is played: it goes on winning."""
    for name in COOKIES:
        mark, _, until = cookies.get(name, "").partition(".")
        if until.isdecimal() and int(until) > time.time():
            for group, _ in forward.weights:
                if mark == _mark(rule_arn, group):
                    return group
    return None


def _set_cookies(rule_arn: str, group: str, seconds: int) -> tuple[str, ...]:
    until = int(time.time()) + seconds
    cookie = f"{_mark(rule_arn, group)}.{until}; Expires={formatdate(until, usegmt=True)}; Path=/"
    return f"{COOKIES[0]}={cookie}", f"{COOKIES[1]}={cookie}; SameSite=None"


def _mark(rule_arn: str, group: str) -> str:
    return hashlib.sha256(f"{rule_arn} {group}".encode()).hexdigest()[:32]
