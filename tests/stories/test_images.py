"""CI pushes images: one becomes a release, is rolled out by its digest, and can be registered by hand."""

import json
from typing import Any

import pytest

from chalicelib.deployments.model import Phase
from chalicelib.errors import Invalid
from chalicelib.events import tag_of
from chalicelib.ledger import keys
from chalicelib.releases.memory import REGISTRY
from chalicelib.services.definition import Definition
from tests.unit.api.an_api import Answer, Api
from tests.world import ALICE, World, a_definition

ECS = {"kind": "ecs", "cluster": "turnout", "services": {"blue": "web-blue", "green": "web-green"}}
ARN = "arn:aws:ecs:us-east-1:123456789012:service"
CHART = "application/vnd.cncf.helm.config.v1+json"


def of_images(name: str = "web", **source: Any) -> Definition:
    services = {color: f"{name}-{color}" for color in ("blue", "green")}
    return a_definition(name, runtime=ECS | {"services": services}, source={"ecr": "web", **source})


@pytest.fixture
def world() -> World:
    world = World()
    world.images.repositories.add("web")
    world.register(of_images(tag_pattern="v*"))
    world.wait(5)
    return world


@pytest.fixture
def api(world: World) -> Api:
    return Api(world)


def push(world: World, tag: str, content: bytes = b"", repository: str = "web", **how: Any) -> str:
    """CI pushes, and the event arrives."""
    digest = world.images.push(repository, tag, content or tag.encode(), **how)
    world.control.intake.take_image(*tag_of({"repository-name": repository, "image-tag": tag, "image-digest": digest}))
    return digest


def by_hand(api: Api, artifact: Any, version: str = "v1.0.0", service: str = "web", **more: Any) -> Answer:
    return api("POST", f"/v1/services/{service}/releases", {"version": version, "artifact": artifact}, **more)


class TestAPush:
    def test_is_rolled_out_by_its_digest(self, world: World, api: Api) -> None:
        digest = push(world, "v1.0.0", labels={"org.opencontainers.image.revision": "c0ffee"})
        world.until(lambda: world.phase("v1.0.0") is Phase.STAGED)
        push(world, "v1.0.0", b"moved on")
        world.control.deployments.promote("web", world.asked(), version="v1.0.0")
        world.until(lambda: world.phase("v1.0.0") is Phase.COMPLETED, 300)

        assert world.deployment("v1.0.0").build.artifact.uri == f"{REGISTRY}/web@{digest}"
        shown = api("GET", "/v1/services/web/releases/v1.0.0").json
        assert shown["artifact"] == {
            "kind": "ecr", "uri": f"{REGISTRY}/web@{digest}", "digest": digest, "size": shown["artifact"]["size"], "repository": "web", "tag": "v1.0.0",
        }
        assert (shown["commit"], shown["artifact"]["size"]) == ("c0ffee", len("v1.0.0"))
        [rejection] = api("GET", "/v1/rejections").json["items"]
        assert (rejection["kind"], rejection["service"], rejection["version"]) == ("version-reuse", "web", "v1.0.0")

    def test_whose_event_never_came_is_found(self, world: World) -> None:
        world.images.push("web", "v1.0.0", b"one")

        world.control.intake.reconcile()

        world.until(lambda: world.phase("v1.0.0") is Phase.STAGED)

    def test_of_one_image_for_two_services_goes_to_both(self, world: World) -> None:
        world.register(of_images("admin"))

        push(world, "v1.0.0")

        assert [world.service(name).deployment is not None for name in ("web", "admin")] == [True, True]

    def test_of_what_is_quarantined_is_not_deployed(self, world: World) -> None:
        push(world, "v1.0.0")
        world.until(lambda: world.phase("v1.0.0") is Phase.STAGED)
        world.control.deployments.promote("web", world.asked(), version="v1.0.0")
        world.until(lambda: world.phase("v1.0.0") is Phase.COMPLETED, 300)
        push(world, "v1.1.0", b"bad")
        world.until(lambda: world.phase("v1.1.0") is Phase.STAGED)
        world.control.deployments.promote("web", world.asked(), version="v1.1.0")
        world.until(lambda: world.phase("v1.1.0") is Phase.SHIFTING)
        world.control.deployments.rollback("web", world.asked("bad"))
        world.until(lambda: world.phase("v1.1.0") is Phase.REVERTED, 300)

        push(world, "v1.1.1", b"bad")

        assert world.ledger.find(keys.release("web", "v1.1.1"))
        assert [one for one in world.deployments() if one.build.version == "v1.1.1"] == []


