"""What a recorded call asks of IAM: actions on resources, with what conditions may look at. As AWS would; nothing here is enforced locally.

Where an operation asks for more than the action of its name, that is by AWS's documentation: the roles that are passed on, what an
instance needs that is launched by a template, the object that Lambda fetches for who asks.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property, lru_cache
from typing import Any

from tests.infra.permitting import Request
from turnout.local.addresses import ACCOUNT, REGION
from turnout.local.embedded import BUCKET, DUE_QUEUE, LOG_BUCKET, PROBE_QUEUE, TABLE

Call = Mapping[str, Any]
Parameters = Mapping[str, Any]
Asked = Iterator[Request]

SERVICE_TAG = "aws:ResourceTag/turnout:service"


def arn(service: str, rest: str, region: str = REGION, account: str = ACCOUNT) -> str:
    return f"arn:aws:{service}:{region}:{account}:{rest}"


NAMES = {
    "AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::StackName": "turnout-local",
    "Ledger.Arn": arn("dynamodb", f"table/{TABLE}"), "Ledger.StreamArn": arn("dynamodb", f"table/{TABLE}/stream/1"),
    "ArtifactBucket.Arn": arn("s3", BUCKET, "", ""), "AccessLogBucket": LOG_BUCKET, "DueQueue.Arn": arn("sqs", DUE_QUEUE), "ProbeQueue.Arn": arn("sqs", PROBE_QUEUE),
    "EventsDeadLetters.Arn": arn("sqs", "events-dead-letters"), "StreamDeadLetters.Arn": arn("sqs", "stream-dead-letters"),
}  # fmt: skip
"""What stands on the local stack for what the policies refer to."""
_PREFIXES = {"elbv2": "elasticloadbalancing"}
# They know no resource. That RegisterTaskDefinition is one of them is seen to where it is asked about.
_ANYWHERE = {
    "application-autoscaling:DescribeScalableTargets", "autoscaling:DescribeAutoScalingGroups", "autoscaling:DescribeInstanceRefreshes",
    "autoscaling:DescribeScalingActivities", "cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData", "ec2:DescribeLaunchTemplateVersions",
    "ecs:DescribeTaskDefinition",
    "elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeLoadBalancers", "elasticloadbalancing:DescribeRules",
    "elasticloadbalancing:DescribeTargetGroupAttributes", "elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth",
    "ssm:DescribeParameters",
}  # fmt: skip
_ON_GROUPS = {
    "autoscaling:CancelInstanceRefresh", "autoscaling:SetInstanceProtection", "autoscaling:StartInstanceRefresh", "autoscaling:UpdateAutoScalingGroup",
}  # fmt: skip
_LAUNCHED = {"instance", "network-interface", "volume"}
# Those that ask for the action of their name on the resources that these find.
_ON: dict[str, Callable[[Parameters], Iterable[str]]] = {
    "dynamodb:GetItem": lambda asked: [_table(asked)],
    "dynamodb:PutItem": lambda asked: [_table(asked)],
    "dynamodb:DeleteItem": lambda asked: [_table(asked)],
    "dynamodb:BatchGetItem": lambda asked: [arn("dynamodb", f"table/{name}") for name in asked["RequestItems"]],
    "dynamodb:Query": lambda asked: [_table(asked) + (f"/index/{asked['IndexName']}" if "IndexName" in asked else "")],
    "ecr:BatchGetImage": lambda asked: [_repository(asked)],
    "ecr:DescribeImages": lambda asked: [_repository(asked)],
    "ecr:DescribeRepositories": lambda asked: [arn("ecr", f"repository/{name}") for name in asked["repositoryNames"]],
    "ecr:GetDownloadUrlForLayer": lambda asked: [_repository(asked)],
    "ecs:DescribeServices": lambda asked: [arn("ecs", f"service/{asked['cluster']}/{name}") for name in asked["services"]],
    "ecs:ListServiceDeployments": lambda asked: [_ecs_service(asked)],
    "elasticloadbalancing:DeregisterTargets": lambda asked: [asked["TargetGroupArn"]],
    "elasticloadbalancing:ModifyRule": lambda asked: [asked["RuleArn"]],
    "elasticloadbalancing:RegisterTargets": lambda asked: [asked["TargetGroupArn"]],
    "ssm:GetParameter": lambda asked: [_parameter(asked)],
    "ssm:PutParameter": lambda asked: [_parameter(asked)],
}


class Asking:
    """Knows of the local stack what is not in a call: tags, and what launch templates say. `client` makes its clients."""

    def __init__(self, client: Callable[[str], Any]) -> None:
        self._client = lru_cache(client)
        self.template = lru_cache(self._template)
        self._more: dict[str, Callable[[Parameters], Asked]] = {
            "application-autoscaling:RegisterScalableTarget": self._scalable_target,
            "autoscaling:StartInstanceRefresh": self._group_launching,
            "autoscaling:UpdateAutoScalingGroup": self._group_launching,
            "dynamodb:TransactWriteItems": self._transaction,
            "ec2:CreateLaunchTemplateVersion": lambda asked: iter([self._on_template("ec2:CreateLaunchTemplateVersion", asked["LaunchTemplateId"])]),
            "ecs:DescribeServiceRevisions": self._revisions,
            "ecs:RegisterTaskDefinition": self._task_definition,
            "ecs:UpdateService": self._ecs_update,
            "s3:GetObject": lambda asked: iter([_object("GetObject", asked["Bucket"], asked["Key"], asked.get("VersionId"))]),
            "s3:HeadObject": lambda asked: iter([_object("GetObject", asked["Bucket"], asked["Key"], asked.get("VersionId"))]),
            "s3:ListObjectVersions": lambda asked: iter([Request("s3:ListBucketVersions", arn("s3", asked["Bucket"], "", ""))]),
            "secretsmanager:DescribeSecret": self._secret,
            "sqs:SendMessageBatch": lambda asked: iter([Request("sqs:SendMessage", arn("sqs", asked["QueueUrl"].rpartition("/")[2]))]),
        }

    def of(self, call: Call) -> list[Request]:
        """Raises `KeyError` for an operation of which nobody has said yet what it asks."""
        service, operation, parameters = call["service"], call["operation"], call["parameters"]
        action = f"{_PREFIXES.get(service, service)}:{operation}"
        if action in _ANYWHERE:
            return [Request(action)]
        if action in _ON:
            return [Request(action, resource) for resource in _ON[action](parameters)]
        if action in self._more:
            return [*self._more[action](parameters)]
        if service == "lambda":
            return [*self._function(operation, parameters)]
        return [*self._group(action, parameters)]

    @cached_property
    def _groups(self) -> dict[str, dict[str, Any]]:
        return {each["AutoScalingGroupName"]: each for each in self._client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]}

    def _template(self, template: str, version: str) -> dict[str, Any]:
        found = self._client("ec2").describe_launch_template_versions(LaunchTemplateId=template, Versions=[version])
        data: dict[str, Any] = found["LaunchTemplateVersions"][0]["LaunchTemplateData"]
        return data

    def _on_template(self, action: str, template: str) -> Request:
        [found] = self._client("ec2").describe_launch_templates(LaunchTemplateIds=[template])["LaunchTemplates"]
        return Request(action, arn("ec2", f"launch-template/{template}"), _tagged(found.get("Tags", [])))

    def _group(self, action: str, asked: Parameters) -> Asked:
        group = self._groups[asked["AutoScalingGroupName"]]
        if action not in _ON_GROUPS:
            raise KeyError(action)
        yield Request(action, group["AutoScalingGroupARN"], _tagged(group["Tags"]))

    def _group_launching(self, asked: Parameters) -> Asked:
        """A group is only put on a version by who could launch its instances."""
        refreshing = asked.get("DesiredConfiguration")
        yield from self._group("autoscaling:StartInstanceRefresh" if refreshing else "autoscaling:UpdateAutoScalingGroup", asked)
        if template := (refreshing or asked).get("LaunchTemplate"):
            yield from self._launching(template["LaunchTemplateId"], template["Version"], self._groups[asked["AutoScalingGroupName"]])

    def _launching(self, template: str, version: str, group: Mapping[str, Any]) -> Asked:
        said = self.template(template, version)
        by = {"ec2:LaunchTemplate": arn("ec2", f"launch-template/{template}"), "ec2:IsLaunchTemplateResource": "true"}
        yield self._on_template("ec2:RunInstances", template)
        made = [arn("ec2", f"{kind}/*") for kind in _LAUNCHED]
        named = [arn("ec2", f"image/{said['ImageId']}", account=""), *(arn("ec2", f"security-group/{each}") for each in said.get("SecurityGroupIds", []))]
        yield from (Request("ec2:RunInstances", each, by) for each in (*made, *named))
        subnets = group["VPCZoneIdentifier"].split(",")
        yield from (Request("ec2:RunInstances", arn("ec2", f"subnet/{each}"), by | {"ec2:IsLaunchTemplateResource": "false"}) for each in subnets)
        for kind in _LAUNCHED & {each["ResourceType"] for each in said.get("TagSpecifications", [])}:
            yield Request("ec2:CreateTags", arn("ec2", f"{kind}/*"), {"ec2:CreateAction": "RunInstances"})
        if profile := said.get("IamInstanceProfile"):
            found = self._client("iam").get_instance_profile(InstanceProfileName=profile.get("Name") or profile["Arn"].rpartition("/")[2])
            yield from (_passing(role["Arn"], "ec2.amazonaws.com") for role in found["InstanceProfile"]["Roles"])

    def _scalable_target(self, asked: Parameters) -> Asked:
        service = "application-autoscaling"
        context = {f"{service}:service-namespace": asked["ServiceNamespace"], f"{service}:scalable-dimension": asked["ScalableDimension"]}
        yield Request(f"{service}:RegisterScalableTarget", arn(service, "scalable-target/0a1b2c"), context)

    def _ecs_update(self, asked: Parameters) -> Asked:
        [found] = self._client("ecs").describe_services(cluster=asked["cluster"], services=[asked["service"]], include=["TAGS"])["services"]
        yield Request("ecs:UpdateService", _ecs_service(asked), _tagged({"Key": tag["key"], "Value": tag["value"]} for tag in found.get("tags", [])))

    def _task_definition(self, asked: Parameters) -> Asked:
        yield Request("ecs:RegisterTaskDefinition")
        if asked.get("tags"):
            yield Request("ecs:TagResource", arn("ecs", f"task-definition/{asked['family']}:*"), {"ecs:CreateAction": "RegisterTaskDefinition"})
        for role in {asked[name] for name in ("taskRoleArn", "executionRoleArn") if asked.get(name)}:
            yield _passing(role, "ecs-tasks.amazonaws.com")

    def _revisions(self, asked: Parameters) -> Asked:
        for revision in asked["serviceRevisionArns"]:
            yield Request("ecs:DescribeServiceRevisions", revision)
            yield Request("ecs:DescribeServiceRevisions", revision.replace(":service-revision/", ":service/").rpartition("/")[0])

    def _function(self, operation: str, asked: Parameters) -> Asked:
        function = asked["FunctionName"]
        whole = function if function.startswith("arn:") else arn("lambda", f"function:{function}")
        qualified = f"{whole}:{asked['Qualifier']}" if "Qualifier" in asked else whole
        tags = self._client("lambda").get_function(FunctionName=function).get("Tags", {})
        context = {SERVICE_TAG: tags["turnout:service"]} if "turnout:service" in tags else {}
        if operation == "AddPermission":
            context["lambda:Principal"] = asked["Principal"]
        yield Request(f"lambda:{'InvokeFunction' if operation == 'Invoke' else operation}", qualified, context)
        if operation == "UpdateFunctionCode":
            yield _object("GetObject", asked["S3Bucket"], asked["S3Key"], asked.get("S3ObjectVersion"))

    def _secret(self, asked: Parameters) -> Asked:
        yield Request("secretsmanager:DescribeSecret", self._client("secretsmanager").describe_secret(SecretId=asked["SecretId"])["ARN"])

    def _transaction(self, asked: Parameters) -> Asked:
        for item in asked["TransactItems"]:
            for kind, what in item.items():
                yield Request({"Put": "dynamodb:PutItem", "Delete": "dynamodb:DeleteItem"}[kind], _table(what))


def _tagged(tags: Iterable[Mapping[str, str]]) -> dict[str, str]:
    return {f"aws:ResourceTag/{tag['Key']}": tag["Value"] for tag in tags}


def _passing(role: str, service: str) -> Request:
    return Request("iam:PassRole", role, {"iam:PassedToService": service})


def _object(action: str, bucket: str, key: str, version: str | None) -> Request:
    """Every bucket of the local stack is its own account's."""
    return Request(f"s3:{action}{'Version' if version else ''}", arn("s3", f"{bucket}/{key}", "", ""), {"s3:ResourceAccount": ACCOUNT})


def _table(asked: Parameters) -> str:
    return arn("dynamodb", f"table/{asked['TableName']}")


def _repository(asked: Parameters) -> str:
    return arn("ecr", f"repository/{asked['repositoryName']}")


def _parameter(asked: Parameters) -> str:
    return arn("ssm", f"parameter/{asked['Name'].lstrip('/')}")


def _ecs_service(asked: Parameters) -> str:
    return arn("ecs", f"service/{asked['cluster']}/{asked['service']}")
