"""`turnout doctor`: what it looks at, what it says, and that nothing that it meets stops it."""

import io
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from botocore.stub import Stubber
from moto import mock_aws

from tests.cli.a_patient import TOKEN, TOKEN_ID, WEB, Plane, WallClock, a_load_balancer, ago, only, outcomes, told, told_of, well
from tests.cli.builders import a_list
from tests.cli.fake_api import FakeApi
from tests.cli.running import NOON, Ran, Runner
from tests.infra.service_stacks import NOT_LOOPBACK
from tests.local.both_ways import client
from turnout.cli.context import Context
from turnout.cli.doctor import identity, plane, running, server, troubles
from turnout.cli.doctor.clients import Clients
from turnout.cli.doctor.findings import Check, ok, problem
from turnout.local import corrections
from turnout.local.provision import create_lambda_service


@pytest.fixture
def aws() -> Iterator[Plane]:
    seen = Plane()
    with mock_aws(config=NOT_LOOPBACK), corrections.apply(plane=seen):
        a_load_balancer()
        yield seen


@pytest.fixture
def cli(cli: Runner) -> Runner:
    cli.clock = WallClock()
    cli.environ |= {"TURNOUT_TOKEN": TOKEN, "AWS_REGION": "us-east-1"}
    return cli


@pytest.fixture
def patient(aws: Plane, api: FakeApi) -> FakeApi:
    """A service that is well, and all that it stands on but a stack."""
    return well(api, told_of(create_lambda_service(client, name="web", handler="app.handler")))


def doctor(cli: Runner, *more: str) -> Ran:
    return cli.turnout("doctor", "--json", *more)


class TestAHealthyPlace:
    def test_has_no_problem_and_ends_with_0(self, patient, cli: Runner):
        ran = doctor(cli)

        assert (ran.exit_code, ran.err) == (0, "")
        assert outcomes(ran) == {
            "api": "ok", "token": "ok", "services": "ok", "identity": "ok", "clock": "ok", "control plane": "unknown",
            "web rules": "ok", "web weights": "ok", "web target groups": "ok", "web targets": "ok", "web function": "ok", "web aliases": "ok",
            "web source": "ok", "web waits": "ok", "web tick": "ok", "web audit": "ok", "permissions": "ok",
        }  # fmt: skip
        assert ran.json["outcome"] == "unknown"

    def test_is_told_in_a_line_for_each(self, patient, cli: Runner):
        ran = cli.turnout("doctor", "web")

        assert ran.exit_code == 0
        assert len(ran.out.splitlines()) == 17
        assert "ok       web rules          both rules are there" in ran.out
        assert ran.err == "1 unknown, 16 ok\n"

    def test_is_only_read(self, patient, cli: Runner):
        doctor(cli)

        assert {asked.method for asked in patient.asked} == {"GET"}

    def test_of_one_service_leaves_the_others_alone(self, patient, cli: Runner):
        assert doctor(cli, "web").exit_code == 0

        assert patient.count("GET", "/v1/services") == 1  # with a limit of one, which tells whether the token counts


