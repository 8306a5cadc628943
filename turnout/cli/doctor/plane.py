"""What the control plane stands on: alarms, dead letters, bucket and table, found by its CloudFormation stack or the local stack's state."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from turnout.cli.aws import local_stack
from turnout.cli.connection import same_server
from turnout.cli.context import Context
from turnout.cli.doctor.clients import Clients, found
from turnout.cli.doctor.findings import Finding, ok, problem, unknown, warning
from turnout.cli.exits import Failure

_ALARMS_AT_ONCE = 100
_REMEDIES = {
    "NeedsHumanAlarm": "`turnout explain SERVICE` names the ways out",
    "DriftAlarm": "find out who did it, then `turnout resume SERVICE --drift restore` or `--drift adopt`",
    "DrillAlarm": "`turnout rollback SERVICE --dry-run` says what the drill found",
    "TickSilentAlarm": "look at the log of the function Tick and at its rule in EventBridge",
    "ApiFailsAlarm": "look at the log of the function APIHandler",
}


@dataclass
class Place:
    """What of the control plane could be found. `alarms` are logical ids by the alarms' names."""

    bucket: str | None = None
    table: str | None = None
    dead_letters: tuple[str, ...] = ()
    alarms: dict[str, str] = field(default_factory=dict)


def find(context: Context, clients: Clients, stack: str | None, place: Place) -> Iterator[Finding]:
    """Fills `place`."""
    local = local_stack(context)
    place.bucket = local.artifact_bucket if local else context.environ.get("TURNOUT_BUCKET")
    if local:
        _find_local(clients, place)
        yield ok("the local stack, without alarms and backups")
        return
    described = _stack(clients, stack, context.connection.url)
    if described is None and stack:
        yield problem(f"there is no stack {stack} in {clients.region or clients.home}", "give another --stack, or the --region that it is in")
    elif described is None:
        yield unknown("no CloudFormation stack says that this server is its EndpointURL", "name the control plane's with --stack, or give --region")
    else:
        _find_in(clients, described, place)
        yield ok(f"stack {described['StackName']} is {described['StackStatus']}")


def _find_local(clients: Clients, place: Place) -> None:
    from turnout.local.embedded import DEAD_LETTERS, DUE_QUEUE, PROBE_QUEUE

    sqs = clients("sqs")
    place.dead_letters = tuple(sqs.get_queue_url(QueueName=name + DEAD_LETTERS)["QueueUrl"] for name in (DUE_QUEUE, PROBE_QUEUE))


def _stack(clients: Clients, name: str | None, url: str) -> Any:
    cloudformation = clients("cloudformation")
    if name:
        described = found(cloudformation.describe_stacks, "ValidationError", StackName=name)
        return described["Stacks"][0] if described else None
    stacks = cloudformation.get_paginator("describe_stacks").paginate().search("Stacks[]")
    return next((stack for stack in stacks if _is_at(stack, url)), None)


def _is_at(stack: dict[str, Any], url: str) -> bool:
    address = _outputs(stack).get("EndpointURL", "")
    try:
        return same_server(address, url)
    except Failure:
        return False


