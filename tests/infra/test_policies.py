"""Each function may do what its code calls, on our own resources, and no more. What it does in a running stack is in tests/local/test_permissions.py."""

import pytest

from tests.infra.policies import BY_LAMBDA, CHANGES, FUNCTIONS, LARGEST, NAMES, PASSES, allowed, allowing, policy, size
from tests.infra.reaching import called

# Actions that know no resource, by the service authorization reference.
ANY_RESOURCE = {
    "application-autoscaling:DescribeScalableTargets",
    "autoscaling:DescribeAutoScalingGroups",
    "autoscaling:DescribeInstanceRefreshes",
    "autoscaling:DescribeScalingActivities",
    "cloudwatch:DescribeAlarms",  # it knows alarms, but tells composite ones only to those who may read all
    "cloudwatch:GetMetricData",
    "dynamodb:ListStreams",
    "ec2:DescribeLaunchTemplateVersions",
    "ecs:DescribeTaskDefinition",
    "ecs:RegisterTaskDefinition",  # what it registers is bounded by the roles it may pass on
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeRules",
    "elasticloadbalancing:DescribeTargetGroupAttributes",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
    "ssm:DescribeParameters",
    "xray:PutTelemetryRecords",
    "xray:PutTraceSegments",
}
# Which methods of which adapters each function reaches; what those call in their turn is read from the files.
ROUTER, METRICS, SWITCH, HOOK = "chalicelib/traffic/alb.py", "chalicelib/health/cloudwatch.py", "chalicelib/cutover/ssm.py", "chalicelib/hooks/lambda_.py"
RUNTIMES = tuple(f"chalicelib/runtimes/{kind}/runtime.py" for kind in ("autoscaling", "ecs", "lambda_"))
LAMBDA = RUNTIMES[-1]
ALARMS = "chalicelib/health/cloudwatch_alarms.py"
SECRETS = (("chalicelib/config/ssm.py", "versions"), ("chalicelib/config/secretsmanager.py", "versions"))


def on_any(*methods: str) -> tuple[tuple[str, str], ...]:
    """Of whichever runtime a service has."""
    return tuple((runtime, method) for runtime in RUNTIMES for method in methods)


LOOKS = (
    (ROUTER, "look"), (ROUTER, "set_weights"), ("chalicelib/health/target_health.py", "read"), (METRICS, "read"), (ALARMS, "read"), (SWITCH, "read"),
    *on_any("standing", "sizes"), *SECRETS,
)  # fmt: skip
PASS = (*LOOKS, (ROUTER, "point_staging"), *on_any("prepare", "resize"), (SWITCH, "set"), (HOOK, "call"))
S3, ECR = "chalicelib/releases/s3.py", "chalicelib/releases/ecr.py"
IMAGE = ((ECR, "find"), (ECR, "labels"))
SURVEY = ((ROUTER, "survey"), *on_any("survey"), (HOOK, "survey"), (ECR, "survey"))
DUE, PROBES = ("chalicelib/deployments/sqs.py", "send_due"), ("chalicelib/deployments/sqs.py", "send_probes")
REACHED: dict[str, tuple[tuple[str, str], ...]] = {
    "api_handler": (*LOOKS, *SURVEY, (S3, "fetch"), (S3, "exists"), *IMAGE, (ECR, "exists")),
    "authorize": (),
    "on_access_log": ((S3, "fetch"), DUE),
    "on_alarm": (DUE,),
    "on_artifact": ((S3, "fetch"),),
    "on_change": (DUE,),
    "on_ecs_deployment": (DUE,),
    "on_image": IMAGE,
    "on_due": (*PASS, PROBES),
    "on_probe_due": (*PASS, PROBES),
    "reconcile": ((S3, "fetch"), (S3, "versions"), (ECR, "tagged"), (ECR, "labels")),
    "tick": (DUE, PROBES),
}
# What each function does with the ledger: the port's methods, and what they need of the table. A change with deletions needs more.
LEDGER = {
    "find": "GetItem", "find_many": "BatchGetItem", "list": "Query", "due": "Query",
    "commit": "PutItem", "note": "PutItem", "claim": "PutItem", "deletions": "DeleteItem", "release": "DeleteItem",
}  # fmt: skip
KEEPS: dict[str, tuple[str, ...]] = {
    "api_handler": ("find", "find_many", "list", "commit", "note", "deletions"),
    "authorize": ("find",),
    "on_access_log": ("find", "find_many", "note", "claim", "release"),
    "on_alarm": ("list",),
    "on_artifact": ("find_many", "commit"),
    "on_change": (),
    "on_ecs_deployment": ("find_many",),
    "on_image": ("list", "find_many", "commit"),
    "on_due": ("find", "find_many", "commit", "note"),
    "on_probe_due": ("find", "find_many", "commit", "note", "claim", "release"),
    "reconcile": ("find", "find_many", "list", "commit", "note"),
    "tick": ("due",),
}