class TestAProblem:
    def test_ends_with_1_and_says_what_to_do(self, patient, cli: Runner):
        rule = patient.answer("GET", WEB)[1]["definition"]["traffic"]["staging_rule"]
        client("elbv2").delete_rule(RuleArn=rule)

        ran = cli.turnout("doctor")

        assert ran.exit_code == 1
        assert f"problem  web rules          the staging rule is gone ({rule}); make it again with both target groups" in ran.out
        assert ran.err.startswith("1 problem, ")

    def test_of_a_service_that_is_not_there(self, patient, cli: Runner):
        ran = doctor(cli, "shop")

        assert ran.exit_code == 1
        assert "there is no service shop" in told(ran, "services")

    def test_of_the_server_does_not_stop_what_needs_none(self, aws, cli: Runner):
        cli.environ["TURNOUT_URL"] = "http://127.0.0.1:1"

        ran = doctor(cli)

        assert ran.exit_code == 1
        found = outcomes(ran)
        assert (found["api"], found["services"], found["identity"], found["clock"]) == ("problem", "unknown", "ok", "ok")
        assert "nothing answers at http://127.0.0.1:1; check that the server runs" in told(ran, "api")

    def test_of_having_no_server_at_all_is_one_too(self, aws, cli: Runner):
        del cli.environ["TURNOUT_URL"]

        ran = doctor(cli)

        assert (ran.exit_code, outcomes(ran)["identity"]) == (1, "ok")
        assert "no server is named" in told(ran, "api")

    def test_shows_neither_a_trace_nor_a_secret(self, patient, cli: Runner):
        patient.on("GET", WEB, {"definition": None, "echo": TOKEN}).on("GET", "/v1/audit", (500, {"type": "/problems/x", "detail": f"what of {TOKEN}"}))

        ran = cli.turnout("doctor")

        assert "Traceback" not in ran.out + ran.err
        assert TOKEN not in ran.out + ran.err
        assert "something unforeseen happened" in ran.out

    def test_of_a_broken_state_file_is_told_once(self, aws, cli: Runner):
        del cli.environ["TURNOUT_URL"]
        Path(cli.directory, ".turnout").mkdir()
        Path(cli.directory, ".turnout", "local.json").write_text("{")

        ran = doctor(cli)

        assert (ran.exit_code, outcomes(ran)["identity"]) == (1, "ok")
        assert "cannot be read" in told(ran, "api")


class TestChecks:
    def test_that_do_not_answer_are_unknown_and_hold_up_no_other(self):
        released = threading.Event()
        hanging = Check("hanging", lambda: [ok("late")] if released.wait() else [])

        found = running.made([hanging, *(Check(f"{number}", lambda: [ok("here")]) for number in range(20))], limit_seconds=0.05)
        released.set()

        assert [one.outcome for _, [one] in found] == ["unknown", *["ok"] * 20]
        assert found[0][1][0].said == "no answer within 0.05 s"

    def test_that_break_off_keep_what_they_found(self):
        def breaking() -> Iterator[Any]:
            yield problem("this is wrong", "mend it")
            raise ValueError("and then this")

        [(_, found)] = running.made([Check("one", breaking)])

        assert [one.outcome for one in found] == ["problem", "unknown"]

    @pytest.mark.parametrize(
        ("error", "said"),
        [
            (NoCredentialsError(), "there are no AWS credentials; set AWS_PROFILE"),
            (EndpointConnectionError(endpoint_url="https://x.test"), "AWS did not answer (EndpointConnectionError); check the network"),
            (ClientError({"Error": {"Code": "ExpiredToken"}}, "DescribeRules"), "AWS does not take these credentials (ExpiredToken)"),
            (ClientError({"Error": {"Code": "RequestTimeTooSkewed"}}, "DescribeRules"), "AWS does not take the signature (RequestTimeTooSkewed); see `clock`"),
            (ClientError({"Error": {"Code": "AccessDenied"}}, "DescribeRules"), "AWS refused DescribeRules (AccessDenied); see `permissions`"),
            (ClientError({"Error": {"Code": "Throttling", "Message": "slow down"}}, "DescribeRules"), "AWS answered DescribeRules with Throttling: slow down"),
        ],
    )
    def test_that_aws_does_not_answer_are_unknown(self, error, said):
        outcome, words = only([troubles.finding_of(error)])

        assert outcome == "unknown"
        assert words.startswith(said)


class TestTheServer:
    def test_is_asked_over_tls_where_it_is_elsewhere(self, api, cli: Runner):
        class Elsewhere:
            connection = type("Connection", (), {"url": "http://name:pass@turnout.test/api", "source": "TURNOUT_URL", "token": "t"})

        class Answering:
            alive = staticmethod(lambda: ({}, None))
            specification = staticmethod(lambda: {"info": {"version": "1"}})

        Elsewhere.client = Answering()
        outcome, words = only(server.answers(Elsewhere()))

        assert (outcome, "without TLS" in words, "pass@" in words) == ("problem", True, False)

    def test_that_speaks_another_version_is_warned_of(self, patient, cli: Runner):
        patient.on("GET", "/openapi.json", {"info": {"version": "2"}})

        ran = doctor(cli)

        assert outcomes(ran)["api"] == "warning"
        assert "version 2 of the API" in told(ran, "api")

    def test_that_is_none_of_ours_is_a_problem(self, patient, cli: Runner):
        patient.on("GET", "/healthz", (403, {"message": "Forbidden"}))

        assert outcomes(doctor(cli))["api"] == "problem"


