"""Why a service was declared or removed: its request has no room for a reason in the body."""

import pytest

from chalicelib.ledger import keys
from tests.unit.api.an_api import Api, an_api


@pytest.fixture
def api() -> Api:
    return an_api()


def told(api: Api) -> tuple[str, str]:
    entry = api.world.ledger.list(keys.audit_of("service/web"), limit=1).items[0]
    return entry.action, entry.reason


class TestAReason:
    def test_of_a_put_is_kept_in_the_audit(self, api: Api):
        definition = api("GET", "/v1/services/web").json["definition"] | {"rollout": {"watch_seconds": 99}}

        assert api("PUT", "/v1/services/web?reason=too%20long%20a%20watch", definition).status == 200
        assert told(api) == ("definition-changed", "too long a watch")

    def test_of_a_removal_is_kept_in_the_audit(self, api: Api):
        assert api("DELETE", "/v1/services/web?reason=moved").status == 204
        assert told(api) == ("removed", "moved")

    def test_is_no_essay(self, api: Api):
        answer = api("DELETE", f"/v1/services/web?reason={'x' * 1001}")

        assert (answer.status, answer.fields) == (422, ["reason"])
        assert api("GET", "/v1/services/web").status == 200
