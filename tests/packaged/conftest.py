"""The package of `make package`, deployed once on an emulator of its own and used by every test here. `make packaged` runs them."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaged import doors
from tests.packaged import emulator as emulators
from tests.packaged.api import Api
from tests.packaged.deployment import Deployment, deployed
from tests.packaged.emulator import Emulator
from tests.packaged.service import Service

ROOT = Path(__file__).resolve().parents[2]
PACKAGE, BALANCER = ROOT / "build" / "package", "shared"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--emulator", metavar="PYTHON", help="the Python of an environment with tests/packaged/requirements.txt")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    skip = pytest.mark.skip(reason="needs the package and ministack, which has an environment of its own: run `make packaged`")
    patient = pytest.mark.timeout(900)  # whole rollouts on a busy machine; each wait has a bound of its own
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(patient if config.getoption("--emulator", default=None) else skip)


@pytest.fixture(scope="session")
def python(request: pytest.FixtureRequest) -> Path:
    return Path(request.config.getoption("--emulator")).absolute()


@pytest.fixture(scope="session")
def emulator(python: Path) -> Iterator[Emulator]:
    folder = ROOT / "build" / "packaged"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with emulators.running(python, folder) as running:
        yield running


@pytest.fixture(scope="session")
def deployment(emulator: Emulator) -> Deployment:
    return deployed(emulator, PACKAGE)


@pytest.fixture(scope="session")
def admin(deployment: Deployment) -> Api:
    """With the first administrator's token, made as anybody makes it."""
    said = turnout(deployment.emulator, "token", "bootstrap", "--table", deployment.outputs["LedgerTable"], "--json")
    return Api(deployment.emulator.http, deployment.url, json.loads(said)["token"])


@pytest.fixture(scope="session")
def listeners(emulator: Emulator) -> Iterator[list[str]]:
    """Two of one load balancer, which anybody has before there is a service."""
    elb, subnets = emulator.client("elbv2"), emulator.client("ec2").describe_subnets()["Subnets"][:2]
    [balancer] = elb.create_load_balancer(Name=BALANCER, Subnets=[subnet["SubnetId"] for subnet in subnets])["LoadBalancers"]
    nothing = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]
    with doors.opened(emulator, BALANCER, 2) as ports:
        made = [elb.create_listener(LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=port, DefaultActions=nothing) for port in ports]
        yield [one["Listeners"][0]["ListenerArn"] for one in made]


@pytest.fixture(scope="session")
def web(deployment: Deployment, admin: Api, listeners: list[str]) -> Service:
    """A service made by the command that makes services, which deploys a stack of its own."""
    runtime = f"Runtime=python{sys.version_info.major}.{sys.version_info.minor}"
    place = ("--listener", listeners[0], "--host", "localhost", "--priority", "10", "--parameter", runtime)
    staging = ("--staging-listener", listeners[1], "--staging-host", "localhost", "--staging-priority", "10")
    turnout(deployment.emulator, "service", "create", "web", "--runtime", "lambda", *place, *staging, TURNOUT_URL=admin.url, TURNOUT_TOKEN=admin.token or "")
    service = Service("web", deployment, admin)
    service.change(
        rollout={"strategy": "canary", "steps": [{"weight": 50, "hold_seconds": 5}], "watch_seconds": 10, "deadline_seconds": 900},
        checks={"probe": {"path": "/", "every_seconds": 1, "timeout_seconds": 5}},
    )
    return service


def turnout(emulator: Emulator, *arguments: str, **environ: str) -> str:
    """The command, in a process of its own, which finds the emulator where it would find AWS."""
    command = (sys.executable, "-m", "turnout", *arguments)
    # Somewhere else than where a local stack may have been started, which the command would find.
    done = subprocess.run(command, cwd=emulator.folder, env=emulator.environ | environ, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
