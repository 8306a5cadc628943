"""A release goes all the way, and back: every function, queue, stream, schedule and policy of the package together.

What ministack leaves out, and what is therefore not shown here: it calls every
registered target healthy, and its load balancers have no metrics in CloudWatch.
Releases are judged by the probes of their two addresses alone, as in a quiet
service, and none goes bad by its figures. The stories have those.
"""

from tests.packaged.deployment import Deployment
from tests.packaged.service import Service
from tests.packaged.waiting import until


class TestRollout:
    def test_a_change_of_the_ledger_starts_a_pass_without_a_tick(self, web: Service, deployment: Deployment):
        """S3 to OnArtifact, the ledger's stream to OnChange, its message to OnDue."""
        events, rule = deployment.emulator.client("events"), deployment.names["TickTickEvent"]
        events.disable_rule(Name=rule)
        try:
            web.upload("1.0.0")
            web.reaches("1.0.0", "preparing", "verifying", "staged", ticking=False)
        finally:
            events.enable_rule(Name=rule)

    def test_a_release_comes_to_staging_by_itself(self, web: Service):
        web.reaches("1.0.0", "staged")

        assert web.answering("staging", 3) == {"1.0.0": 3}

    def test_without_leave_to_move_the_traffic_it_stays_where_it_is(self, web: Service, deployment: Deployment):
        before = web.weights()
        with deployment.without("OnDue", "elasticloadbalancing:ModifyRule"), deployment.without("OnProbeDue", "elasticloadbalancing:ModifyRule"):
            web.admin.call("POST", "/v1/services/web/promote", {"version": "1.0.0", "reason": "the first"})
            until("the refusal", lambda: [line for line in deployment.told("OnDue") if "writing the weights" in line and "AccessDenied" in line])

        assert web.weights() == before

    def test_the_first_release_is_given_everything(self, web: Service):
        web.reaches("1.0.0", "completed")

        assert sorted(web.weights().values()) == [0, 100]
        assert web.answering("production", 3) == {"1.0.0": 3}

    def test_the_second_is_given_its_share_before_it_is_given_everything(self, web: Service):
        web.upload("2.0.0")
        web.reaches("2.0.0", "staged")
        web.admin.call("POST", "/v1/services/web/promote", {"version": "2.0.0", "reason": "better"})

        until("half of the traffic", lambda: set(web.weights().values()) == {50}, within=120, seen=lambda: web.story("2.0.0"))
        assert set(web.answering("production", 40)) == {"1.0.0", "2.0.0"}
        web.reaches("2.0.0", "completed")

        assert web.answering("production", 5) == {"2.0.0": 5}

    def test_a_rollback_brings_the_first_one_back(self, web: Service):
        web.admin.call("POST", "/v1/services/web/rollback", {"reason": "worse"})

        until("the first one", lambda: web.answering("production", 5) == {"1.0.0": 5}, within=120, seen=lambda: web.story("1.0.0"))

    def test_the_schedule_ticks(self, deployment: Deployment):
        asked = deployment.invoked.count("Tick")

        until("a tick that nobody here asked for", lambda: deployment.begun("Tick") > asked, within=90)

    def test_no_worker_gave_up(self, deployment: Deployment):
        """EventsDeadLetters is left aside: test_policies.py makes what comes there."""
        queues = ("DueDeadLetters", "ProbeDeadLetters", "StreamDeadLetters")

        assert {queue: deployment.in_queue(queue) for queue in queues} == dict.fromkeys(queues, 0)
