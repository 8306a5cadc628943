"""ETags: 304 for what is known already, 412 for what was changed meanwhile."""

import pytest

from tests.unit.api.an_api import Api, an_api
from tests.world import a_definition

PATHS = ["/v1/services", "/v1/services/web", "/v1/services/web/releases", "/v1/services/web/config/0", "/v1/services/web/health", "/v1/audit", "/", "/healthz", "/openapi.json"]


@pytest.fixture
def api() -> Api:
    return an_api()


class TestAGet:
    @pytest.mark.parametrize("path", PATHS)
    def test_is_304_for_who_has_it(self, api: Api, path: str):
        first = api("GET", path)

        again = api("GET", path, if_none_match=first.headers["ETag"])

        assert (again.status, again.raw) == (304, b"")
        assert again.headers["ETag"] == first.headers["ETag"]

    @pytest.mark.parametrize("written", ["*", "W/{0}", '"other", {0}', '"other",W/{0}'])
    def test_understands_every_way_to_write_it(self, api: Api, written: str):
        tag = api("GET", "/v1/services/web").headers["ETag"]

        assert api("GET", "/v1/services/web", if_none_match=written.format(tag)).status == 304

    def test_is_answered_whole_once_it_changed(self, api: Api):
        tag = api("GET", "/v1/services/web").headers["ETag"]
        api("POST", "/v1/services/web/pause")

        assert api("GET", "/v1/services/web", if_none_match=tag).status == 200

    def test_is_never_304_for_a_problem(self, api: Api):
        assert api("GET", "/v1/services/nothing-there", if_none_match="*").status == 404


class TestAPut:
    def test_replaces_what_was_read(self, api: Api):
        read = api("GET", "/v1/services/web")

        answer = api("PUT", "/v1/services/web", changed(40), if_match=read.headers["ETag"])

        assert answer.status == 200
        assert answer.json["definition"]["rollout"]["watch_seconds"] == 40
        assert answer.headers["ETag"] != read.headers["ETag"]

    def test_replaces_it_although_the_picture_around_it_has_changed(self, api: Api):
        tag = api("GET", "/v1/services/web").headers["ETag"]
        api("POST", "/v1/services/web/pause")

        assert api("PUT", "/v1/services/web", changed(40), if_match=tag).status == 200

    @pytest.mark.parametrize("written", ["{0}", '"99", {0}'])
    def test_is_412_when_somebody_was_quicker(self, api: Api, written: str):
        tag = api("GET", "/v1/services/web").headers["ETag"]
        api("PUT", "/v1/services/web", changed(40))
        before = api.ledger()

        answer = api("PUT", "/v1/services/web", changed(50), if_match=written.format(tag))

        assert (answer.status, answer.slug) == (412, "stale-revision")
        assert api.ledger() == before

    @pytest.mark.parametrize("tag", ['"nonsense"', "nonsense", 'W/"1-aa"', '"0"', ""])
    def test_is_412_for_a_tag_that_never_was(self, api: Api, tag: str):
        assert api("PUT", "/v1/services/web", changed(40), if_match=tag).status == 412

    def test_is_taken_for_whatever_is_there_but_not_for_nothing(self, api: Api):
        api.world.router.attach(a_definition("shop").traffic)

        assert api("PUT", "/v1/services/web", changed(40), if_match="*").status == 200
        assert api("PUT", "/v1/services/shop", a_definition("shop").model_dump(mode="json"), if_match="*").status == 412
        assert api("PUT", "/v1/services/shop", a_definition("shop").model_dump(mode="json"), if_match='"1"').status == 412

    def test_is_201_for_a_new_one(self, api: Api):
        api.world.router.attach(a_definition("shop").traffic)

        assert api("PUT", "/v1/services/shop", a_definition("shop").model_dump(mode="json")).status == 201
        assert api("PUT", "/v1/services/shop", a_definition("shop").model_dump(mode="json")).status == 200

    def test_is_refused_for_its_body_before_its_tag(self, api: Api):
        assert api("PUT", "/v1/services/web", {"nonsense": 1}, if_match='"99"').status == 422


def changed(watch_seconds: int) -> object:
    return a_definition(rollout={"watch_seconds": watch_seconds}).model_dump(mode="json")
