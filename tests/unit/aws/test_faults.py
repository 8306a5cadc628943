import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError, NoCredentialsError, ParamValidationError, ReadTimeoutError

from chalicelib.aws.clients import Clients
from chalicelib.aws.faults import translated
from chalicelib.errors import Conflict, NotFound, Unavailable


def an_error(code, status=400):
    return ClientError({"Error": {"Code": code, "Message": "why"}, "ResponseMetadata": {"HTTPStatusCode": status}}, "Operation")


class TestTranslation:
    @pytest.mark.parametrize("code", ["RuleNotFound", "TargetGroupNotFound", "ResourceNotFoundException", "NoSuchKey", "NoSuchVersion", "404", "ClusterNotFoundException", "ServiceNotFoundException", "ServiceNotActiveException", "ObjectNotFoundException"])
    def test_what_does_not_exist_is_not_found(self, code):
        with pytest.raises(NotFound), translated("reading"):
            raise an_error(code, 404)

    @pytest.mark.parametrize("code", ["ResourceConflictException", "PreconditionFailedException", "ResourceInUse", "ConcurrentUpdateException"])
    def test_what_does_not_fit_the_state_is_a_conflict(self, code):
        with pytest.raises(Conflict), translated("writing"):
            raise an_error(code, 409)

    @pytest.mark.parametrize(
        ("code", "status"),
        [("Throttling", 400), ("ThrottlingException", 400), ("TooManyRequestsException", 429), ("Odd", 429), ("Odd", 503), ("AccessDenied", 403), ("ExpiredToken", 403), ("ServerException", 400), ("InternalServiceException", 400)],
    )
    def test_what_may_be_different_later_is_unavailable(self, code, status):
        with pytest.raises(Unavailable), translated("reading"):
            raise an_error(code, status)

    @pytest.mark.parametrize(
        "error",
        [ConnectTimeoutError(endpoint_url="u"), ReadTimeoutError(endpoint_url="u"), EndpointConnectionError(endpoint_url="u"), NoCredentialsError()],
    )
    def test_no_answer_is_unavailable(self, error):
        with pytest.raises(Unavailable) as raised, translated("reading"):
            raise error

        assert raised.value.__cause__ is error

    @pytest.mark.parametrize("error", [an_error("ValidationError"), ParamValidationError(report="r"), KeyError("k")])
    def test_a_mistake_of_ours_leaves_as_itself(self, error):
        with pytest.raises(type(error)) as raised, translated("writing"):
            raise error

        assert raised.value is error


class TestClients:
    def test_are_made_once(self):
        clients = Clients()

        assert clients.weights is clients.weights
        assert clients.weights is not clients.look

    def test_a_weight_is_written_once_and_within_3_seconds(self):
        config = Clients().weights.meta.config

        assert config.retries["total_max_attempts"] == 1
        assert config.connect_timeout + config.read_timeout <= 3

    def test_a_look_is_one_try_of_2_seconds(self):
        config = Clients().look.meta.config

        assert config.retries["total_max_attempts"] == 1
        assert config.connect_timeout + config.read_timeout <= 2
