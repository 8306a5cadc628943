from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any, cast

import pytest

from chalicelib.audit.chain import Entry, broken_at, replayed
from chalicelib.clock import ManualClock
from chalicelib.deployments.model import Phase
from chalicelib.errors import Unavailable
from chalicelib.ledger import codec, keys
from chalicelib.ledger.memory import MemoryLedger
from chalicelib.releases.memory import MemoryObjects
from chalicelib.releases.model import Rejection, Release
from chalicelib.releases.objects import ObjectVersion
from chalicelib.services.model import Service
from chalicelib.services.recording import Deed, recorded
from tests.unit.releases.builders import ADMIN, BUCKET, Corner, a_zip

KEY = "web/1.0.0/app.zip"
OTHER = a_zip({"app.py": b"something else\n"})


@pytest.fixture
def corner() -> Corner:
    corner = Corner().register()
    corner.ledger.calls.clear()
    return corner


def service(corner: Corner, name: str = "web") -> Service:
    found = corner.ledger.find(keys.service(name))
    assert isinstance(found, Service)
    return found


def releases(corner: Corner, name: str = "web") -> tuple[Release, ...]:
    return corner.ledger.list(keys.releases(name), limit=100).items


def rejections(corner: Corner) -> tuple[Rejection, ...]:
    return corner.ledger.list(keys.rejections(), limit=100).items


def chain(corner: Corner, name: str = "web") -> tuple[Entry, ...]:
    return tuple(reversed(corner.ledger.list(keys.audit_of(f"service/{name}"), limit=100).items))


def touch(corner: Corner, name: str = "web") -> None:
    """Somebody else writes the service."""
    before = service(corner, name)
    _, change = recorded(before, replace(before, due_at=corner.clock.now()), Deed(corner.clock.now(), "else", "touched"))
    MemoryLedger.commit(corner.ledger, change)


