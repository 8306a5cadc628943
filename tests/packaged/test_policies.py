"""The policies of the template bind: what is taken out of a function's role is refused. That they suffice, every other test here shows."""

from tests.packaged.api import Api
from tests.packaged.deployment import Deployment
from tests.packaged.events import harmless
from tests.packaged.service import Service
from tests.packaged.waiting import until


class TestPolicies:
    def test_the_tick_asks_the_ledger_only_while_it_may(self, deployment: Deployment):
        tick = harmless(deployment.functions["Tick"])
        with deployment.without("Tick", "dynamodb:Query"):
            failure, _ = deployment.invoke("Tick", tick)
        assert failure

        assert deployment.invoke("Tick", tick)[0] is None

    def test_the_authorizer_reads_tokens_only_while_it_may(self, deployment: Deployment, admin: Api):
        with deployment.without("Authorize", "dynamodb:GetItem"):
            assert admin.ask("GET", "/v1/services").status >= 500

        assert admin.ask("GET", "/v1/services").status == 200

    def test_an_upload_that_may_not_be_read_is_told_of_and_found_later(self, deployment: Deployment, web: Service):
        # ministack asks for the first of them where AWS asks for the second: for a version that is named.
        with deployment.without("OnArtifact", "s3:GetObject", "s3:GetObjectVersion"):
            event = web.event_of("0.2.0", web.upload("0.2.0"))
            # As EventBridge does on AWS. ministack's own starts the function once and looks no further.
            deployment.send("OnArtifact", event)
            until("a dead letter", lambda: deployment.in_queue("EventsDeadLetters"), seen=lambda: deployment.told("OnArtifact")[-5:])
        assert "0.2.0" not in web.releases()

        assert deployment.invoke("Reconcile", harmless(deployment.functions["Reconcile"]))[0] is None

        assert "0.2.0" in web.releases()