def needed(function: str) -> set[str]:
    reached = {action for file, method in REACHED[function] for action in called(file, method)}
    return reached | {f"dynamodb:{LEDGER[method]}" for method in KEEPS[function]} | BY_LAMBDA[function]


def changes(function: str, *services: str) -> set[str]:
    parted = (action.partition(":") for action in allowed(function))
    return {f"{service}:{operation}" for service, _, operation in parted if service in services and operation.startswith(CHANGES)}


class TestPolicies:
    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_nothing_is_allowed_in_general(self, function: str):
        for statement in policy(function):
            assert all("*" not in action for action in statement["Action"])
            if statement["Effect"] == "Allow" and "*" in (statement["Resource"], *statement["Resource"]):
                assert set(statement["Action"]) <= ANY_RESOURCE

    def test_nothing_is_reviewed_that_nobody_may(self):
        assert {action for function in FUNCTIONS for one in policy(function) if one["Resource"] == "*" for action in one["Action"]} == ANY_RESOURCE

    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_a_statement_says_what_it_is_for(self, function: str):
        names = [statement["Sid"] for statement in policy(function)]

        assert len(names) == len(set(names))

    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_what_a_function_needs_is_allowed_and_nothing_else(self, function: str):
        assert allowed(function) == needed(function)

    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_a_policy_fits_into_a_role(self, function: str):
        assert size(function, NAMES) <= LARGEST

    def test_a_prober_may_do_what_a_pass_may(self):
        """It is a pass that an answer of a probe starts; beside it a prober keeps its claim, and has a queue and a log of its own."""
        own = {"OwnLog", "TakeMessages", "WriteLedger"}
        shared = {function: [one for one in policy(function) if one["Sid"] not in own] for function in PASSES}

        assert shared["on_due"] == shared["on_probe_due"]
        assert allowed("on_probe_due") - allowed("on_due") == {"dynamodb:DeleteItem"}

    def test_nobody_scans_and_nobody_deletes_what_is_kept(self):
        deleting = {action for function in FUNCTIONS for action in allowed(function) if action.partition(":")[2].startswith(("Delete", "Terminate", "Scan"))}

        assert deleting == {"dynamodb:DeleteItem", "lambda:DeleteProvisionedConcurrencyConfig", "sqs:DeleteMessage"}

    def test_only_passes_change_what_a_service_runs_on(self):
        """A command of the API may move weights, and nothing else of a service."""
        running = ("application-autoscaling", "autoscaling", "ec2", "ecs", "iam", "lambda", "ssm")
        balancing = {action for action in allowed("api_handler") if action.startswith("elasticloadbalancing:") and "Describe" not in action}

        assert {function for function in FUNCTIONS if changes(function, *running)} == set(PASSES)
        assert balancing == {"elasticloadbalancing:ModifyRule"}

    def test_only_passes_invoke_functions_and_only_hooks(self):
        invoking = {function: one for function in FUNCTIONS for one in allowing(function, "lambda:InvokeFunction")}

        assert set(invoking) == set(PASSES)
        assert all(statement["Resource"]["Fn::Sub"].endswith(":function:turnout-hook-*") for statement in invoking.values())

    def test_the_authorizer_only_reads_the_ledger(self):
        touched = {action for action in allowed("authorize") if not action.startswith(("logs:", "xray:"))}

        assert touched <= {"dynamodb:GetItem", "dynamodb:BatchGetItem"}

    @pytest.mark.parametrize("function", [name for name in FUNCTIONS if any("lambda:Update" in action for action in allowed(name))])
    def test_turnout_never_changes_its_own_functions(self, function: str):
        [denied] = [statement for statement in policy(function) if statement["Effect"] == "Deny"]

        assert denied["Resource"]["Fn::Sub"].endswith("function:${AWS::StackName}-*")
        assert changes(function, "lambda") == set(denied["Action"])


class TestCalls:
    def test_are_found_through_the_files(self):
        assert called(ROUTER, "look") == {"elasticloadbalancing:DescribeRules"}
        assert called(LAMBDA, "standing") == {"lambda:GetFunctionConfiguration", "lambda:GetProvisionedConcurrencyConfig"}
        assert "elasticloadbalancing:RegisterTargets" in called(LAMBDA, "prepare")
        assert "elasticloadbalancing:DescribeTargetGroupAttributes" in called(ROUTER, "survey")

    def test_are_found_through_classes_modules_and_what_is_remembered(self):
        autoscaling, ecs, _ = RUNTIMES

        assert called(ecs, "standing") == {"ecs:DescribeServices", "ecs:DescribeTaskDefinition"}
        assert called(ecs, "survey") == {"ecs:DescribeServices", "ecs:DescribeTaskDefinition", "elasticloadbalancing:DescribeTargetGroups"}
        assert called(autoscaling, "standing") == {"autoscaling:DescribeAutoScalingGroups", "ec2:DescribeLaunchTemplateVersions"}
        assert {"autoscaling:CancelInstanceRefresh", "iam:PassRole"} < called(autoscaling, "prepare")
