"""What would be deployed: the zip runs by itself, and the template is right."""

import json
import re
import subprocess
import sys
from pathlib import Path

from chalicelib import log
from chalicelib.ledger import items
from chalicelib.settings import Settings
from tests.infra.conftest import ROOT, Package

# Lambda's own order: the zip first, nothing of this environment's packages (-S), its variables or its folder (-I).
ALONE = (sys.executable, "-I", "-S", "-B", "-c")
FUNCTIONS = {"APIHandler", "Authorize", "OnAccessLog", "OnAlarm", "OnArtifact", "OnChange", "OnDue", "OnEcsDeployment", "OnImage", "OnProbeDue", "Reconcile", "Tick"}
EVENT = {"version": "0", "id": "1", "account": "1", "region": "eu-west-1", "time": "2026-01-01T00:00:00Z", "resources": [], "detail-type": "", "source": ""}


def called(package: Package, function: str, event: dict[str, object] | None = None) -> object:
    """Import the function's handler from the zip alone, as its template says, and call it if there is an event. Answers what it returned."""
    module, name = package.functions()[function]["Handler"].rsplit(".", 1)
    call = f"print(json.dumps(handler(json.loads({json.dumps(event)!r}), Context())))" if event is not None else "print('null')"
    script = f"""
import importlib, json, sys
sys.path.insert(0, {str(package.unpacked)!r})
class Context:
    function_name = {function!r}; function_version = "$LATEST"; memory_limit_in_mb = 512; aws_request_id = "1"
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:x"; log_group_name = log_stream_name = "x"
    def get_remaining_time_in_millis(self): return 20000
handler = getattr(importlib.import_module({module!r}), {name!r})
assert callable(handler)
{call}
"""
    region = {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_REGION": "eu-west-1", "AWS_LAMBDA_FUNCTION_NAME": function}
    environ = {**package.environment(function), **region}
    done = subprocess.run((*ALONE, script), cwd=package.unpacked, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


class TestZip:
    def test_every_function_of_the_template_is_known(self, package: Package):
        assert set(package.functions()) == FUNCTIONS

    def test_every_handler_is_imported_from_the_zip_alone(self, package: Package):
        assert [called(package, function) for function in sorted(FUNCTIONS)] == [None] * len(FUNCTIONS)

    def test_the_api_answers_that_it_lives(self, package: Package):
        request = {
            "resource": "/healthz",
            "path": "/healthz",
            "httpMethod": "GET",
            "headers": {"Accept": "application/json"},
            "multiValueHeaders": {},
            "queryStringParameters": None,
            "multiValueQueryStringParameters": None,
            "pathParameters": None,
            "stageVariables": None,
            "requestContext": {"httpMethod": "GET", "resourcePath": "/healthz", "path": "/prod/healthz", "identity": {}},
            "body": None,
            "isBase64Encoded": False,
        }

        assert called(package, "APIHandler", request)["statusCode"] == 200  # type: ignore[index]

    def test_an_event_of_another_bucket_is_passed_over_without_a_call(self, package: Package):
        upload = {"bucket": {"name": "somebody-elses"}, "object": {"key": "web/1/app.zip", "size": 1, "etag": "0"}}

        assert called(package, "OnArtifact", {**EVENT, "source": "aws.s3", "detail-type": "Object Created", "detail": upload}) is None

    def test_it_holds_every_locked_package_and_nothing_of_this_machine(self, package: Package):
        locked = re.findall(r"^([a-z0-9-]+)==([^ ]+)", ROOT.joinpath("requirements.txt").read_text(), re.MULTILINE)
        folders = {folder.name.lower().replace("_", "-") for folder in package.unpacked.glob("*.dist-info")}

        assert {f"{name}-{version}.dist-info" for name, version in locked} <= folders
        assert [str(file) for file in package.unpacked.rglob("*.pyc")] == []
        assert not package.unpacked.joinpath("turnout").exists()


class TestTemplate:
    def test_cfn_lint_finds_nothing(self, package: Package):
        linter = Path(sys.executable).with_name("cfn-lint")
        done = subprocess.run((linter, package.folder / "sam.json"), capture_output=True, text=True, check=False)

        assert (done.returncode, done.stdout) == (0, "")

    def test_every_function_gets_all_settings(self, package: Package):
        for function in FUNCTIONS:
            Settings.from_environ(package.environment(function))

    def test_the_table_is_the_one_the_ledger_defines(self, package: Package):
        table = package.template["Resources"]["Ledger"]["Properties"]
        wanted = items.table_definition("any")

        assert by_name(table["AttributeDefinitions"]) == by_name(wanted["AttributeDefinitions"])
        assert table["KeySchema"] == wanted["KeySchema"]
        assert by_name(table["GlobalSecondaryIndexes"]) == by_name(wanted["GlobalSecondaryIndexes"])
        assert table["StreamSpecification"]["StreamViewType"] == wanted["StreamSpecification"]["StreamViewType"]
        assert table["TimeToLiveSpecification"]["AttributeName"] == items.EXPIRES

    def test_what_holds_history_outlives_the_stack(self, package: Package):
        kept = {name for name, one in package.template["Resources"].items() if one.get("DeletionPolicy") == "Retain"}

        assert kept == {"Ledger", "ArtifactBucket", "ApiAccount", "ApiLogWriter"}

    def test_every_dead_letter_queue_is_watched(self, package: Package):
        resources = package.template["Resources"]
        queues = {name for name, one in resources.items() if one["Type"] == "AWS::SQS::Queue" and name.endswith("DeadLetters")}
        watched = {
            dimension["Value"]["Fn::GetAtt"][0]
            for one in resources.values()
            if one["Type"] == "AWS::CloudWatch::Alarm" and one["Properties"]["Namespace"] == "AWS/SQS"
            for dimension in one["Properties"]["Dimensions"]
        }

        assert queues == watched
        assert len(queues) == 4

    def test_somebody_is_paged_when_a_service_needs_a_person(self, package: Package):
        alarms = [one["Properties"] for one in package.template["Resources"].values() if one["Type"] == "AWS::CloudWatch::Alarm"]
        ours = {alarm["MetricName"]: alarm for alarm in alarms if alarm["Namespace"] == log.NAMESPACE}

        assert set(ours) == {"DeploymentsNeedingHuman", "ServicesDrifted", "DrillsFailed"}
        assert all("Dimensions" not in alarm for alarm in ours.values()), "no service's name is known to the template"
        assert all(alarm["AlarmActions"] == [{"Ref": "Alerts"}] for alarm in alarms)

    def test_every_alarm_is_explained(self, package: Package):
        alarms = {name for name, one in package.template["Resources"].items() if one["Type"] == "AWS::CloudWatch::Alarm"}
        _, told = ROOT.joinpath("docs/operating.md").read_text().split("\n### Alarms\n")
        explained = set(re.findall(r"^\| `(\w+Alarm)` \|", told, re.MULTILINE))

        assert explained == alarms

    def test_a_change_that_could_not_be_followed_comes_again_and_is_told_of(self, package: Package):
        properties = package.functions()["OnChange"]
        [source] = [event["Properties"] for event in properties["Events"].values()]

        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert source["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["StreamDeadLetters", "Arn"]}
        assert properties["Timeout"] < source["MaximumRecordAgeInSeconds"], "else a batch that hangs is not tried again"

    def test_a_message_stays_hidden_as_long_as_its_function_may_work(self, package: Package):
        for function, queue in (("OnDue", "DueQueue"), ("OnProbeDue", "ProbeQueue")):
            hidden = package.template["Resources"][queue]["Properties"]["VisibilityTimeout"]
            assert hidden >= package.functions()[function]["Timeout"]

    def test_the_stream_tells_of_services_and_not_of_looks(self, package: Package):
        [source] = package.functions()["OnChange"]["Events"].values()
        [given] = source["Properties"]["FilterCriteria"]["Filters"]

        keys = json.loads(given["Pattern"])["dynamodb"]["Keys"]

        assert keys == {"pk": {"S": [{"prefix": "service#"}]}, "sk": {"S": ["state"]}}

    def test_nothing_the_gateway_answers_itself_is_other_than_a_problem(self, package: Package):
        answers = package.template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["x-amazon-apigateway-gateway-responses"]

        assert {"DEFAULT_4XX", "DEFAULT_5XX", "UNAUTHORIZED", "ACCESS_DENIED"} <= set(answers)
        for answer in answers.values():
            assert answer["responseParameters"]["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
            problem = json.loads(answer["responseTemplates"]["application/json"].replace("$context.error.messageString", '"x"'))
            assert problem["type"].startswith("/problems/")
            assert problem.get("status") == answer.get("statusCode")

    def test_the_gateway_is_throttled_and_writes_down_every_request(self, package: Package):
        api = package.template["Resources"]["RestAPI"]["Properties"]
        [everywhere] = api["MethodSettings"]

        assert (everywhere["ResourcePath"], everywhere["HttpMethod"]) == ("/*", "*")
        assert 0 < everywhere["ThrottlingRateLimit"] <= everywhere["ThrottlingBurstLimit"]
        assert {"Fn::GetAtt": ["ApiAccessLog", "Arn"]} in api["AccessLogSetting"]["DestinationArn"]["Fn::If"]

    def test_the_gateways_log_holds_no_token(self, package: Package):
        """No header, no query and no body: only what is named here."""
        line = json.loads(package.template["Resources"]["RestAPI"]["Properties"]["AccessLogSetting"]["Format"])

        assert {value.removeprefix("$context.") for value in line.values()} == {
            "authorizer.principalId", "authorizer.status", "error.responseType", "httpMethod", "identity.sourceIp", "integration.status", "path",
            "requestId", "requestTimeEpoch", "resourcePath", "responseLatency", "responseLength", "status",
        }  # fmt: skip

    def test_the_accounts_setting_for_logs_is_left_alone_unless_asked_for(self, package: Package):
        """One role writes the logs of all APIs of an account and region: what is set there belongs to others too, and outlives this stack."""
        resources = package.template["Resources"]

        assert package.template["Parameters"]["ApiLogRole"]["Default"] == "account"
        for name in ("ApiAccount", "ApiLogWriter"):
            assert (resources[name]["Condition"], resources[name]["DeletionPolicy"]) == ("MakesApiLogRole", "Retain")
        make, keep = package.template["Resources"]["RestAPI"]["Properties"]["AccessLogSetting"]["DestinationArn"]["Fn::If"][1:]
        assert {"Ref": "ApiAccount"} in make["Fn::Select"][1], "else the stage may be made before there is a role"
        assert "ApiAccount" not in str(keep)

    def test_every_log_ends_some_day(self, package: Package):
        resources = package.template["Resources"]
        logs = {name: one["Properties"] for name, one in resources.items() if one["Type"] == "AWS::Logs::LogGroup"}
        of_functions = {log["LogGroupName"]["Fn::Sub"] for log in logs.values() if "LogGroupName" in log}

        assert {log["RetentionInDays"] for log in logs.values()} == {90}
        assert of_functions == {f"/aws/lambda/${{{function}}}" for function in package.functions()}
        assert set(logs) == {f"{'ApiHandler' if name == 'APIHandler' else name}LogGroup" for name in package.functions()} | {"ApiAccessLog"}

    def test_what_is_kept_is_versioned_backed_up_and_nobody_elses_to_read(self, package: Package):
        table, bucket = (package.template["Resources"][name]["Properties"] for name in ("Ledger", "ArtifactBucket"))

        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["DeletionProtectionEnabled"] is True
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        assert bucket["NotificationConfiguration"] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}

    def test_every_queue_has_dead_letters(self, package: Package):
        queues = {name: one["Properties"] for name, one in package.template["Resources"].items() if one["Type"] == "AWS::SQS::Queue"}
        working = {name: queue for name, queue in queues.items() if not name.endswith("DeadLetters")}

        assert working
        for queue in working.values():
            assert queues[queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]]["MessageRetentionPeriod"] == 1209600

    def test_an_authorizer_whose_ledger_does_not_answer_is_to_be_tried_again(self, package: Package):
        answers = package.template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]["x-amazon-apigateway-gateway-responses"]

        assert [answers[kind]["statusCode"] for kind in ("AUTHORIZER_FAILURE", "AUTHORIZER_CONFIGURATION_ERROR")] == [503, 503]


def by_name(entries: list[dict[str, object]]) -> list[dict[str, object]]:
    return sorted(entries, key=lambda entry: str(entry.get("AttributeName") or entry.get("IndexName")))
