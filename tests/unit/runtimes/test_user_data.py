"""What stands in a launch template can be read back as it was meant, and is small enough for EC2."""

import pytest

from chalicelib.config.service import LARGEST as LARGEST_CONFIG
from chalicelib.errors import Invalid
from chalicelib.runtimes.autoscaling.user_data import LARGEST, Coordinates, coordinates_of, read_back, user_data

PINNED = Coordinates(bucket="artifacts", key="services/web/1.4.2/it's.zip", version="3/L4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY", sha256="ab" * 32)
NASTY = {
    "QUOTES": """it's "quoted" `date` $(date) ${HOME} \\ \\\\ !""",
    "LINES": "one\n# bootstrap.sh\nset -- \"$@\" 'EVIL=1'\n\ttwo\r\n\n",
    "EMPTY": "",
    "EQUALS": "a=b=c",
    "WIDE": "Ωé 💥",
    "PATH": "/nowhere",
    "set": "set",
    "PLAIN": "value",
}


class TestUserData:
    def test_is_read_back_as_it_was(self) -> None:
        text = user_data(PINNED, NASTY)

        assert read_back(text) == NASTY
        assert coordinates_of(text) == PINNED

    def test_is_the_same_for_the_same_whatever_the_order(self) -> None:
        assert user_data(PINNED, NASTY) == user_data(PINNED, dict(reversed(NASTY.items())))

    def test_is_read_back_with_another_bootstrap_after_it(self) -> None:
        header = user_data(PINNED, NASTY).partition("set -u\n")[0]

        assert read_back(header + "echo 'a quote that is never closed") == NASTY

    @pytest.mark.parametrize("other", ["", "#!/bin/bash\nyum -y install httpd\n", "Content-Type: multipart/mixed", "#!/bin/sh\nTURNOUT_ARTIFACT_KEY='never closed"])
    def test_that_is_not_ours_says_nothing(self, other: str) -> None:
        assert read_back(other) == {}
        assert coordinates_of(other) is None

    def test_too_large_for_ec2_is_refused_with_its_size(self) -> None:
        room = LARGEST - len(user_data(PINNED, {"A": "x"}).encode()) + 1

        assert len(user_data(PINNED, {"A": "x" * room}).encode()) == LARGEST
        with pytest.raises(Invalid, match=f"would be {LARGEST + 1} bytes, and EC2 takes {LARGEST}"):
            user_data(PINNED, {"A": "x" * (room + 1)})

    @pytest.mark.parametrize("environment", [{"a-b": "1"}, {"1A": "1"}, {"": "1"}, {"A\n": "1"}, {"Ä": "1"}, {"A": "1\0"}])
    def test_with_what_no_process_can_be_given_is_refused(self, environment: dict[str, str]) -> None:
        with pytest.raises(Invalid, match="cannot be a variable"):
            user_data(PINNED, environment)

    def test_has_room_for_the_largest_config(self) -> None:
        largest = {"DOCUMENT": '{"a": $1}' * (LARGEST_CONFIG // len('{"a": $1}'))}

        assert read_back(user_data(PINNED, largest)) == largest