class TestTheToken:
    def test_is_told_by_its_entry_in_the_list(self, patient, cli: Runner):
        assert "ci is admin for services *, until " in told(doctor(cli), "token")

    def test_that_ends_soon_is_warned_of(self, patient, cli: Runner):
        patient.on("GET", "/v1/tokens", a_list({"id": TOKEN_ID, "name": "ci", "role": "admin", "services": "*", "created_at": ago(days=88), "expires_at": ago(days=-2)}))

        ran = doctor(cli)

        assert (outcomes(ran)["token"], ran.exit_code) == ("warning", 0)
        assert "`turnout token create ci --role admin --services '*'`" in told(ran, "token")

    def test_made_for_a_short_while_is_not_warned_of_all_that_while(self, patient, cli: Runner):
        short = {"id": TOKEN_ID, "name": "ci", "role": "admin", "services": "*", "created_at": ago(hours=1), "expires_at": ago(hours=-11)}

        assert outcomes(doctor(cli))["token"] == "ok"
        patient.on("GET", "/v1/tokens", a_list(short))
        assert outcomes(doctor(cli))["token"] == "ok"

    def test_of_no_administrator_is_told_by_the_refusal(self, patient, cli: Runner):
        patient.problem("GET", "/v1/tokens", 403, "forbidden", "ci is deployer and may not administer; ask for a token of a role that may")

        ran = doctor(cli)

        assert outcomes(ran)["token"] == "ok"
        assert "ci is deployer" in told(ran, "token")

    def test_that_nobody_knows_is_a_problem(self, patient, cli: Runner):
        patient.problem("GET", "/v1/services", 401, "unauthorized")

        ran = doctor(cli)

        assert (ran.exit_code, outcomes(ran)["token"]) == (1, "problem")
        assert "turnout login" in told(ran, "token")

    def test_that_may_not_look_is_a_problem(self, patient, cli: Runner):
        patient.problem("GET", "/v1/services", 403, "forbidden", "flags is evaluator and may not view; ask for another")

        assert "this token may not look: flags is evaluator" in told(doctor(cli), "token")

    def test_that_is_missing_is_a_problem(self, patient, cli: Runner):
        del cli.environ["TURNOUT_TOKEN"]

        assert outcomes(doctor(cli))["token"] == "problem"


class TestIdentity:
    def test_of_another_account_is_a_problem(self, patient, cli: Runner):
        service = patient.answer("GET", WEB)[1]
        service["definition"]["traffic"]["load_balancer"] = "arn:aws:elasticloadbalancing:us-east-1:999999999999:loadbalancer/app/x/1"
        patient.on("GET", "/v1/services", a_list(service))

        ran = doctor(cli)

        assert outcomes(ran)["identity"] == "problem"
        assert "credentials of account 123456789012, and web is in account 999999999999" in told(ran, "identity")

    def test_in_another_region_is_warned_of_and_the_service_looked_at_where_it_is(self, patient, cli: Runner):
        ran = doctor(cli, "--region", "eu-west-1")

        found = outcomes(ran)
        assert (found["identity"], found["web rules"]) == ("warning", "ok")
        assert "nothing of this is there but in us-east-1" in told(ran, "identity")

    def test_without_a_region_takes_that_of_the_services(self, patient, cli: Runner, monkeypatch):
        del cli.environ["AWS_REGION"]
        monkeypatch.delenv("AWS_DEFAULT_REGION")

        assert "region us-east-1" in told(doctor(cli), "identity")

    def test_of_a_control_plane_elsewhere_is_a_problem(self, patient):
        service = patient.answer("GET", WEB)[1]

        outcome, words = only(identity.identity(Clients("us-east-1"), [service], "https://abc.execute-api.eu-west-1.amazonaws.com/api"))

        assert (outcome, "web is in us-east-1 and the control plane in eu-west-1" in words) == ("problem", True)

    def test_without_credentials_is_unknown_and_says_where_they_come_from(self, patient, cli: Runner, monkeypatch):
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.setenv("AWS_PROFILE", "absent")

        ran = doctor(cli)

        assert (outcomes(ran)["identity"], outcomes(ran)["permissions"]) == ("unknown", "unknown")
        assert "AWS_PROFILE" in told(ran, "identity")
        assert outcomes(ran)["web audit"] == "ok"


