"""What becomes of tags that are pushed: the same promises as for uploads, for every service that names the repository."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.audit.chain import broken_at
from chalicelib.deployments.model import Phase
from chalicelib.errors import Invalid, Unavailable
from chalicelib.ledger import keys
from chalicelib.releases.images import Pushed
from chalicelib.releases.memory import REGISTRY
from chalicelib.releases.model import Rejection, Release
from tests.unit.releases.builders import ADMIN, Corner
from tests.unit.releases.test_intake import chain, rejections, releases, service, touch

CHART = "application/vnd.cncf.helm.config.v1+json"
REVISION = "org.opencontainers.image.revision"


@pytest.fixture
def corner() -> Corner:
    corner = Corner()
    corner.images.repositories |= {"web", "team/shop"}
    corner.register_images("web")
    corner.clock.move(timedelta(seconds=5))
    corner.ledger.calls.clear()
    return corner


def redefine(corner: Corner, name: str = "web", **source: Any) -> None:
    corner.register_images(name, **source)


class TestPush:
    def test_becomes_a_release_that_goes_to_staging(self, corner: Corner) -> None:
        digest = corner.images.push("web", "v1.0.0", b"one", labels={REVISION: "C0FFEE", "vendor": "us"})
        pushed = corner.clock.now()
        corner.clock.move(timedelta(seconds=3))

        [release] = corner.intake.take_image("web", "v1.0.0")

        assert isinstance(release, Release)
        assert (release.service, release.version, release.digest, release.commit, release.registered_by) == ("web", "v1.0.0", digest, "c0ffee", "turnout")
        assert release.artifact.uri == f"{REGISTRY}/web@{digest}"
        assert (release.published_at, release.registered_at) == (pushed, corner.clock.now())
        assert release.metadata == {REVISION: "C0FFEE", "vendor": "us"}
        deployment = service(corner).deployment
        assert deployment
        assert (deployment.build.digest, deployment.build.artifact, deployment.phase) == (digest, release.artifact, Phase.PENDING)
        assert broken_at(chain(corner)) is None

    def test_takes_two_requests_and_three_calls_of_the_ledger(self, corner: Corner) -> None:
        corner.push_image("v1.0.0")

        assert (corner.images.calls, corner.ledger.calls) == (["find", "labels"], ["list", "find_many", "commit"])

    def test_reads_no_labels_of_what_was_taken_in_before(self, corner: Corner) -> None:
        corner.push_image("v1.0.0")
        corner.images.calls.clear()

        assert corner.intake.take_image("web", "v1.0.0") == ()
        assert corner.images.calls == ["find"]

    def test_is_for_every_service_that_names_the_repository(self, corner: Corner) -> None:
        corner.register_images("admin", ecr="web", tag_pattern="v*")
        corner.register_images("other", ecr="web", tag_pattern="x*")
        corner.register_images("shop", ecr="team/shop")

        made = corner.push_image("v1.0.0", labels={"commit": "c0ffee"})

        assert [(release.service, release.version) for release in made] == [("admin", "v1.0.0"), ("web", "v1.0.0")]
        assert corner.images.calls == ["find", "labels"]
        assert [len(releases(corner, name)) for name in ("web", "admin", "other", "shop")] == [1, 1, 0, 0]
        assert broken_at(chain(corner, "admin")) is None

    def test_out_of_order_leaves_the_newer_one_deployed(self, corner: Corner) -> None:
        corner.images.push("web", "v1.0.0", b"one")
        corner.clock.move(timedelta(minutes=1))
        corner.images.push("web", "v1.1.0", b"two")

        corner.intake.take_image("web", "v1.1.0")
        corner.intake.take_image("web", "v1.0.0")

        deployment = service(corner).deployment
        assert deployment
        assert deployment.build.version == "v1.1.0"
        assert {release.version for release in releases(corner)} == {"v1.0.0", "v1.1.0"}

    def test_of_an_old_image_under_a_new_tag_is_as_old_as_the_image(self, corner: Corner) -> None:
        old = corner.images.push("web", "build-1", b"one")
        corner.clock.move(timedelta(hours=1))
        corner.push_image("v1.1.0", b"two")
        corner.clock.move(timedelta(hours=1))

        [release] = corner.push_image("v1.2.0", b"one")

        assert isinstance(release, Release)
        assert (release.digest, release.published_at) == (old, corner.images.find("web", "build-1").pushed_at)
        deployment = service(corner).deployment
        assert deployment
        assert deployment.build.version == "v1.1.0"

    @pytest.mark.parametrize(("low", "high", "kind"), [("3", "4", None), ("4", "3", "bad-metadata"), ("3", "", "bad-metadata")])
    def test_may_say_its_schemas(self, corner: Corner, low: str, high: str, kind: str | None) -> None:
        [made] = corner.push_image("v1.0.0", labels={"turnout.schema-min": low, "turnout.schema-max": high})

        if kind:
            assert isinstance(made, Rejection)
            assert made.kind == kind
            assert "turnout.schema-min" in made.reason
        else:
            assert isinstance(made, Release)
            assert made.schema_range
            assert (made.schema_range.min, made.schema_range.max) == (3, 4)

    def test_waits_for_labels_that_cannot_be_read(self, corner: Corner) -> None:
        before = corner.state()
        corner.images.without_labels = True

        with pytest.raises(Unavailable):
            corner.push_image("v1.0.0")
        assert corner.state() == before
        corner.images.without_labels = False
        assert len(corner.intake.take_image("web", "v1.0.0")) == 1


class TestNothing:
    @pytest.mark.parametrize("tag", ["", "latest", "sha256-" + "a" * 64, "sha256-" + "a" * 64 + ".sig"])
    def test_is_what_says_no_version(self, corner: Corner, tag: str) -> None:
        before = corner.state()

        assert corner.push_image(tag) == ()
        assert (corner.state(), corner.images.calls) == (before, [])

    def test_is_what_no_pattern_accepts_at_the_price_of_one_call(self, corner: Corner) -> None:
        redefine(corner, tag_pattern="v*")
        before = corner.state()
        corner.ledger.calls.clear()

        assert corner.push_image("build-17") == ()
        assert (corner.state(), corner.images.calls, corner.ledger.calls) == (before, [], ["list"])

    def test_is_what_lies_in_other_teams_repositories(self, corner: Corner) -> None:
        before = corner.state()
        corner.images.push("theirs", "v1.0.0", b"x")

        assert corner.intake.take_image("theirs", "v1.0.0") == ()
        assert (corner.state(), corner.images.calls, corner.ledger.calls) == (before, [], ["list"])

    def test_is_what_is_gone_again(self, corner: Corner) -> None:
        before = corner.state()

        assert corner.intake.take_image("web", "v1.0.0") == ()
        assert corner.state() == before

    def test_is_what_is_gone_before_its_labels_were_read(self, corner: Corner) -> None:
        before = corner.state()
        corner.images.push("web", "v1.0.0", b"one")
        corner.images.before_labels.append(lambda: corner.images.lose("web", "v1.0.0"))

        assert corner.intake.take_image("web", "v1.0.0") == ()
        assert corner.state() == before

    def test_is_what_is_pushed_for_a_service_that_was_removed(self, corner: Corner) -> None:
        corner.services.remove("web", by=ADMIN)
        corner.ledger.calls.clear()

        assert corner.push_image("v1.0.0") == ()
        assert (corner.images.calls, rejections(corner)) == ([], ())

    def test_is_what_loses_a_race_with_removal(self, corner: Corner) -> None:
        corner.ledger.before_commit.append(lambda: corner.services.remove("web", by=ADMIN))

        assert corner.push_image("v1.0.0") == ()
        assert (releases(corner), rejections(corner)) == ((), ())


class TestRejection:
    @pytest.mark.parametrize(("tag", "media_type", "kind"), [("_1", None, "bad-tag"), ("v" * 65, None, "bad-tag"), ("v1.0.0", CHART, "no-image")])
    def test_is_kept_once_with_its_reason_and_changes_no_service(self, corner: Corner, tag: str, media_type: str | None, kind: str) -> None:
        before = service(corner)
        digest = corner.images.push("web", tag, b"one", **({"media_type": media_type} if media_type else {}))

        made = [corner.intake.take_image("web", tag) for _ in range(3)]

        [[rejection], *rest] = made
        assert isinstance(rejection, Rejection)
        assert (rejection.kind, rejection.service, rejection.source) == (kind, "web", f"ecr://{REGISTRY}/web:{tag}@{digest}")
        assert rejection.reason
        assert (rest, rejections(corner)) == ([(), ()], (rejection,))
        assert service(corner) == before
        assert corner.images.calls == ["find"] * 3

    def test_is_of_each_service_for_itself(self, corner: Corner) -> None:
        corner.register_images("admin", ecr="web")

        made = corner.push_image("_1")

        assert [rejection.service for rejection in made] == ["admin", "web"]
        assert len({rejection.id for rejection in made}) == 2

    def test_of_another_digest_names_both_and_the_first_stays(self, corner: Corner) -> None:
        [release] = corner.push_image("v1.0.0", b"one")

        [rejection] = corner.push_image("v1.0.0", b"two")

        assert isinstance(rejection, Rejection)
        assert rejection.kind == "version-reuse"
        assert release.digest in rejection.reason
        assert corner.images.find("web", "v1.0.0").artifact.digest in rejection.reason
        assert releases(corner) == (release,)
        assert corner.intake.take_image("web", "v1.0.0") == ()

    def test_does_not_come_of_a_tag_that_moved_back(self, corner: Corner) -> None:
        corner.push_image("v1.0.0", b"one")
        corner.push_image("v1.0.0", b"two")

        assert corner.push_image("v1.0.0", b"one") == ()
        assert len(rejections(corner)) == 1

    def test_is_none_for_an_image_of_several_platforms(self, corner: Corner) -> None:
        corner.images.push("web", "v1.0.0", b"one", media_type=None)

        assert isinstance(corner.intake.take_image("web", "v1.0.0")[0], Release)


class TestEvents:
    def test_that_come_again_change_nothing(self, corner: Corner) -> None:
        corner.push_image("v1.0.0")
        after = corner.state()

        assert [corner.intake.take_image("web", "v1.0.0") for _ in range(2)] == [(), ()]
        assert corner.state() == after

    def test_of_a_tag_that_has_moved_on_mean_what_it_is_now(self, corner: Corner) -> None:
        corner.images.push("web", "v1.0.0", b"one")
        second = corner.images.push("web", "v1.0.0", b"two")

        made = [corner.intake.take_image("web", "v1.0.0") for _ in range(2)]

        assert [[one.digest for one in each] for each in made] == [[second], []]

    def test_for_a_service_that_is_registered_later_bring_the_image_in_and_do_not_deploy_it(self) -> None:
        corner = Corner()
        corner.images.push("web", "v1.0.0", b"one")
        assert corner.intake.take_image("web", "v1.0.0") == ()
        corner.clock.move(timedelta(hours=1))
        corner.register_images("web")

        assert len(corner.intake.take_image("web", "v1.0.0")) == 1
        assert service(corner).deployment is None

    def test_go_to_the_new_repository_from_the_change_of_the_definition_on(self, corner: Corner) -> None:
        redefine(corner, ecr="team/shop")

        assert corner.push_image("v1.0.0") == ()
        assert [one.version for one in corner.push_image("v1.0.1", repository="team/shop")] == ["v1.0.1"]

    def test_of_one_service_that_fails_do_not_keep_back_another(self, corner: Corner) -> None:
        corner.register_images("admin", ecr="web")
        corner.images.push("web", "v1.0.0", b"one")
        corner.ledger.before_commit += [lambda: touch(corner, "admin")] * 6

        with pytest.raises(Unavailable):
            corner.intake.take_image("web", "v1.0.0")
        assert len(releases(corner, "web")) == 1
        assert [one.service for one in corner.intake.take_image("web", "v1.0.0")] == ["admin"]


class TestRace:
    def test_of_two_deliveries_is_one_release(self, corner: Corner) -> None:
        corner.images.push("web", "v1.0.0", b"one")
        corner.ledger.before_commit.append(lambda: corner.intake.take_image("web", "v1.0.0"))

        assert corner.intake.take_image("web", "v1.0.0") == ()
        assert (len(releases(corner)), rejections(corner)) == (1, ())
        assert broken_at(chain(corner)) is None

    def test_of_two_deliveries_is_one_rejection(self, corner: Corner) -> None:
        corner.images.push("web", "_1", b"one")
        corner.ledger.before_commit.append(lambda: corner.intake.take_image("web", "_1"))

        assert corner.intake.take_image("web", "_1") == ()
        assert len(rejections(corner)) == 1

    def test_of_two_digests_is_won_by_the_first_recorded(self, corner: Corner) -> None:
        first = corner.images.push("web", "v1.0.0", b"one")

        def overtaken() -> None:
            corner.images.push("web", "v1.0.0", b"two")
            corner.intake.take_image("web", "v1.0.0")

        corner.ledger.before_commit.append(overtaken)

        [rejection] = corner.intake.take_image("web", "v1.0.0")

        assert isinstance(rejection, Rejection)
        assert (rejection.kind, first in rejection.source) == ("version-reuse", True)
        [release] = releases(corner)
        assert release.digest == corner.images.find("web", "v1.0.0").artifact.digest

    def test_with_a_pass_is_decided_again_without_reading_labels_again(self, corner: Corner) -> None:
        corner.ledger.before_commit += [lambda: touch(corner)] * 4

        assert len(corner.push_image("v1.0.0")) == 1
        assert corner.images.calls == ["find", "labels"]


class TestReconciling:
    def test_takes_what_no_event_told_of_oldest_first(self, corner: Corner) -> None:
        for tag in ("z-first", "a-second"):
            corner.images.push("web", tag, tag.encode())
            corner.clock.move(timedelta(seconds=1))
        corner.images.push("web", "_3", b"3")
        corner.images.push("web", "latest", b"4")

        assert corner.intake.reconcile() == 3
        assert [key for entry in chain(corner) for key in entry.patch if key.startswith("release/")] == ["release/z-first", "release/a-second"]
        assert [rejection.kind for rejection in rejections(corner)] == ["bad-tag"]

    def test_finds_nothing_a_second_time_and_then_the_late_event_changes_nothing(self, corner: Corner) -> None:
        corner.images.push("web", "v1.0.0", b"one")
        corner.intake.reconcile()
        after = corner.state()

        assert corner.intake.reconcile() == 0
        assert corner.intake.take_image("web", "v1.0.0") == ()
        assert corner.state() == after

    def test_asks_nothing_of_the_registry_where_no_service_names_one(self) -> None:
        corner = Corner().register()
        corner.ledger.calls.clear()

        assert corner.intake.reconcile() == 0
        assert (corner.images.calls, corner.ledger.calls) == ([], ["list", "find"])

    def test_of_every_service_for_itself(self, corner: Corner) -> None:
        corner.register_images("admin", ecr="web", tag_pattern="v1*")
        corner.register_images("shop", ecr="team/shop")
        for repository, tag in (("web", "v1.0.0"), ("web", "v2.0.0"), ("team/shop", "v1.0.0")):
            corner.images.push(repository, tag, tag.encode())

        assert corner.intake.reconcile() == 4
        assert [len(releases(corner, name)) for name in ("web", "admin", "shop")] == [2, 1, 1]

    def test_brings_in_and_does_not_deploy_what_was_pushed_before_the_service_was_registered(self) -> None:
        corner = Corner()
        corner.images.push("web", "v1.0.0", b"one")
        corner.clock.move(timedelta(days=30))
        corner.register_images("web")

        assert corner.intake.reconcile() == 1
        assert service(corner).deployment is None

    def test_reads_marks_a_hundred_at_a_time_and_none_of_what_an_earlier_sweep_covered(self, corner: Corner) -> None:
        for number in range(250):
            corner.images.push("web", f"_{number}", b"%d" % number)
        assert corner.intake.reconcile() == 250
        corner.clock.move(timedelta(days=2))
        corner.intake.reconcile()
        corner.intake.reconcile()
        corner.ledger.calls.clear()

        assert corner.intake.reconcile() == 0
        assert corner.ledger.calls == ["list", "find", "find", "find"]

    def test_finds_an_old_image_under_a_new_tag_within_a_day(self, corner: Corner) -> None:
        corner.images.push("web", "build-1", b"one")
        corner.intake.reconcile()
        corner.clock.move(timedelta(days=3))
        corner.intake.reconcile()
        corner.intake.reconcile()
        corner.images.push("web", "v1.0.0", b"one")

        assert corner.intake.reconcile() == 0
        corner.clock.move(timedelta(days=1))
        corner.intake.reconcile()
        assert corner.intake.reconcile() == 1

    def test_goes_through_everything_when_another_pattern_is_asked_for(self, corner: Corner) -> None:
        redefine(corner, tag_pattern="v*")
        corner.images.push("web", "1.0.0", b"one")
        corner.intake.reconcile()
        corner.clock.move(timedelta(days=3))
        corner.intake.reconcile()
        corner.intake.reconcile()

        redefine(corner, tag_pattern="*")

        assert corner.intake.reconcile() == 1

    def test_stops_in_time_and_goes_on_where_it_stopped(self, corner: Corner) -> None:
        corner.register_images("admin", ecr="team/shop")
        corner.images.seconds_for_labels = 20
        for number in range(3):
            corner.images.push("web", f"v{number}", b"%d" % number)
            corner.images.push("team/shop", f"v{number}", b"%d" % number)
            corner.clock.move(timedelta(seconds=1))

        assert [corner.intake.reconcile() for _ in range(4)] == [2, 2, 2, 0]
        assert [len(releases(corner, name)) for name in ("admin", "web")] == [3, 3]

    def test_of_a_repository_that_is_gone_does_not_keep_back_the_others(self, corner: Corner) -> None:
        corner.register_images("admin", ecr="team/shop")
        corner.images.push("web", "v1.0.0", b"one")
        corner.images.repositories.remove("team/shop")

        assert corner.intake.reconcile() == 1

    def test_goes_past_what_fails_and_comes_back_to_it_however_old(self, corner: Corner) -> None:
        corner.images.push("web", "v1.0.0", b"one")
        corner.images.without_labels = True
        assert corner.intake.reconcile() == 0

        corner.images.without_labels = False
        corner.clock.move(timedelta(days=30))

        assert corner.intake.reconcile() == 1

    def test_goes_through_the_bucket_whatever_is_wrong_with_repositories(self, corner: Corner) -> None:
        class Broken(RuntimeError):
            pass

        def broken(_: str) -> Iterator[Pushed]:
            raise Broken

        corner.images.tagged = broken  # type: ignore[method-assign]
        corner.register("zips")
        corner.upload("zips/1.0.0/app.zip")

        with pytest.raises(Broken):
            corner.intake.reconcile()
        assert len(releases(corner, "zips")) == 1


class TestDeclaring:
    def test_a_repository_that_is_not_there_is_refused_by_name(self) -> None:
        corner = Corner()
        before = corner.state()

        with pytest.raises(Invalid) as refused:
            corner.register_images("web")
        assert refused.value.extra["errors"][0]["field"] == "source.ecr"  # type: ignore[index]
        assert corner.state() == before

    def test_waits_for_a_registry_that_does_not_answer(self) -> None:
        corner = Corner()
        corner.images.unreachable = True

        with pytest.raises(Unavailable):
            corner.register_images("web")

    def test_again_goes_without_the_registry(self, corner: Corner) -> None:
        corner.images.unreachable = True

        redefine(corner, tag_pattern="v*")
        assert service(corner).definition.source.tag_pattern == "v*"

    def test_is_found_by_its_repository_as_long_as_it_lasts(self, corner: Corner) -> None:
        corner.register_images("admin", ecr="web", tag_pattern="v*")
        assert subscribed(corner, "web") == {"web": "*", "admin": "v*"}

        redefine(corner, "admin", ecr="team/shop", tag_pattern="v*")
        assert (subscribed(corner, "web"), subscribed(corner, "team/shop")) == ({"web": "*"}, {"admin": "v*"})

        corner.services.remove("web", by=ADMIN)
        assert (subscribed(corner, "web"), subscribed(corner)) == ({}, {"admin": "v*"})

        corner.register_images("web")
        assert subscribed(corner, "web") == {"web": "*"}

    def test_while_a_deployment_is_in_progress_changes_the_pattern(self, corner: Corner) -> None:
        corner.push_image("v1.0.0")

        redefine(corner, tag_pattern="v2*")

        assert subscribed(corner, "web") == {"web": "v2*"}
        assert corner.push_image("v1.0.1") == ()

    def test_that_changes_nothing_writes_nothing(self, corner: Corner) -> None:
        after = corner.state()

        redefine(corner)
        assert corner.state() == after


def subscribed(corner: Corner, repository: str | None = None) -> dict[str, str]:
    listing = keys.subscriptions_to(repository) if repository else keys.subscriptions()
    return {one.service: one.tag_pattern for one in corner.ledger.list(listing, limit=10).items}