class TestRegisteringByHand:
    def test_takes_what_the_tag_is_on_as_published_now(self, world: World, api: Api) -> None:
        digest = world.images.push("web", "1.0.0", b"one", labels={"commit": "c0ffee"})
        world.wait(60)

        answer = by_hand(api, {"tag": "1.0.0"}, "1.0.0", reason="the pattern does not accept it")

        assert answer.status == 201
        assert (answer.json["artifact"]["digest"], answer.json["commit"], answer.json["version"]) == (digest, "c0ffee", "1.0.0")
        assert world.deployment("1.0.0").published_at == world.clock.now()

    def test_again_is_answered_with_200_and_changes_nothing(self, world: World, api: Api) -> None:
        digest = push(world, "v1.0.0")
        api.token()
        before = api.ledger()

        for artifact in ({"tag": "v1.0.0"}, {"tag": "v1.0.0", "repository": "web", "digest": digest}):
            assert by_hand(api, artifact).status == 200
        assert api.ledger() == before

    def test_is_refused_for_what_is_a_rejection_too(self, world: World, api: Api) -> None:
        push(world, "v1.0.0", labels={"turnout.schema-min": "2"})
        [rejected] = world.ledger.list(keys.rejections(), limit=10).items

        assert rejected.kind == "bad-metadata"
        assert by_hand(api, {"tag": "v1.0.0"}).fields == ["artifact.tag"]

    def test_makes_the_event_a_duplicate(self, world: World, api: Api) -> None:
        world.images.push("web", "v1.0.0", b"one")
        by_hand(api, {"tag": "v1.0.0"})

        assert world.control.intake.take_image("web", "v1.0.0") == ()
        assert world.control.intake.reconcile() == 0

    def test_counts_once_for_an_idempotency_key(self, world: World, api: Api) -> None:
        world.images.push("web", "v1.0.0", b"one")

        first, second = (by_hand(api, {"tag": "v1.0.0"}, idempotency_key="k") for _ in range(2))

        assert (first.status, second.status) == (201, 201)
        assert first.json == second.json

    def test_of_another_digest_under_a_known_version_is_a_conflict(self, world: World, api: Api) -> None:
        push(world, "v1.0.0", b"one")
        world.images.push("web", "v1.0.0", b"two")

        answer = by_hand(api, {"tag": "v1.0.0"})

        assert (answer.status, answer.slug) == (409, "version-reuse")

    @pytest.mark.parametrize(
        ("artifact", "field"),
        [
            ({"tag": "v9.9.9"}, "artifact.tag"),
            ({"tag": "v1.0.1"}, "artifact.tag"),
            ({"tag": "latest"}, "artifact.tag"),
            ({"tag": "-1"}, "artifact.tag"),
            ({"tag": 1}, "artifact.tag"),
            ({"digest": "sha256:" + "0" * 64}, "artifact.tag"),
            ({"tag": "v1.0.0", "digest": "sha256:" + "0" * 64}, "artifact.digest"),
            ({"tag": "v1.0.0", "digest": "0" * 64}, "artifact.digest"),
            ({"tag": "v1.0.0", "repository": "shop"}, "artifact.repository"),
            ({"tag": "v1.0.0", "sha256": "0" * 64}, "artifact.sha256"),
            ({"tag": "v1.0.0", "key": "web/v1.0.0/app.zip"}, "artifact.tag"),
        ],
    )
    def test_names_the_field_that_is_wrong_and_changes_nothing(self, world: World, api: Api, artifact: Any, field: str) -> None:
        world.images.push("web", "v1.0.0", b"one")
        api.token()
        before = api.ledger()

        answer = by_hand(api, artifact, version=artifact["tag"] if artifact.get("tag") in ("v9.9.9", "latest") else "v1.0.0")

        assert (answer.status, answer.fields) == (422, [field])
        assert api.ledger() == before

    def test_of_a_chart_is_refused_by_its_tag(self, world: World, api: Api) -> None:
        world.images.push("web", "v1.0.0", b"one", media_type=CHART)

        assert by_hand(api, {"tag": "v1.0.0"}).fields == ["artifact.tag"]

    def test_of_an_image_for_a_service_of_zips_is_refused(self, world: World, api: Api) -> None:
        world.register(a_definition("zips"))
        world.images.push("web", "v1.0.0", b"one")

        assert by_hand(api, {"tag": "v1.0.0"}, service="zips").fields == ["artifact"]

    def test_of_a_zip_for_a_service_of_images_is_a_conflict(self, world: World, api: Api) -> None:
        world.objects.put("artifacts", "web/v1.0.0/app.zip", b"zip")

        assert by_hand(api, {"key": "web/v1.0.0/app.zip"}).slug == "wrong-source"

    def test_waits_for_a_registry_that_does_not_answer(self, world: World, api: Api) -> None:
        world.images.push("web", "v1.0.0", b"one")
        world.images.unreachable = True

        assert by_hand(api, {"tag": "v1.0.0"}).status == 503

    def test_is_declared_in_the_specification(self, api: Api) -> None:
        schemas = api("GET", "/openapi.json", role=None).json["components"]["schemas"]

        assert set(schemas["ImageArtifactByHand"]["properties"]) == {"tag", "repository", "digest"}
        assert "ImageArtifactByHand" in json.dumps(schemas["ReleaseRequest"]["properties"]["artifact"])


class TestDeclaring:
    def test_a_repository_that_is_not_there_is_422_and_names_the_field(self, world: World) -> None:
        with pytest.raises(Invalid) as refused:
            world.register(of_images("shop", ecr="nowhere"))

        assert refused.value.extra["errors"] == [{"field": "source.ecr", "message": refused.value.detail}]


class TestAnEventOfEcs:
    def test_is_of_the_service_whose_colour_it_is(self, world: World) -> None:
        for color in ("blue", "green"):
            assert world.control.services.owning([f"{ARN}/turnout/web-{color}"]) == ("web",)

    @pytest.mark.parametrize("resources", [[], [f"{ARN}/turnout/other"], [f"{ARN}/elsewhere/web-blue"], [f"{ARN}/web-blue"]])
    def test_of_anything_else_is_nobodys(self, world: World, resources: list[str]) -> None:
        """An ARN of the old form names no cluster: the same service may be in several, and the tick looks anyway."""
        assert world.control.services.owning(resources) == ()

    def test_starts_a_pass_of_that_service(self, world: World) -> None:
        world.queues.due.clear()

        world.control.passes.changed(world.control.services.owning([f"{ARN}/turnout/web-blue"]))
        assert world.queues.due == ["web"]

    def test_of_a_service_that_was_removed_is_nobodys(self, world: World) -> None:
        world.control.services.remove("web", by=ALICE)

        assert world.control.services.owning([f"{ARN}/turnout/web-blue"]) == ()
