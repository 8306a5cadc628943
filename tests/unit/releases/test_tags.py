import pytest

from chalicelib.releases import tags


class TestATag:
    @pytest.mark.parametrize(
        ("tag", "pattern", "meant"),
        [
            ("v1.4.2", "v*", True), ("1.4.2", "v*", False), ("V1.4.2", "v*", False), ("v1", "v?", True), ("v10", "v?", False), ("anything", "*", True),
            ("latest", "*", False), ("latest", "latest", False), ("Latest", "*", True), ("", "*", False), ("_1", "*", True),
            ("sha256-" + "a" * 64, "*", False), ("sha256-" + "a" * 64 + ".sig", "*", False), ("sha256-" + "a" * 64 + ".att", "*", False),
            ("sha256-" + "a" * 64 + ".sbom", "*", False), ("sha256-" + "a" * 63, "*", True), ("sha256-" + "a" * 40, "sha256-*", True),
        ],
    )  # fmt: skip
    def test_is_a_release_where_the_pattern_accepts_it_and_it_says_a_version(self, tag: str, pattern: str, meant: bool) -> None:
        assert tags.is_release(tag, pattern) is meant

    @pytest.mark.parametrize("tag", ["v1.4.2", "1", "a" * 64, "A_b-c.d"])
    def test_is_the_version(self, tag: str) -> None:
        assert tags.version_of(tag) == tag

    @pytest.mark.parametrize("tag", ["_1", "a" * 65, "a" * 128, ".1", "-1", "v1\n"])
    def test_may_be_no_version(self, tag: str) -> None:
        assert tags.version_of(tag) is None
