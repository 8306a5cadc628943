"""What is uploaded becomes a release, by the event or without it."""

from tests.packaged.deployment import Deployment
from tests.packaged.events import harmless
from tests.packaged.service import Service, a_release
from tests.packaged.waiting import until

# ECR: ministack has repositories, but sends no event when an image is pushed (services/ecr.py knows no EventBridge). The story of a
# pushed image therefore cannot begin by itself here. OnImage is started with an event in test_functions.py; when ministack sends
# them, that story belongs here: create_repository, put_image, a release in GET /v1/services/…/releases.


class TestIntake:
    def test_an_upload_becomes_a_release(self, web: Service):
        version = web.upload("0.1.0")

        release = web.released("0.1.0")

        assert release["artifact"]["uri"].endswith(f"/web/0.1.0/app.zip?versionId={version}")
        assert release["artifact"]["size"] == len(a_release("0.1.0"))

    def test_what_is_no_zip_is_refused_with_its_reason(self, web: Service):
        web.upload("0.1.1", b"this is no zip")

        [rejection] = until("the rejection", lambda: [one for one in web.rejections() if "/web/0.1.1/" in str(one)])

        assert "zip" in rejection["reason"]
        assert "0.1.1" not in web.releases()

    def test_the_same_event_again_changes_nothing(self, web: Service, deployment: Deployment):
        version = web.upload("0.1.2")
        before = web.released("0.1.2")

        outcomes = [deployment.invoke("OnArtifact", web.event_of("0.1.2", version))[0] for _ in range(2)]

        assert outcomes == [None, None]
        assert web.releases()["0.1.2"] == before
        assert [one for one in web.rejections() if "/web/0.1.2/" in str(one)] == []

    def test_an_upload_whose_event_never_came_is_found(self, web: Service, deployment: Deployment):
        events = deployment.emulator.client("events")
        rule = deployment.names["OnArtifactOnArtifactEvent"]
        events.disable_rule(Name=rule)
        try:
            web.upload("0.1.3")
            assert "0.1.3" not in web.releases()

            assert deployment.invoke("Reconcile", harmless(deployment.functions["Reconcile"]))[0] is None

            assert "0.1.3" in web.releases()
        finally:
            events.enable_rule(Name=rule)