def _outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _find_in(clients: Clients, stack: dict[str, Any], place: Place) -> None:
    told = _outputs(stack)
    place.bucket, place.table = told.get("ArtifactBucketName", place.bucket), told.get("LedgerTable")
    place.dead_letters = tuple(told.get("DeadLetters", "").split())
    pages = clients("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack["StackName"])
    kept = [each for each in pages.search("StackResourceSummaries[]") if each["ResourceType"] == "AWS::CloudWatch::Alarm"]
    place.alarms = {each["PhysicalResourceId"]: each["LogicalResourceId"] for each in kept}


def alarms(clients: Clients, place: Place) -> Iterator[Finding]:
    names = sorted(place.alarms)
    for start in range(0, len(names), _ALARMS_AT_ONCE):
        told = clients("cloudwatch").describe_alarms(AlarmNames=names[start : start + _ALARMS_AT_ONCE])["MetricAlarms"]
        for alarm in told:
            logical = place.alarms[alarm["AlarmName"]]
            if alarm["StateValue"] == "ALARM":
                remedy = _REMEDIES.get(logical, "docs/operating.md says under Alarms what to do")
                yield problem(f"{logical}: {alarm.get('AlarmDescription', 'no description')}", remedy)
            elif not alarm.get("ActionsEnabled", True):
                remedy = f"aws cloudwatch enable-alarm-actions --alarm-names {alarm['AlarmName']}"
                yield warning(f"the actions of {logical} are switched off, so nobody would be told", remedy)
    yield ok(f"none of {len(names)} alarms rings")


def dead_letters(clients: Clients, place: Place) -> Iterator[Finding]:
    for url in place.dead_letters:
        told = clients("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
        number, name = int(told["ApproximateNumberOfMessages"]), url.rpartition("/")[2]
        if number:
            remedy = "the messages name the services; the functions' logs say why; purge the queue when that is mended, for the tick asks again by itself"
            yield warning(f"{number} messages in {name}: passes or events that failed every time", remedy)
    yield ok(f"{len(place.dead_letters)} dead-letter queues are empty")


def bucket(clients: Clients, place: Place) -> Iterator[Finding]:
    s3, name = clients("s3"), place.bucket
    if s3.get_bucket_versioning(Bucket=name).get("Status") != "Enabled":
        remedy = f"aws s3api put-bucket-versioning --bucket {name} --versioning-configuration Status=Enabled"
        yield problem(f"{name} keeps no versions, so an upload over an old one takes away what a rollback needs", remedy)
    if "EventBridgeConfiguration" not in s3.get_bucket_notification_configuration(Bucket=name):
        said = f"{name} tells EventBridge nothing, so an upload is only found by Reconcile, minutes later"
        yield problem(said, f"switch EventBridge on for {name}, in its properties")
    lifecycle = found(s3.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration", Bucket=name) or {}
    for rule in lifecycle.get("Rules", []):
        if rule.get("Status") == "Enabled" and _expires(rule):
            yield problem(f"rule {rule.get('ID', 'without a name')} of {name} expires object versions that a rollback may need", "take its expiration out")
    yield ok(f"{name} keeps every version and tells EventBridge")


def _expires(rule: dict[str, Any]) -> bool:
    """Removing a marker of a deletion, or an unfinished upload, takes no version away."""
    return bool({"Days", "Date"} & set(rule.get("Expiration", {})) or rule.get("NoncurrentVersionExpiration"))


def ledger(clients: Clients, place: Place) -> Iterator[Finding]:
    dynamodb, name = clients("dynamodb"), place.table
    table = dynamodb.describe_table(TableName=name)["Table"]
    backups = dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    recovery = backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus")
    if table["TableStatus"] != "ACTIVE":
        yield problem(f"table {name} is {table['TableStatus']}", "nothing is recorded until it is ACTIVE; the DynamoDB console says what goes on")
    if recovery != "ENABLED":
        point = "--point-in-time-recovery-specification PointInTimeRecoveryEnabled=true"
        yield problem(f"table {name} has no point-in-time recovery", f"aws dynamodb update-continuous-backups --table-name {name} {point}")
    if not table.get("DeletionProtectionEnabled"):
        yield warning(f"table {name} is not protected against deletion", f"aws dynamodb update-table --table-name {name} --deletion-protection-enabled")
    yield ok(f"table {name} is active, protected, and can be restored to any second")


def permissions(clients: Clients) -> Iterator[Finding]:
    """What was refused in passing. What the control plane itself may do shows in what it does: see each service's `tick` and `waits`."""
    refused = sorted(clients.denied)
    if not clients.has_answered:
        yield unknown("AWS answered nothing that was asked here", "see `identity`")
    if refused:
        yield warning(f"AWS refused {', '.join(refused)}", "let these credentials read that (the managed policy ReadOnlyAccess has all of it) and run it again")
    yield ok("AWS refused nothing that was asked here")
