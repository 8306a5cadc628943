"""A stage with ECS on it: corrected, with a repository, a cluster, and the words the tests set services up with."""

import itertools
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.local.an_image import push
from tests.local.stage import Listening, Stage, eventually, forward
from turnout.local import corrections

CLUSTER, REPOSITORY = "turnout", "web"
BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
APP = """
import http.server, json, os, signal, sys, threading, time

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/slow":
            time.sleep(1.5)
        told = {"release": os.environ["RELEASE"], "pid": os.getpid(), "cwd": os.getcwd(), "environ": dict(os.environ)}
        body = json.dumps(told).encode()
        self.send_response(500 if os.environ.get("SICK") and self.path == "/health" else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass

class Server(http.server.ThreadingHTTPServer):
    daemon_threads = False  # closing waits for requests that are being answered

server = Server(("127.0.0.1", int(os.environ["PORT"])), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
print("release", os.environ["RELEASE"], flush=True)
server.serve_forever()
server.server_close()
"""
GRACEFUL = "signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())"
DEAF = """
import subprocess
signal.signal(signal.SIGTERM, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
"""

_numbers = itertools.count(1)


@dataclass
class Service:
    """An ECS service with a target group and a listener whose requests all go to it."""

    ecs: "Ecs"
    name: str
    group: str
    listening: Listening

    def described(self) -> dict[str, Any]:
        found: dict[str, Any] = self.ecs.client.describe_services(cluster=CLUSTER, services=[self.name])["services"][0]
        return found

    def primary(self) -> dict[str, Any]:
        [found] = [each for each in self.described()["deployments"] if each["status"] == "PRIMARY"]
        return found

    def update(self, **how: Any) -> dict[str, Any]:
        updated: dict[str, Any] = self.ecs.client.update_service(cluster=CLUSTER, service=self.name, **how)["service"]
        return updated

    def settled(self, deployment: str | None = None, *, within: float = 20) -> dict[str, Any]:
        """The primary, once it is complete (and is the one that is meant)."""
        eventually(lambda: self.primary()["rolloutState"] == "COMPLETED" and deployment in {None, self.primary()["id"]}, within=within)
        return self.primary()

    def tasks(self, status: str = "RUNNING") -> list[dict[str, Any]]:
        arns = self.ecs.client.list_tasks(cluster=CLUSTER, serviceName=self.name, desiredStatus=status)["taskArns"]
        found: list[dict[str, Any]] = self.ecs.client.describe_tasks(cluster=CLUSTER, tasks=arns)["tasks"] if arns else []
        return found

    def history(self) -> list[dict[str, Any]]:
        arns = [each["serviceDeploymentArn"] for each in self.ecs.client.list_service_deployments(cluster=CLUSTER, service=self.name)["serviceDeployments"]]
        found: list[dict[str, Any]] = self.ecs.client.describe_service_deployments(serviceDeploymentArns=arns)["serviceDeployments"]
        return found

    def says(self) -> list[str]:
        return [each["message"] for each in self.described()["events"]]

    def release(self) -> str:
        answer = self.listening.ask()
        return str(answer.json["release"]) if answer.status == 200 else str(answer.status)


@dataclass
class Ecs:
    stage: Stage
    told: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    @contextmanager
    def opened(cls, work_dir: Path) -> Iterator["Ecs"]:
        stage = Stage.opened(work_dir)
        ecs = cls(stage)
        try:
            with corrections.apply(plane=stage.plane, deliver=lambda _, event: ecs.told.append(event)):
                ecs.client.create_cluster(clusterName=CLUSTER)
                stage.client("ecr").create_repository(repositoryName=REPOSITORY)
                ecs.listen()
                yield ecs
        finally:
            stage.close()

    @property
    def client(self) -> Any:
        return self.stage.client("ecs")

    def listen(self) -> None:
        """To everything that ECS says on the default bus."""
        events = self.stage.client("events")
        events.put_rule(Name="ecs", EventPattern=json.dumps({"source": ["aws.ecs"]}))
        events.put_targets(Rule="ecs", Targets=[{"Id": "1", "Arn": f"arn:aws:lambda:{self.stage.region}:123456789012:function:told"}])

    def image(self, app: str = APP, **config: Any) -> str:
        how = {"Cmd": ["python", "app.py"], "WorkingDir": "/srv"} | config
        return push(self.stage.client("ecr"), REPOSITORY, f"v{next(_numbers)}", {"srv/app.py": app, "srv/data.txt": "data"}, **how)

    def definition(self, release: str, image: str | None = None, *, family: str = "web", settings: dict[str, str] | None = None, **container: Any) -> str:
        environment = {"RELEASE": release, "PORT": "8080", **(settings or {})}
        made = {
            "name": "app",
            "image": image or self.image(),
            "portMappings": [{"containerPort": 8080}],
            "environment": [{"name": name, "value": value} for name, value in environment.items()],
            **container,
        }
        fargate = {"networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512"}
        arn: str = self.client.register_task_definition(family=family, containerDefinitions=[made], **fargate)["taskDefinition"]["taskDefinitionArn"]
        return arn

    def service(self, definition: str, *, desired: int = 1, delay: int = 0, **how: Any) -> Service:
        name = f"web-{next(_numbers)}"
        group = self.stage.ip_group(delay=delay)
        quick = {"HealthCheckIntervalSeconds": 1, "HealthCheckTimeoutSeconds": 1, "UnhealthyThresholdCount": 3}
        self.stage.client("elbv2").modify_target_group(TargetGroupArn=group, **quick)  # equal: refused of a new group
        listening = self.stage.listener(forward(group))
        subnet = self.stage.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
        self.client.create_service(
            cluster=CLUSTER,
            serviceName=name,
            taskDefinition=definition,
            desiredCount=desired,
            launchType="FARGATE",
            networkConfiguration={"awsvpcConfiguration": {"subnets": [subnet]}},
            loadBalancers=[{"targetGroupArn": group, "containerName": "app", "containerPort": 8080}],
            **{"deploymentConfiguration": BREAKER, "healthCheckGracePeriodSeconds": 3, **how},
        )
        return Service(self, name, group, listening)


def alive_in_group(pid: int) -> bool:
    """Whether any process is left of the group that it leads, or led."""
    try:
        os.killpg(pid, 0)
    except ProcessLookupError:
        return False
    return True
