"""Access logs for stories: what a balancer writes of requests to the live colour, and how it arrives."""

import gzip
from itertools import count

from chalicelib.colors import Color
from chalicelib.services.definition import Definition
from tests.world import World, a_definition

LOGS = "logs"
SHADOW = {"enabled": True, "share": 1, "per_second": 20}
_numbers = count(1)


def a_mirrored_definition(**shadow: object) -> Definition:
    """A service whose production requests are compared, all of them."""
    return a_definition(checks={"probe": {"every_seconds": 1, "failures": 3}, "shadow": SHADOW | shadow})


def a_key(name: str) -> str:
    """Where a balancer puts a log. `name` tells one from another."""
    folder = "AWSLogs/123456789012/elasticloadbalancing/us-east-1/2026/01/01"
    return f"{folder}/123456789012_elasticloadbalancing_us-east-1_app.web.1234567890abcdef_20260101T0005Z_10.0.0.1_{name}.log.gz"


def a_line(path: str, group: str, *, method: str = "GET", host: str = "shop.example", agent: str = "Mozilla/5.0", second: int = 0) -> str:
    at = f"2026-01-01T00:{second // 60 % 60:02}:{second % 60:02}.000000Z"
    return (
        f'https {at} app/web/1234567890abcdef 192.0.2.1:5000 10.0.0.9:80 0.000 0.005 0.000 200 200 100 200 "{method} https://{host}:443{path} HTTP/1.1" "{agent}" '
        f'ECDHE TLSv1.3 {group} "Root=1-67891233-abcdef012345678912345678" "{host}" "-" 0 {at} "forward" "-" "-" "10.0.0.9:80" "200" "-" "-"'
    )


def arrive(world: World, paths: list[str], *, name: str = "", color: Color | None = None, query: str = "", host: str = "shop.example", method: str = "GET") -> int:
    """A log with these requests arrives, answered by the live colour unless said otherwise. How many were compared."""
    service = world.service()
    assert service.live is not None
    group = service.definition.traffic.target_groups.of(color or service.live.color)
    shown = f"?{query}" if query else ""
    lines = [a_line(path + shown, group, host=host, method=method, second=number) for number, path in enumerate(paths)]
    key = a_key(name or f"log{next(_numbers)}")
    version = world.objects.put(LOGS, key, gzip.compress("\n".join(lines).encode() + b"\n"))
    return world.control.mirroring.take(LOGS, key, version)