class TestUpload:
    def test_becomes_a_release_that_goes_to_staging(self, corner: Corner) -> None:
        corner.clock.move(timedelta(seconds=5))
        version = corner.upload(KEY, a_zip(), commit="c0ffee", branch="main")
        published = corner.clock.now()
        corner.clock.move(timedelta(seconds=3))

        release = corner.intake.take(BUCKET, KEY, version)

        assert isinstance(release, Release)
        assert (release.service, release.version, release.commit, release.registered_by) == ("web", "1.0.0", "c0ffee", "turnout")
        assert (release.published_at, release.registered_at) == (published, corner.clock.now())
        assert release.artifact.sha256 == sha256(a_zip()).hexdigest()
        assert release.artifact.uri == f"s3://{BUCKET}/{KEY}?versionId={version}"
        assert release.metadata == {"commit": "c0ffee", "branch": "main"}
        deployment = service(corner).deployment
        assert deployment
        assert (deployment.build.version, deployment.phase, deployment.build.digest) == ("1.0.0", Phase.PENDING, release.digest)
        assert service(corner).due_at == corner.clock.now()

    def test_takes_three_calls_and_its_duplicate_one(self, corner: Corner) -> None:
        version = corner.upload()

        corner.intake.take(BUCKET, KEY, version)
        assert (corner.ledger.calls, corner.objects.fetched) == (["find_many", "commit"], 1)

        corner.intake.take(BUCKET, KEY, version)
        assert (corner.ledger.calls, corner.objects.fetched) == (["find_many", "commit", "find_many"], 1)

    def test_is_in_the_audit_chain_with_the_release(self, corner: Corner) -> None:
        release = corner.arrive()

        entries = chain(corner)
        assert [entry.action for entry in entries] == ["registered", "release-registered"]
        assert broken_at(entries) is None
        assert replayed(entries)["release/1.0.0"] == codec.told(release)

    @pytest.mark.parametrize("named", ["main", "", "f" * 65, "../etc", "c0ffee\n1", "g0ffee"])
    def test_keeps_a_commit_that_looks_like_none_in_the_metadata_only(self, corner: Corner, named: str) -> None:
        release = corner.arrive(KEY, None, commit=named)

        assert (release.commit, release.metadata) == (None, {"commit": named})

    def test_reads_a_commit_in_capitals(self, corner: Corner) -> None:
        assert corner.arrive(KEY, None, commit="C0FFEE").commit == "c0ffee"

    def test_older_than_the_service_is_registered_and_not_deployed(self) -> None:
        corner = Corner()
        version = corner.upload()
        corner.clock.move(timedelta(hours=1))
        corner.register()

        assert isinstance(corner.intake.take(BUCKET, KEY, version), Release)
        assert service(corner).deployment is None
        assert broken_at(chain(corner)) is None

    def test_out_of_order_leaves_the_newer_one_deployed(self, corner: Corner) -> None:
        older = corner.upload("web/1.0.0/app.zip")
        corner.clock.move(timedelta(minutes=1))
        newer = corner.upload("web/1.1.0/app.zip", OTHER)

        corner.intake.take(BUCKET, "web/1.1.0/app.zip", newer)
        corner.intake.take(BUCKET, "web/1.0.0/app.zip", older)

        deployment = service(corner).deployment
        assert deployment
        assert deployment.build.version == "1.1.0"
        assert {release.version for release in releases(corner)} == {"1.0.0", "1.1.0"}

    @pytest.mark.parametrize("key", ["web/1.0.0/release.json", "web/1.0.0/evidence/junit.xml"])
    def test_of_evidence_or_a_manifest_changes_nothing_yet(self, corner: Corner, key: str) -> None:
        before = corner.state()

        assert corner.arrive(key, b"{}") is None
        assert corner.state() == before

    def test_to_another_bucket_is_not_ours(self, corner: Corner) -> None:
        before = corner.state()

        assert corner.intake.take("someone-elses", KEY, "v1") is None
        assert (corner.state(), corner.ledger.calls) == (before, [])

    def test_that_is_gone_leaves_no_mark(self, corner: Corner) -> None:
        before = corner.state()

        assert corner.intake.take(BUCKET, KEY, "never") is None
        assert corner.state() == before

    def test_without_a_version_is_pinned_to_the_one_there_is(self, corner: Corner) -> None:
        version = corner.upload()

        release = corner.intake.take(BUCKET, KEY, None)

        assert isinstance(release, Release)
        assert release.artifact.object_version == version
        assert corner.intake.take(BUCKET, KEY, version) is None
        assert corner.intake.take(BUCKET, KEY, "null") is None


class Unversioned(MemoryObjects):
    """A bucket that keeps no versions."""

    def fetch(self, bucket: str, key: str, object_version: str | None) -> Any:
        return replace(super().fetch(bucket, key, object_version), object_version=None)

    def versions(self, bucket: str, prefix: str = "", *, after: str = "") -> Any:
        return (replace(found, object_version=None) for found in super().versions(bucket, prefix, after=after) if found.is_latest)


class TestBucketWithoutVersions:
    def test_tells_uploads_apart_by_their_time(self, corner: Corner) -> None:
        objects = Unversioned(corner.clock)
        corner.uploads._objects = objects
        objects.put(BUCKET, KEY, b"no zip")

        assert isinstance(corner.intake.take(BUCKET, KEY, None), Rejection)
        assert corner.intake.take(BUCKET, KEY, None) is None
        assert corner.intake.reconcile() == 0

        corner.clock.move(timedelta(seconds=1))
        objects.put(BUCKET, KEY, a_zip())
        assert corner.intake.reconcile() == 1
        assert [release.version for release in releases(corner)] == ["1.0.0"]


