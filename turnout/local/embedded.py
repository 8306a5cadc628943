"""The embedded AWS: moto's server in this process, corrected, with what the control plane needs already made."""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config

from turnout.local.addresses import ACCOUNT, HOST, REGION
from turnout.local.lambda_events import stream_record

log = logging.getLogger(__name__)

BUCKET = "turnout-local-artifacts"
LOG_BUCKET = "turnout-local-logs"
TABLE = "turnout-local"
DUE_QUEUE = "turnout-local-due"
PROBE_QUEUE = "turnout-local-probe"
DEAD_LETTERS = "-dead-letters"
LOAD_BALANCER = "turnout-local"
ROLE = "turnout-local-function"
EVENTS: dict[str, dict[str, Any]] = {
    "on_artifact": {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"bucket": {"name": [BUCKET]}}},
    "on_image": {"source": ["aws.ecr"], "detail-type": ["ECR Image Action"], "detail": {"action-type": ["PUSH"], "result": ["SUCCESS"]}},
    "on_ecs_deployment": {"source": ["aws.ecs"], "detail-type": ["ECS Deployment State Change"]},
    "on_alarm": {"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"]},
    "on_access_log": {"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"bucket": {"name": [LOG_BUCKET]}}},
}
"""Which events a handler takes."""

ANY_CREDENTIALS: dict[str, Any] = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}

Clients = Callable[[str], Any]
"""From the name of an AWS service to a boto3 client for it."""


def clients(endpoint_url: str) -> Clients:
    """Clients of the embedded AWS; any credentials would do."""
    session: Any = boto3.Session(**ANY_CREDENTIALS, region_name=REGION)
    config = Config(retries={"mode": "standard", "max_attempts": 3}, max_pool_connections=50, account_id_endpoint_mode="disabled")
    made: dict[str, Any] = {}
    lock = threading.Lock()

    def client(service: str) -> Any:
        with lock:
            if service not in made:
                made[service] = session.client(service, endpoint_url=endpoint_url, config=config)
            return made[service]

    return client


class EmbeddedAws:
    """moto's server on a free port. Start it, then `furnish` it."""

    def __init__(self) -> None:
        from moto.server import ThreadedMotoServer

        logging.getLogger("werkzeug").setLevel(logging.WARNING)
        self._server = ThreadedMotoServer(ip_address=HOST, port=0, verbose=False)
        self.url = ""

    def start(self) -> None:
        self._server.start()
        self.url = f"http://{HOST}:{self._server.get_host_and_port()[1]}"

    def stop(self) -> None:
        self._server.stop()

    def furnish(self, *, table: dict[str, Any], handlers: Mapping[str, str]) -> None:
        """Make everything the control plane needs. `table` describes its table, `handlers` has the ARNs of those in `EVENTS` that there are.

        The first call to a service imports it, which for ELB takes most of a second, so they are made side by side.
        """
        client = clients(self.url)
        jobs: list[Callable[[], object]] = [
            lambda: _balancer(client),
            lambda: client("dynamodb").create_table(**table),
            lambda: _artifacts(client),
            lambda: _rules(client, handlers),
            lambda: _queue(client, DUE_QUEUE, tries=3),
            lambda: _queue(client, PROBE_QUEUE, tries=2),
            lambda: client("iam").create_role(RoleName=ROLE, AssumeRolePolicyDocument=json.dumps(_trust("lambda.amazonaws.com"))),
            lambda: client("lambda").list_functions(),
            lambda: client("cloudwatch").list_metrics(),
        ]
        with ThreadPoolExecutor(len(jobs)) as pool:
            for done in [pool.submit(job) for job in jobs]:
                done.result()

    def queue_url(self, name: str) -> str:
        return f"{self.url}/{ACCOUNT}/{name}"


def _balancer(client: Clients) -> None:
    ec2 = client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")["Subnet"]["SubnetId"]
        for number, zone in enumerate("ab")
    ]
    _bucket(client, LOG_BUCKET)
    made = client("elbv2").create_load_balancer(Name=LOAD_BALANCER, Subnets=subnets, Type="application", Scheme="internal")
    logs = [{"Key": "access_logs.s3.enabled", "Value": "true"}, {"Key": "access_logs.s3.bucket", "Value": LOG_BUCKET}]
    client("elbv2").modify_load_balancer_attributes(LoadBalancerArn=made["LoadBalancers"][0]["LoadBalancerArn"], Attributes=logs)


def _artifacts(client: Clients) -> None:
    _bucket(client, BUCKET)
    client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})


def _bucket(client: Clients, name: str) -> None:
    """A bucket that tells EventBridge of uploads."""
    client("s3").create_bucket(Bucket=name)
    client("s3").put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}})


def _rules(client: Clients, handlers: Mapping[str, str]) -> None:
    """A rule for each handler, that takes its events to it."""
    events = client("events")
    for name, arn in handlers.items():
        rule = "turnout-local-" + name.replace("_", "-")
        events.put_rule(Name=rule, EventPattern=json.dumps(EVENTS[name]))
        events.put_targets(Rule=rule, Targets=[{"Id": "handler", "Arn": arn}])


def _queue(client: Clients, name: str, *, tries: int) -> None:
    """A queue as infra/control-plane.yaml has it: what was received `tries` times and is still there goes to its dead letters."""
    sqs = client("sqs")
    sqs.create_queue(QueueName=name + DEAD_LETTERS)
    redrive = {"deadLetterTargetArn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}{DEAD_LETTERS}", "maxReceiveCount": tries}
    sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": json.dumps(redrive)})


def _trust(service: str) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}]}


class StreamReader:
    """Hands over the records of the table's stream since it was last asked, as Lambda would get them."""

    KEPT = 1000

    def __init__(self, table: str) -> None:
        self._table = table
        self._next: int | None = None

    def __call__(self) -> list[dict[str, Any]]:
        from moto.dynamodb.models import dynamodb_backends

        from turnout.local.corrections.dynamodb import LOCK

        with LOCK:
            shard = dynamodb_backends[ACCOUNT][REGION].get_table(self._table).stream_shard
            if shard is None:
                return []
            seen = max(0, (self._next or 0) - shard.starting_sequence_number)
            records = [item.to_json() for item in shard.items[seen:]]
            self._next = shard.starting_sequence_number + len(shard.items)
            self._forget(shard)
        return [stream_record(record, self._table) for record in records]

    def _forget(self, shard: Any) -> None:
        """The stream keeps its last records only; moto would keep all."""
        if len(shard.items) > 2 * self.KEPT:
            surplus = len(shard.items) - self.KEPT
            del shard.items[:surplus]
            shard.starting_sequence_number += surplus