class TestTheClock:
    @pytest.mark.parametrize(("ahead", "outcome"), [(10, "ok"), (60, "warning"), (-60, "warning"), (301, "problem"), (-400, "problem")])
    def test_is_compared_with_the_servers_and_with_that_of_aws(self, patient, cli: Runner, ahead, outcome):
        cli.clock.seconds = ahead

        ran = doctor(cli)

        assert outcomes(ran)["clock"] == outcome
        if outcome != "ok":
            side = "ahead of" if ahead > 0 else "behind"
            assert f"{side} the server and " in told(ran, "clock")
            assert f"{side} AWS" in told(ran, "clock")

    def test_that_is_off_does_not_make_looks_old(self, patient, cli: Runner):
        cli.clock.seconds = 7200

        assert outcomes(doctor(cli))["web tick"] == "ok"

    def test_that_nobody_can_be_compared_with_is_unknown(self, aws, cli: Runner, monkeypatch):
        cli.environ["TURNOUT_URL"] = "http://127.0.0.1:1"
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.setenv("AWS_PROFILE", "absent")

        assert outcomes(doctor(cli))["clock"] == "unknown"


class TestThePlaceOfTheControlPlane:
    def test_is_the_stack_whose_endpoint_is_the_servers(self, patient, cli: Runner):
        a_stack(patient.url)

        ran = doctor(cli)

        found = outcomes(ran)
        assert (found["control plane"], found["dead letters"], found["bucket"], found["ledger"]) == ("ok",) * 4
        assert "stack turnout-prod is CREATE_COMPLETE" in told(ran, "control plane")

    def test_is_where_the_alarms_are(self, cli: Runner):
        made, clients, place = boto3.client("cloudformation", region_name="us-east-1"), Clients("us-east-1"), plane.Place()
        clients._made["cloudformation", "us-east-1"] = made
        outputs = [{"OutputKey": "EndpointURL", "OutputValue": f"{cli.environ['TURNOUT_URL']}/"}]
        stack = {"StackName": "turnout-prod", "StackStatus": "CREATE_COMPLETE", "CreationTime": NOON, "Outputs": outputs}
        kept = {"LastUpdatedTimestamp": NOON, "ResourceStatus": "CREATE_COMPLETE"}
        resources = [
            {"LogicalResourceId": "DriftAlarm", "PhysicalResourceId": "turnout-prod-DriftAlarm-1", "ResourceType": "AWS::CloudWatch::Alarm", **kept},
            {"LogicalResourceId": "Ledger", "PhysicalResourceId": "ledger", "ResourceType": "AWS::DynamoDB::Table", **kept},
        ]
        with Stubber(made) as stub:
            stub.add_response("describe_stacks", {"Stacks": [{**stack, "Outputs": []}, stack]}, {})
            stub.add_response("list_stack_resources", {"StackResourceSummaries": resources}, {"StackName": "turnout-prod"})
            found = list(plane.find(a_context(cli), clients, None, place))

        assert [one.outcome for one in found] == ["ok"]
        assert place.alarms == {"turnout-prod-DriftAlarm-1": "DriftAlarm"}

    def test_is_a_stack_that_is_named(self, patient, cli: Runner):
        a_stack("https://turnout.example")

        assert outcomes(doctor(cli))["control plane"] == "unknown"
        assert outcomes(doctor(cli, "--stack", "turnout-prod"))["ledger"] == "ok"

    def test_that_is_named_and_not_there_is_a_problem(self, patient, cli: Runner):
        assert outcomes(doctor(cli, "--stack", "other"))["control plane"] == "problem"

    def test_is_the_bucket_alone_where_only_that_is_named(self, patient, cli: Runner):
        a_stack("https://turnout.example")
        cli.environ["TURNOUT_BUCKET"] = "artifacts"

        assert outcomes(doctor(cli))["bucket"] == "ok"

    def test_on_the_local_stack_is_told_by_its_state(self, aws, cli: Runner):
        for name in ("turnout-local-due-dead-letters", "turnout-local-probe-dead-letters"):
            client("sqs").create_queue(QueueName=name)
        Path(cli.directory, ".turnout").mkdir()
        state = {"api_url": cli.environ["TURNOUT_URL"], "token": TOKEN, "aws_endpoint_url": "http://127.0.0.1:1", "region": "us-east-1", "artifact_bucket": "b"}
        Path(cli.directory, ".turnout", "local.json").write_text(json.dumps(state))
        place = plane.Place()

        found = list(plane.find(a_context(cli), Clients("us-east-1"), None, place))

        assert [one.outcome for one in found] == ["ok"]
        assert (place.bucket, len(place.dead_letters), place.table, place.alarms) == ("b", 2, None, {})

    def test_on_the_local_stack_is_asked_with_its_own_credentials(self, cli: Runner):
        Path(cli.directory, ".turnout").mkdir()
        state = {"api_url": cli.environ["TURNOUT_URL"], "token": TOKEN, "aws_endpoint_url": "http://127.0.0.1:1", "region": "us-east-1", "artifact_bucket": "b"}
        Path(cli.directory, ".turnout", "local.json").write_text(json.dumps(state))

        clients = Clients.of(a_context(cli), None)

        assert (clients.endpoint_url, clients.region, clients.credentials["aws_access_key_id"]) == ("http://127.0.0.1:1", "us-east-1", "local")