class TestDuplicates:
    def test_three_deliveries_are_one_release(self, corner: Corner) -> None:
        version = corner.upload()
        corner.intake.take(BUCKET, KEY, version)
        after = corner.state()

        assert [corner.intake.take(BUCKET, KEY, version) for _ in range(2)] == [None, None]
        assert corner.state() == after

    @pytest.mark.parametrize("key", [KEY, "web/1.0.0/other.zip"])
    def test_the_same_content_again_is_marked_and_nothing_else(self, corner: Corner, key: str) -> None:
        corner.arrive(KEY, a_zip())
        before = service(corner)

        assert corner.arrive(key, a_zip()) is None
        assert (service(corner), len(releases(corner)), rejections(corner)) == (before, 1, ())
        assert corner.intake.reconcile() == 0


class TestRejection:
    @pytest.mark.parametrize(
        ("key", "content", "kind"),
        [
            ("web/1.0.0/app.tar.gz", b"x", "bad-key"),
            ("just-a-file.zip", b"x", "bad-key"),
            ("nobody/1.0.0/app.zip", None, "unknown-service"),
            (KEY, b"no zip", "bad-zip"),
            (KEY, b"", "bad-zip"),
            (KEY, a_zip({"../app.py": b"x"}), "bad-zip"),
            ("off/1.0.0/app.zip", None, "wrong-source"),
        ],
    )
    def test_is_kept_once_with_its_reason_and_changes_no_service(self, corner: Corner, key: str, content: bytes | None, kind: str) -> None:
        corner.register("off", source={"s3": False})
        before = service(corner), service(corner, "off")
        version = corner.upload(key, content)

        rejection = corner.intake.take(BUCKET, key, version)
        again = [corner.intake.take(BUCKET, key, version) for _ in range(2)]

        assert isinstance(rejection, Rejection)
        assert (rejection.kind, rejection.source) == (kind, f"s3://{BUCKET}/{key}?versionId={version}")
        assert rejection.reason
        assert (again, rejections(corner)) == ([None, None], (rejection,))
        assert (service(corner), service(corner, "off")) == before

    def test_of_another_digest_names_both(self, corner: Corner) -> None:
        corner.arrive(KEY, a_zip())
        before = service(corner)

        rejection = corner.arrive(KEY, OTHER)

        assert isinstance(rejection, Rejection)
        assert rejection.kind == "version-reuse"
        assert sha256(a_zip()).hexdigest() in rejection.reason
        assert sha256(OTHER).hexdigest() in rejection.reason
        assert service(corner) == before

    def test_of_a_removed_service(self, corner: Corner) -> None:
        corner.services.remove("web", by=ADMIN)

        assert corner.arrive().kind == "unknown-service"

    def test_without_downloading_what_nobody_asked_for(self, corner: Corner) -> None:
        corner.arrive("nobody/1.0.0/app.zip")
        corner.arrive("bad.zip")

        assert corner.objects.fetched == 0

    def test_does_not_keep_the_version_from_being_uploaded_again(self, corner: Corner) -> None:
        corner.arrive(KEY, b"no zip")

        assert isinstance(corner.arrive(KEY, a_zip()), Release)

    def test_ids_sort_by_time_and_are_never_the_same(self, corner: Corner) -> None:
        made = []
        for number in range(20):
            made.append(corner.arrive(f"{number}.zip", b"x").id)
            corner.clock.move(timedelta(microseconds=1))

        assert made == sorted(set(made))
        same_moment = {corner.arrive(f"same-{number}.zip", b"x").id for number in range(20)}
        assert len(same_moment) == 20


