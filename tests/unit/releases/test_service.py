from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from chalicelib.access.model import Caller, Role
from chalicelib.errors import Conflict, Invalid, NotFound
from chalicelib.ledger import keys
from chalicelib.releases.model import Release
from chalicelib.releases.service import ByHand, ObjectByHand
from tests.unit.releases.builders import ADMIN, BUCKET, Corner, a_zip

KEY = "web/1.0.0/app.zip"
DIGEST = sha256(a_zip()).hexdigest()


@pytest.fixture
def corner() -> Corner:
    return Corner().register()


def register(corner: Corner, **fields: Any) -> tuple[Release, bool]:
    given = {"key": KEY, "object_version": None, "sha256": None} | {name: value for name, value in fields.items() if name not in ("service", "reason")}
    wanted = ByHand("1.0.0", ObjectByHand(**given), fields.get("reason", ""))
    return corner.releases.register(fields.get("service", "web"), wanted, ADMIN)


def field_of(refused: pytest.ExceptionInfo[Invalid]) -> object:
    return refused.value.extra["errors"][0]["field"]  # type: ignore[index]


class TestRegisteringByHand:
    def test_records_the_object_as_published_now_and_by_whom(self, corner: Corner) -> None:
        version = corner.upload()
        corner.clock.move(timedelta(hours=1))

        release, new = register(corner, sha256=DIGEST.upper(), reason="the event was lost")

        assert new
        assert (release.published_at, release.registered_by, release.artifact.object_version) == (corner.clock.now(), "ada", version)
        assert corner.services.get("web").deployment

    def test_again_changes_nothing(self, corner: Corner) -> None:
        corner.upload()
        release, _ = register(corner)
        after = corner.state()

        assert register(corner) == (release, False)
        assert corner.state() == after

    def test_makes_the_event_a_duplicate(self, corner: Corner) -> None:
        version = corner.upload()
        register(corner)

        assert corner.intake.take(BUCKET, KEY, version) is None
        assert corner.intake.reconcile() == 0

    def test_brings_in_what_was_rejected_before_the_service_was_known(self) -> None:
        corner = Corner()
        version = corner.upload()
        corner.intake.take(BUCKET, KEY, version)
        corner.register()

        assert register(corner, object_version=version)[1]

    def test_of_other_content_under_a_known_version_is_a_conflict(self, corner: Corner) -> None:
        corner.arrive(KEY)
        other = corner.upload("web/1.0.0/other.zip", a_zip({"x.py": b"x"}))

        with pytest.raises(Conflict) as refused:
            register(corner, key="web/1.0.0/other.zip", object_version=other)
        assert refused.value.slug == "version-reuse"

    @pytest.mark.parametrize("key", ["web/1.0.1/app.zip", "shop/1.0.0/app.zip", "app.zip", "web/1.0.0/release.json", ""])
    def test_names_the_key_that_is_of_something_else(self, corner: Corner, key: str) -> None:
        with pytest.raises(Invalid) as refused:
            register(corner, key=key)
        assert field_of(refused) == "artifact.key"

    @pytest.mark.parametrize(("content", "name"), [(None, "artifact.key"), (b"no zip", "artifact.key")])
    def test_names_the_key_of_what_is_missing_or_no_zip(self, corner: Corner, content: bytes | None, name: str) -> None:
        if content:
            corner.upload(KEY, content)
        before = corner.state()

        with pytest.raises(Invalid) as refused:
            register(corner)
        assert field_of(refused) == name
        assert corner.state() == before

    @pytest.mark.parametrize("digest", ["0" * 64, "sha256:" + DIGEST, "abc", ""])
    def test_names_the_digest_that_is_another(self, corner: Corner, digest: str) -> None:
        corner.upload()

        with pytest.raises(Invalid) as refused:
            register(corner, sha256=digest)
        assert field_of(refused) == "artifact.sha256"

    def test_needs_a_service(self, corner: Corner) -> None:
        with pytest.raises(NotFound):
            register(corner, service="shop", key="shop/1.0.0/app.zip")


class TestReading:
    def test_gets_and_lists_newest_first(self, corner: Corner) -> None:
        corner.arrive("web/1.0.0/app.zip")
        corner.clock.move(timedelta(seconds=1))
        corner.arrive("web/1.1.0/app.zip", a_zip({"x.py": b"x"}))

        assert corner.releases.get("web", "1.0.0").version == "1.0.0"
        assert [release.version for release in corner.releases.list("web", limit=10, cursor=None).items] == ["1.1.0", "1.0.0"]

    def test_of_what_is_not_there_is_not_found(self, corner: Corner) -> None:
        with pytest.raises(NotFound):
            corner.releases.get("web", "9.9.9")
        with pytest.raises(NotFound):
            corner.releases.list("shop", limit=10, cursor=None)

    def test_shows_rejections_by_the_callers_pattern_and_fills_pages(self, corner: Corner) -> None:
        for name in ("web", "shop", "web", "shop", "web"):
            corner.clock.move(timedelta(seconds=1))
            corner.arrive(f"{name}/1.0.0/app.tar", b"x")
        corner.arrive("stray.zip", b"x")
        limited = Caller("eve", Role.VIEWER, services="web*")

        page = corner.releases.rejections(by=limited, limit=2, cursor=None)
        rest = corner.releases.rejections(by=limited, limit=2, cursor=page.cursor)

        assert [rejection.service for rejection in (*page.items, *rest.items)] == ["web"] * 3
        assert rest.cursor is None
        assert len(corner.releases.rejections(by=ADMIN, limit=50, cursor=None).items) == 6

    def test_keeps_the_mark_apart_from_the_service(self, corner: Corner) -> None:
        version = corner.upload()
        corner.intake.take(BUCKET, KEY, version)

        mark = corner.ledger.find(keys.intake(f"s3://{BUCKET}/{KEY}?versionId={version}"))
        assert mark
        assert mark.outcome == "release"
