import pytest

from chalicelib.releases.keys import ArtifactKey, BadKey, CompanionKey, parse


class TestArtifact:
    @pytest.mark.parametrize("key", ["web/1.4.2/app.zip", "web/1.4.2/other-name_2.zip", "web/1.4.2/evidence.zip", "web/1.4.2/..zip"])
    def test_is_a_zip_below_service_and_version(self, key: str) -> None:
        assert parse(key) == ArtifactKey("web", "1.4.2")

    def test_takes_the_longest_names(self) -> None:
        service, version = "a" * 40, "9" * 64

        assert parse(f"{service}/{version}/x.zip") == ArtifactKey(service, version)


class TestCompanion:
    @pytest.mark.parametrize("key", ["web/1.4.2/release.json", "web/1.4.2/evidence/junit.xml", "web/1.4.2/evidence/app.zip"])
    def test_is_a_manifest_or_evidence(self, key: str) -> None:
        assert parse(key) == CompanionKey("web", "1.4.2")


class TestBad:
    @pytest.mark.parametrize(
        "key",
        [
            "", "/", "//", "app.zip", "web/app.zip", "web/1.4.2/", "web/1.4.2", "web//app.zip", "/web/1.4.2/app.zip", "web/1.4.2//app.zip",
            "web/1.4.2/app.tar.gz", "web/1.4.2/app.ZIP", "web/1.4.2/.zip", "web/1.4.2/deep/app.zip", "web/1.4.2/app.zip/", "web/1.4.2/RELEASE.json",
            "Web/1.4.2/app.zip", "1web/1.4.2/app.zip", "we_b/1.4.2/app.zip", f"{'a' * 41}/1.4.2/app.zip", "web\n/1.4.2/app.zip", "wéb/1.4.2/app.zip",
            "web/../app.zip", "web/./app.zip", "web/-1/app.zip", "web/1+2/app.zip", f"web/{'9' * 65}/app.zip", "web/1.4.2\n/app.zip", "web/1.4.2\0/app.zip",
            "../1.4.2/app.zip", "web/1.4.2/app%20one.zip", "web/1.4.2/app+one.zip", "web/1.4.2/app one.zip", "web%2F1.4.2%2Fapp.zip", "web/1.4.2/app.zip\n",
            "web/1.4.2/evidence/", "web/1.4.2/evidence/a/b.xml", "web/1.4.2/evidence/j unit.xml", "web\\1.4.2\\app.zip", "web/1.4.2/\u202eapp.zip",
            "x" * 1024,
        ],
    )
    def test_is_everything_else_and_says_what_to_upload(self, key: str) -> None:
        place = parse(key)

        assert isinstance(place, BadKey)
        assert "{service}/{version}/{name}.zip" in place.reason

    def test_keeps_what_could_be_read(self) -> None:
        assert parse("web/1.4.2/app.tar") == BadKey("web", "1.4.2", parse("web/1.4.2/app.tar").reason)  # type: ignore[union-attr]
        assert parse("web/1+2/app.zip").version is None
