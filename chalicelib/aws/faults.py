"""AWS's errors in our words, in one place.

    no such thing                       ─▶ NotFound
    in this state, or somebody else's   ─▶ Conflict
    throttled, timed out, broken, shut  ─▶ Unavailable
    anything else                       ─▶ itself: a mistake of ours

A refusal for lack of permission counts as Unavailable: what could not be read
is unknown, and a policy that somebody broke must not stop a pass half-way.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from chalicelib.errors import Conflict, NotFound, Problem, Unavailable

_NOT_FOUND = frozenset({
    "404", "NoSuchBucket", "NoSuchKey", "NoSuchVersion", "ResourceNotFoundException", "NotFoundException",
    "RuleNotFound", "ListenerNotFound", "LoadBalancerNotFound", "TargetGroupNotFound",
    "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "ParameterNotFound",
    "InvalidLaunchTemplateName.NotFoundException", "InvalidLaunchTemplateId.NotFound", "InvalidLaunchTemplateId.VersionNotFound",
    "ClusterNotFoundException", "ServiceNotFoundException", "ServiceNotActiveException", "ObjectNotFoundException",
    "RepositoryNotFoundException", "ImageNotFoundException", "LayersNotFoundException",
})  # fmt: skip
_CONFLICT = frozenset({
    "409", "412", "PreconditionFailed", "PreconditionFailedException", "ConflictException",
    "ResourceConflictException", "ResourceInUse", "ResourceInUseException", "InvalidTarget", "TooManyTargets",
    "ResourceContention", "ScalingActivityInProgress", "InstanceRefreshInProgress", "ActiveInstanceRefreshNotFound", "LimitExceeded",
    "HierarchyTypeMismatchException", "ParameterLimitExceeded", "ParameterMaxVersionLimitExceeded", "ConcurrentUpdateException",
})  # fmt: skip
_SHUT = frozenset({
    "AccessDenied", "AccessDeniedException", "AuthFailure", "ExpiredToken", "ExpiredTokenException", "Forbidden", "403",
    "InvalidClientTokenId", "RequestExpired", "UnauthorizedOperation", "UnrecognizedClientException",
})  # fmt: skip
_THROTTLED = frozenset({
    "Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException", "RequestLimitExceeded",
    "TooManyRequestsException", "TooManyRequests", "TooManyUpdates", "LimitExceededException", "SlowDown", "BandwidthLimitExceeded", "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException", "EC2ThrottledException", "RequestTimeout", "RequestTimeoutException",
    "InternalError", "InternalFailure", "InternalServerError", "ServiceException", "ServiceUnavailable", "ServiceUnavailableException",
    "ServerException", "InternalServiceException",
})  # fmt: skip


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Let what the block raises leave in our words, `from` the original. `doing` says to a person what failed."""
    from botocore.exceptions import ClientError, CredentialRetrievalError, HTTPClientError, NoCredentialsError
    from botocore.exceptions import ConnectionError as NoConnection
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        problem = _problem(error.response, doing)
        if problem is None:
            raise
        raise problem from error
    except (HTTPClientError, NoConnection, NoCredentialsError, CredentialRetrievalError, ResponseParserError) as error:
        raise Unavailable(f"{doing}: AWS did not answer ({type(error).__name__}); try again later") from error


def is_refusal(problem: Problem) -> bool:
    """Whether AWS answered, and did not allow it."""
    return code_of(getattr(problem.__cause__, "response", {})) in _SHUT


def code_of(response: Mapping[str, Any]) -> str:
    """The code of a `ClientError`'s response."""
    return str(response.get("Error", {}).get("Code", ""))


def message_of(response: Mapping[str, Any]) -> str:
    return str(response.get("Error", {}).get("Message", "") or code_of(response))


def _problem(response: Mapping[str, Any], doing: str) -> Problem | None:
    code, status = code_of(response), response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _NOT_FOUND:
        return NotFound(f"{doing}: {message_of(response)}")
    if code in _CONFLICT:
        return Conflict(f"{doing}: {message_of(response)}")
    if code in _SHUT:
        return Unavailable(f"{doing}: AWS refused ({code}); check this function's policy and credentials")
    if code in _THROTTLED or status == 429 or status >= 500:
        return Unavailable(f"{doing}: AWS did not answer ({code}); try again later")
    return None
