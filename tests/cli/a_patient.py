"""For the tests of `turnout doctor`: an AWS in moto, services in it that are well, and a server that tells of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.api.records import entry
from chalicelib.audit.chain import Entry, sealed
from tests.cli.builders import a_list, a_service
from tests.cli.fake_api import FakeApi
from tests.cli.running import Ran, SleptClock
from tests.local.both_ways import client
from turnout.cli.doctor.findings import Finding
from turnout.local.embedded import LOAD_BALANCER, ROLE

TOKEN_ID = "0123456789abcdef"
TOKEN = f"tnt_{TOKEN_ID}_{'s' * 43}"
WEB = "/v1/services/web"


@dataclass
class Plane:
    """Of the local stack's data plane what target health needs: every target is healthy but those of `sick` groups."""

    sick: set[str] = field(default_factory=set)

    def health(self, group: str, target: str, port: int | None) -> tuple[str, str | None, str | None]:
        return ("unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [500]") if group in self.sick else ("healthy", None, None)

    def invoke(self, function: str, qualifier: str | None, payload: bytes) -> Any:
        raise NotImplementedError


class WallClock(SleptClock):
    """The real one, `seconds` ahead: the stand-in server and moto say what time it really is."""

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.seconds)


def a_load_balancer() -> None:
    """And the role that local functions have."""
    client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument="{}")
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    zones = {"10.0.0.0/24": "us-east-1a", "10.0.1.0/24": "us-east-1b"}
    subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=block, AvailabilityZone=zone)["Subnet"]["SubnetId"] for block, zone in zones.items()]
    client("elbv2").create_load_balancer(Name=LOAD_BALANCER, Subnets=subnets, Type="application")


def ago(**how_long: float) -> str:
    return (datetime.now(UTC) - timedelta(**how_long)).isoformat()


def told_of(definition: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The service as the API shows it before its first release."""
    weights = {"desired": {"blue": 100.0, "green": 0.0}, "observed": {"blue": 100.0, "green": 0.0}, "observed_at": ago(seconds=2)}
    calm: dict[str, Any] = {"deployment": None, "live": None, "candidate": None, "verdict": None, "registered_at": ago(hours=2), "weights": weights}
    return a_service(definition=definition, **calm | changes)


def a_chain(length: int = 3) -> list[dict[str, Any]]:
    """Newest first, as the API shows it."""
    entries: list[Entry] = []
    for seq in range(1, length + 1):
        before = entries[-1].hash if entries else ""
        patch = {"service/web": {"weights": {"blue": 99.5}, "who": "Zoë"}}
        entries.append(sealed(Entry("service/web", seq, datetime(2026, 11, 23, tzinfo=UTC), "alice", "promoted", "tested", patch, before)))
    return [dict(entry(one)) for one in reversed(entries)]


def a_condition(name: str, answer: str, reason: str) -> dict[str, Any]:
    return {"name": name, "outcome": "healthy", "answer": answer, "reason": reason, "numbers": {}}


def well(api: FakeApi, *services: dict[str, Any]) -> FakeApi:
    """A server that tells of these services, and of nothing that is wrong."""
    mine = {"id": TOKEN_ID, "name": "ci", "role": "admin", "services": "*", "created_at": ago(days=5), "expires_at": ago(days=-85)}
    api.on("GET", "/healthz", {"status": "ok"}).on("GET", "/openapi.json", {"info": {"version": "1"}})
    api.on("GET", "/v1/services", a_list(*services)).on("GET", "/v1/tokens", a_list(mine)).on("GET", "/v1/rejections", a_list())
    api.on("GET", "/v1/audit", a_list(*a_chain()))
    for service in services:
        path = f"/v1/services/{service['name']}"
        api.on("GET", path, service).on("GET", f"{path}/releases", a_list()).on("GET", f"{path}/explain", {"items": [a_condition("paused", "passed", "not paused")]})
    return api


def outcomes(ran: Ran) -> dict[str, str]:
    """The worst of each check, by `web rules` or `api`."""
    ranks = ("ok", "unknown", "warning", "problem")
    found: dict[str, str] = {}
    for check in ran.json["checks"]:
        name = " ".join(part for part in (check["service"], check["name"]) if part)
        found[name] = max(found.get(name, "ok"), check["outcome"], key=ranks.index)
    return found


def told(ran: Ran, name: str) -> str:
    """What a check says and advises."""
    return "\n".join(f"{check['said']}; {check['remedy']}" for check in ran.json["checks"] if check["name"] == name)


def faults(found: Iterable[Finding]) -> list[Finding]:
    return [one for one in found if one.outcome != "ok"]


def only(found: Iterable[Finding]) -> tuple[str, str]:
    """Of the one fault that there is: its outcome, and all its words."""
    [one] = faults(found)
    assert one.remedy, one
    return str(one.outcome), f"{one.said}; {one.remedy}"