class TestTheControlPlane:
    @pytest.fixture
    def place(self, aws) -> plane.Place:
        a_stack("https://turnout.example")
        queue = client("sqs").get_queue_url(QueueName="due-dead-letters")["QueueUrl"]
        return plane.Place("artifacts", "ledger", (queue,), {"prod-needs-human": "NeedsHumanAlarm"})

    @pytest.fixture
    def clients(self) -> Clients:
        return Clients("us-east-1")

    def test_has_alarms_that_are_silent_and_one_that_rings(self, place, clients):
        watched = {"Namespace": "Turnout", "MetricName": "x", "Statistic": "Sum", "Period": 60, "EvaluationPeriods": 1, "Threshold": 0}
        over = {"ComparisonOperator": "GreaterThanThreshold", "AlarmDescription": "somebody has to decide"}
        client("cloudwatch").put_metric_alarm(AlarmName="prod-needs-human", **watched, **over)
        assert [one.said for one in plane.alarms(clients, place)] == ["none of 1 alarms rings"]

        client("cloudwatch").set_alarm_state(AlarmName="prod-needs-human", StateValue="ALARM", StateReason="x")

        outcome, words = only(plane.alarms(clients, place))

        assert (outcome, "NeedsHumanAlarm: somebody has to decide" in words, "turnout explain" in words) == ("problem", True, True)

    def test_tells_of_dead_letters(self, place, clients):
        client("sqs").send_message(QueueUrl=place.dead_letters[0], MessageBody="{}")

        outcome, words = only(plane.dead_letters(clients, place))

        assert (outcome, words.startswith("1 messages in due-dead-letters")) == ("warning", True)

    def test_tells_of_a_bucket_that_keeps_no_versions(self, place, clients):
        client("s3").put_bucket_versioning(Bucket="artifacts", VersioningConfiguration={"Status": "Suspended"})

        assert "artifacts keeps no versions" in only(plane.bucket(clients, place))[1]

    def test_tells_of_a_bucket_that_tells_nobody(self, place, clients):
        client("s3").put_bucket_notification_configuration(Bucket="artifacts", NotificationConfiguration={})

        assert "tells EventBridge nothing" in only(plane.bucket(clients, place))[1]

    def test_tells_of_a_rule_that_expires_versions(self, place, clients):
        unfinished = {"ID": "a", "Status": "Enabled", "Filter": {"Prefix": ""}, "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7}}
        expiring = {"ID": "b", "Status": "Enabled", "Filter": {"Prefix": ""}, "NoncurrentVersionExpiration": {"NoncurrentDays": 30}}
        put = client("s3").put_bucket_lifecycle_configuration

        put(Bucket="artifacts", LifecycleConfiguration={"Rules": [unfinished]})
        assert [one.outcome for one in plane.bucket(clients, place)] == ["ok"]
        put(Bucket="artifacts", LifecycleConfiguration={"Rules": [unfinished, expiring]})
        assert "rule b of artifacts expires object versions" in only(plane.bucket(clients, place))[1]

    def test_tells_of_a_table_that_cannot_be_restored(self, place, clients):
        off = {"PointInTimeRecoveryEnabled": False}
        client("dynamodb").update_continuous_backups(TableName="ledger", PointInTimeRecoverySpecification=off)

        assert "table ledger has no point-in-time recovery" in only(plane.ledger(clients, place))[1]

    def test_tells_of_a_table_that_could_be_deleted(self, place, clients):
        client("dynamodb").update_table(TableName="ledger", DeletionProtectionEnabled=False)

        assert only(plane.ledger(clients, place))[0] == "warning"


class TestPermissions:
    def test_that_are_missing_are_listed_as_policies_name_them(self, patient, cli: Runner, monkeypatch):
        refusing(monkeypatch, {"DescribeRules", "GetCallerIdentity", "DescribeStacks"})

        ran = doctor(cli)

        found = outcomes(ran)
        assert (ran.exit_code, found["permissions"], found["web rules"], found["web target groups"]) == (0, "warning", "unknown", "ok")
        words = told(ran, "permissions")
        assert "AWS refused cloudformation:DescribeStacks, elasticloadbalancing:DescribeRules, sts:GetCallerIdentity; let these" in words


def a_context(cli: Runner) -> Context:
    return Context(io.StringIO(), io.StringIO(), io.StringIO(), cli.environ, cli.directory)


def refusing(monkeypatch, operations: set[str]) -> None:
    """As IAM does: moto's own answer is replaced on its way."""
    from moto.core.botocore_stubber import BotocoreStubber

    answering = BotocoreStubber.__call__

    def denying(self: Any, event_name: str, request: Any, **rest: Any) -> Any:
        answer = answering(self, event_name, request, **rest)
        if event_name.rpartition(".")[2] in operations:
            answer.status_code = 403
            answer._content = b"<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
        return answer

    monkeypatch.setattr(BotocoreStubber, "__call__", denying)


def a_stack(url: str) -> None:
    """What doctor reads of a control plane's stack, and what is in it."""
    template = {
        "Resources": {
            "DueDeadLetters": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "due-dead-letters"}},
        },
        "Outputs": {
            "EndpointURL": {"Value": f"{url}/"}, "ArtifactBucketName": {"Value": "artifacts"}, "LedgerTable": {"Value": "ledger"},
            "DeadLetters": {"Value": {"Ref": "DueDeadLetters"}},
        },
    }  # fmt: skip
    client("cloudformation").create_stack(StackName="turnout-prod", TemplateBody=json.dumps(template))
    s3, dynamodb = client("s3"), client("dynamodb")
    s3.create_bucket(Bucket="artifacts")
    s3.put_bucket_versioning(Bucket="artifacts", VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(Bucket="artifacts", NotificationConfiguration={"EventBridgeConfiguration": {}})
    key = {"AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}]}
    dynamodb.create_table(TableName="ledger", BillingMode="PAY_PER_REQUEST", DeletionProtectionEnabled=True, **key)
    dynamodb.update_continuous_backups(TableName="ledger", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True})


def test_dates_are_read_as_http_writes_them():
    assert identity.moment_of("Mon, 23 Nov 2026 12:00:00 GMT") == datetime(2026, 11, 23, 12, tzinfo=UTC)
    assert identity.moment_of("yesterday") is None
    assert identity.moment_of(None) is None
