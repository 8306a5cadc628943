"""Every function of the template starts from the zip, with its role, its settings and its limits."""

from tests.packaged.deployment import Deployment
from tests.packaged.events import harmless


class TestFunctions:
    def test_every_function_of_the_template_takes_an_event(self, deployment: Deployment):
        outcomes = {name: deployment.invoke(name, harmless(function)) for name, function in deployment.functions.items()}

        # An authorizer says no by raising this word, and it has looked into the ledger by then.
        assert outcomes.pop("Authorize")[1]["errorMessage"] == "Unauthorized"
        assert {name: outcome for name, outcome in outcomes.items() if outcome[0]} == {}
        assert outcomes["APIHandler"][1]["statusCode"] == 200

    def test_every_function_writes_the_log_that_the_stack_keeps(self, deployment: Deployment):
        groups = {group["logGroupName"] for group in deployment.emulator.client("logs").describe_log_groups()["logGroups"]}

        assert {f"/aws/lambda/{deployment.names[name]}" for name in deployment.functions} <= groups

    def test_every_function_is_started_by_what_the_template_says(self, deployment: Deployment):
        """Each rule has its function as the target and may invoke it; each queue and stream is mapped and on."""
        events, lambda_ = deployment.emulator.client("events"), deployment.emulator.client("lambda")
        for name, function in deployment.functions.items():
            arn = lambda_.get_function_configuration(FunctionName=deployment.names[name])["FunctionArn"]
            kinds = [source["Type"] for source in function.get("Events", {}).values()]
            mapped = lambda_.list_event_source_mappings(FunctionName=deployment.names[name])["EventSourceMappings"]

            assert [one["State"] for one in mapped] == ["Enabled" for kind in kinds if kind in {"SQS", "DynamoDB"}], name
            ruled = [kind for kind in kinds if kind not in {"SQS", "DynamoDB", "Api"}]
            assert len(events.list_rule_names_by_target(TargetArn=arn)["RuleNames"]) == len(ruled), name