class TestRace:
    def test_of_two_digests_is_won_by_the_first_recorded(self, corner: Corner) -> None:
        ours, theirs = corner.upload(KEY, a_zip()), corner.upload(KEY, OTHER)
        corner.ledger.before_commit.append(lambda: corner.intake.take(BUCKET, KEY, theirs))

        outcome = corner.intake.take(BUCKET, KEY, ours)

        assert isinstance(outcome, Rejection)
        assert outcome.kind == "version-reuse"
        [release] = releases(corner)
        assert release.artifact.object_version == theirs
        assert broken_at(chain(corner)) is None

    def test_of_two_uploads_of_the_same_is_one_release(self, corner: Corner) -> None:
        ours, theirs = corner.upload(KEY), corner.upload("web/1.0.0/other.zip")
        corner.ledger.before_commit.append(lambda: corner.intake.take(BUCKET, "web/1.0.0/other.zip", theirs))

        assert corner.intake.take(BUCKET, KEY, ours) is None
        assert (len(releases(corner)), rejections(corner)) == (1, ())

    def test_of_two_deliveries_is_one_release(self, corner: Corner) -> None:
        version = corner.upload(KEY)
        corner.ledger.before_commit.append(lambda: corner.intake.take(BUCKET, KEY, version))

        assert corner.intake.take(BUCKET, KEY, version) is None
        assert len(releases(corner)) == 1

    def test_of_two_deliveries_is_one_rejection(self, corner: Corner) -> None:
        version = corner.upload(KEY, b"no zip")
        corner.ledger.before_commit.append(lambda: corner.intake.take(BUCKET, KEY, version))

        assert corner.intake.take(BUCKET, KEY, version) is None
        assert len(rejections(corner)) == 1

    def test_with_a_pass_is_decided_again_without_downloading_again(self, corner: Corner) -> None:
        corner.ledger.before_commit += [lambda: touch(corner)] * 4

        assert isinstance(corner.arrive(), Release)
        assert corner.objects.fetched == 1

    def test_lost_six_times_asks_to_be_delivered_again(self, corner: Corner) -> None:
        corner.ledger.before_commit += [lambda: touch(corner)] * 6
        version = corner.upload()

        with pytest.raises(Unavailable):
            corner.intake.take(BUCKET, KEY, version)
        assert isinstance(corner.intake.take(BUCKET, KEY, version), Release)

    def test_with_removal_is_a_rejection(self, corner: Corner) -> None:
        corner.ledger.before_commit.append(lambda: corner.services.remove("web", by=ADMIN))

        assert corner.arrive().kind == "unknown-service"
        assert releases(corner) == ()


class Slow(MemoryObjects):
    """A bucket from which every download takes 50 seconds."""

    def __init__(self, clock: ManualClock, broken: set[str] | None = None) -> None:
        super().__init__(clock)
        self.broken = broken or set()
        self.asked: list[str] = []
        self.listed_after: list[str] = []

    def fetch(self, bucket: str, key: str, object_version: str | None) -> Any:
        self.asked.append(key)
        cast(ManualClock, self.clock).move(timedelta(seconds=50))
        if key in self.broken:
            raise Unavailable("no answer")
        return super().fetch(bucket, key, object_version)

    def versions(self, bucket: str, prefix: str = "", *, after: str = "") -> Iterator[ObjectVersion]:
        self.listed_after.append(after)
        return super().versions(bucket, prefix, after=after)


