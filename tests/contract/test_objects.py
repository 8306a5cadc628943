"""What every artifact bucket does. moto keeps versions as S3 does."""

import boto3
import pytest
from moto import mock_aws

from chalicelib.clock import ManualClock
from chalicelib.errors import NotFound, Unavailable
from chalicelib.releases import s3
from chalicelib.releases.memory import MemoryObjects
from chalicelib.releases.s3 import S3Objects
from tests.contract.breaking import new_clients, throttled

BUCKET = "artifacts"
KEY = "web/1.0.0/app.zip"


class InMemory:
    def __init__(self):
        self.objects = MemoryObjects(ManualClock())

    def put(self, key, content, metadata=None):
        return self.objects.put(BUCKET, key, content, metadata=metadata)


class OnMoto:
    versioning = True

    def __init__(self):
        self.clients = new_clients()
        self.objects = S3Objects(self.clients)
        self.s3 = boto3.client("s3")
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        if self.versioning:
            self.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})

    def put(self, key, content, metadata=None):
        return self.s3.put_object(Bucket=BUCKET, Key=key, Body=content, Metadata=metadata or {}).get("VersionId")


class WithoutVersions(OnMoto):
    versioning = False


@pytest.fixture(params=[InMemory, OnMoto])
def world(request):
    with mock_aws():
        yield request.param()


@pytest.fixture
def moto():
    with mock_aws():
        yield OnMoto()


class TestFetching:
    def test_gives_content_and_what_is_known_of_it(self, world):
        version = world.put(KEY, b"content", {"Commit": "abc"})

        with world.objects.fetch(BUCKET, KEY, version) as fetched:
            assert fetched.file.read() == b"content"
            assert (fetched.object_version, fetched.size, fetched.metadata) == (version, 7, {"commit": "abc"})
            assert fetched.last_modified.microsecond == 0
            assert fetched.last_modified.tzinfo

    def test_gives_exactly_the_version_that_was_named(self, world):
        first = world.put(KEY, b"first")
        world.put(KEY, b"second")

        with world.objects.fetch(BUCKET, KEY, first) as fetched:
            assert fetched.file.read() == b"first"

    def test_gives_the_current_version_when_none_is_named(self, world):
        world.put(KEY, b"first")
        second = world.put(KEY, b"second")

        with world.objects.fetch(BUCKET, KEY, None) as fetched:
            assert (fetched.file.read(), fetched.object_version) == (b"second", second)

    def test_the_file_can_be_read_from_anywhere(self, world):
        with world.objects.fetch(BUCKET, KEY, world.put(KEY, b"content")) as fetched:
            fetched.file.seek(3)
            assert fetched.file.read() == b"tent"

    def test_what_is_not_there_is_not_found(self, world):
        with pytest.raises(NotFound):
            world.objects.fetch(BUCKET, KEY, None)


class TestExistence:
    def test_is_of_exactly_the_version_that_was_named(self, world):
        version = world.put(KEY, b"content")

        assert world.objects.exists(BUCKET, KEY, version)
        assert world.objects.exists(BUCKET, KEY, None)
        assert not world.objects.exists(BUCKET, "web/1.0.0/other.zip", None)

    def test_of_a_version_is_not_that_of_the_object(self, world):
        first = world.put(KEY, b"content")
        second = world.put("web/2.0.0/app.zip", b"content")

        assert not world.objects.exists(BUCKET, KEY, second)
        assert world.objects.exists(BUCKET, KEY, first)


class TestListing:
    def test_lists_every_version(self, world):
        first, second = world.put(KEY, b"1"), world.put(KEY, b"22")

        found = {each.object_version: each for each in world.objects.versions(BUCKET)}

        assert {version: (each.key, each.size, each.is_latest) for version, each in found.items()} == {first: (KEY, 1, False), second: (KEY, 2, True)}

    def test_lists_only_below_the_prefix(self, world):
        world.put(KEY, b"1")
        world.put("other/1.0.0/app.zip", b"1")

        assert [each.key for each in world.objects.versions(BUCKET, "web/")] == [KEY]

    def test_lists_in_the_order_of_keys_from_behind_one(self, world):
        for key in ("web/2.0.0/app.zip", KEY, KEY, "web/1.0.0/b.zip", "shop/1.0.0/app.zip"):
            world.put(key, b"1")

        assert [each.key for each in world.objects.versions(BUCKET)] == ["shop/1.0.0/app.zip", KEY, KEY, "web/1.0.0/b.zip", "web/2.0.0/app.zip"]
        assert [each.key for each in world.objects.versions(BUCKET, after=KEY)] == ["web/1.0.0/b.zip", "web/2.0.0/app.zip"]

    def test_lists_nothing_when_there_is_nothing(self, world):
        assert list(world.objects.versions(BUCKET)) == []


class TestS3:
    def test_reads_every_page(self, moto):
        keys = {f"web/{number}/app.zip" for number in range(5)}
        for key in keys:
            moto.put(key, b"1")
        calls = []

        def small(params, **_):
            params["MaxKeys"] = 2
            calls.append(params)

        moto.clients.s3.meta.events.register("provide-client-params.s3.ListObjectVersions", small)

        assert {each.key for each in moto.objects.versions(BUCKET)} == keys
        assert len(calls) == 3

    def test_leaves_delete_markers_out(self, moto):
        version = moto.put(KEY, b"1")
        moto.s3.delete_object(Bucket=BUCKET, Key=KEY)

        assert [(each.object_version, each.is_latest) for each in moto.objects.versions(BUCKET)] == [(version, False)]

    def test_a_bucket_without_versions_names_none(self):
        with mock_aws():
            world = WithoutVersions()
            world.put(KEY, b"1")

            assert [each.object_version for each in world.objects.versions(BUCKET)] == [None]
            with world.objects.fetch(BUCKET, KEY, None) as fetched:
                assert fetched.object_version is None

    def test_downloads_with_one_request(self, moto):
        version = moto.put(KEY, b"content")
        calls = []
        moto.clients.s3.meta.events.register("before-call.s3.*", lambda model, **_: calls.append(model.name))

        moto.objects.fetch(BUCKET, KEY, version).file.close()

        assert calls == ["GetObject"]

    def test_what_is_too_large_is_not_downloaded(self, moto, monkeypatch):
        monkeypatch.setattr(s3, "LARGEST_DOWNLOAD", 3)

        with moto.objects.fetch(BUCKET, KEY, moto.put(KEY, b"content")) as fetched:
            assert (fetched.file.read(), fetched.size) == (b"", 7)

    def test_looks_for_one_without_downloading_it(self, moto):
        version = moto.put(KEY, b"content")
        calls = []
        moto.clients.s3_look.meta.events.register("before-call.s3.*", lambda model, **_: calls.append(model.name))

        moto.objects.exists(BUCKET, KEY, version)

        assert calls == ["HeadObject"]

    def test_may_not_say_that_it_is_gone_when_it_may_not_look(self, moto):
        throttled(moto.clients.s3_look, "HeadObject", "AccessDenied", 403)

        with pytest.raises(Unavailable):
            moto.objects.exists(BUCKET, KEY, None)

    def test_no_answer_is_unavailable(self, moto):
        throttled(moto.clients.s3, "GetObject", "AccessDenied", 403)

        with pytest.raises(Unavailable):
            moto.objects.fetch(BUCKET, KEY, None)
