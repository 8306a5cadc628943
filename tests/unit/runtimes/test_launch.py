from base64 import b64encode

import pytest

from chalicelib.colors import Color
from chalicelib.runtimes.autoscaling.launch import Launch, decoded, described, encoded, runtime_of
from chalicelib.runtimes.identity import Identity
from chalicelib.services.running import LambdaRuntime
from tests.unit.runtimes.groups import a_launch, a_service


class TestReadBack:
    @pytest.mark.parametrize("settings", [{}, {"GREETING": "hello"}, {"ODD": "a 'b' \"c\" $d `e` \\ \n ü"}, {"EMPTY": ""}])
    def test_what_was_wanted_is_read_back(self, settings):
        wanted = a_launch(**settings)

        assert decoded(encoded(wanted), None) == wanted

    @pytest.mark.parametrize("data", [None, "", "not base64!", b64encode(b"#!/bin/bash\nyum install -y nginx").decode(), b64encode(b"\xff\xfe").decode()])
    def test_of_somebody_elses_user_data_nothing_is_known(self, data):
        found = decoded(data, None)

        assert (found.owner, found.digest, found.identity("web", Color.GREEN)) == (None, "", None)

    def test_tells_whose_it_is(self):
        wanted = a_launch()

        assert wanted.owner == "web"
        assert wanted.digest == "sha256:" + b"1.0.0".hex()
        assert wanted.identity("web", Color.GREEN) == Identity("1.0.0", 0, "", "d-000001")
        assert wanted.identity("web", Color.BLUE) is None
        assert wanted.identity("shop", Color.GREEN) is None


class TestSame:
    def test_whoever_asked_for_it(self):
        assert a_launch().is_as(a_launch(attempt="d-000002"))
        assert a_launch() != a_launch(attempt="d-000002")

    def test_but_not_with_other_code_or_settings(self):
        assert not a_launch().is_as(a_launch("2.0.0"))
        assert not a_launch().is_as(a_launch(GREETING="hello"))
        assert not a_launch().is_as(None)

    def test_never_where_nothing_is_known(self):
        assert not Launch(None, {}).is_as(Launch(None, {}))


def test_a_description_fits_whatever_the_names_are():
    wanted = a_launch("v" * 64)

    assert described(wanted, "10000") == f"web {'v' * 64} green config 0 d-000001 from version 10000"


def test_what_is_not_known_cannot_be_made():
    with pytest.raises(TypeError):
        encoded(Launch(None, {}))


def test_another_runtime_has_no_groups():
    with pytest.raises(TypeError):
        runtime_of(a_service().model_copy(update={"runtime": LambdaRuntime(kind="lambda", function="web")}))