class TestReconciling:
    def test_takes_what_no_event_told_of_oldest_first(self, corner: Corner) -> None:
        corner.upload("web/1.0.0/app.zip", a_zip())
        corner.clock.move(timedelta(seconds=1))
        corner.upload("web/1.0.0/app.zip", OTHER)
        corner.upload("web/1.0.0/release.json", b"{}")
        corner.upload("bad.zip", b"x")

        assert corner.intake.reconcile() == 3
        [release] = releases(corner)
        assert release.artifact.sha256 == sha256(a_zip()).hexdigest()
        assert sorted(rejection.kind for rejection in rejections(corner)) == ["bad-key", "version-reuse"]

    def test_finds_nothing_a_second_time(self, corner: Corner) -> None:
        corner.upload()
        corner.intake.reconcile()
        after = corner.state()

        assert corner.intake.reconcile() == 0
        assert corner.state() == after

    def test_then_the_late_event_changes_nothing(self, corner: Corner) -> None:
        version = corner.upload()
        corner.intake.reconcile()
        after = corner.state()

        assert corner.intake.take(BUCKET, KEY, version) is None
        assert corner.state() == after

    def test_reads_marks_a_hundred_at_a_time(self, corner: Corner) -> None:
        for number in range(250):
            corner.arrive(f"{number}.zip", b"x")
        corner.ledger.calls.clear()

        assert corner.intake.reconcile() == 0
        assert corner.ledger.calls == ["list", "find"] + ["find_many"] * 3

    def test_reads_no_marks_of_what_an_earlier_sweep_covered(self, corner: Corner) -> None:
        corner.arrive(KEY)
        corner.intake.reconcile()
        corner.clock.move(timedelta(days=2))
        corner.intake.reconcile()
        corner.ledger.calls.clear()
        corner.upload("web/2.0.0/app.zip", OTHER)

        assert corner.intake.reconcile() == 1
        assert corner.ledger.calls == ["list", "find", "find_many", "find_many", "commit"]

    def test_reads_no_marks_of_evidence_and_manifests(self, corner: Corner) -> None:
        corner.upload("web/1.0.0/release.json", b"{}")
        corner.upload("web/1.0.0/evidence/junit.xml", b"<a/>")
        corner.ledger.calls.clear()

        assert corner.intake.reconcile() == 0
        assert corner.ledger.calls == ["list", "find"]

    def test_takes_what_turned_up_with_a_moment_that_was_swept(self, corner: Corner) -> None:
        corner.intake.reconcile()
        corner.clock.move(timedelta(hours=3))
        corner.intake.reconcile()
        corner.upload()
        corner.clock.move(timedelta(hours=3))
        corner.intake.reconcile()

        assert [release.version for release in releases(corner)] == ["1.0.0"]

    def test_stops_in_time_and_goes_on_where_it_stopped(self, corner: Corner) -> None:
        objects = corner.uploads._objects = Slow(corner.clock)
        for number in range(4):
            objects.put(BUCKET, f"web/{number}.0.0/app.zip", a_zip({"app.py": b"%d" % number}))

        assert [corner.intake.reconcile() for _ in range(3)] == [2, 2, 0]
        assert objects.asked == ["web/0.0.0/app.zip", "web/1.0.0/app.zip", "web/2.0.0/app.zip", "web/3.0.0/app.zip"]
        assert objects.listed_after == ["", "web/1.0.0/app.zip", "web/3.0.0/app.zip"]

    def test_goes_past_what_fails_and_comes_back_to_it_however_old(self, corner: Corner) -> None:
        objects = corner.uploads._objects = Slow(corner.clock, broken={"web/0.0.0/app.zip", "web/1.0.0/app.zip"})
        for number in range(3):
            objects.put(BUCKET, f"web/{number}.0.0/app.zip", a_zip({"app.py": b"%d" % number}))
        assert [corner.intake.reconcile() for _ in range(2)] == [0, 1]

        objects.broken.clear()
        corner.clock.move(timedelta(days=30))

        assert corner.intake.reconcile() == 2
        assert len(releases(corner)) == 3

    def test_of_one_that_fails_does_not_keep_back_the_others(self, corner: Corner) -> None:
        class Flaky(MemoryObjects):
            def fetch(self, bucket: str, key: str, object_version: str | None) -> Any:
                if key == "web/0.9.0/app.zip":
                    raise Unavailable("no answer")
                return super().fetch(bucket, key, object_version)

        objects = Flaky(corner.clock)
        corner.uploads._objects = objects
        objects.put(BUCKET, "web/0.9.0/app.zip", a_zip())
        objects.put(BUCKET, "web/1.0.0/app.zip", OTHER)

        assert corner.intake.reconcile() == 1
        assert [release.version for release in releases(corner)] == ["1.0.0"]
