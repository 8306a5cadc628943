"""Why a check has no answer, as a sentence."""

from turnout.cli.doctor.findings import Finding, parted, unknown
from turnout.cli.exits import Failure
from turnout.problems import ApiProblem, Trouble

DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AccessDeniedFault", "AuthorizationError", "AuthorizationErrorException", "UnauthorizedOperation"})
_WORTHLESS = frozenset({"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "InvalidToken", "UnrecognizedClientException", "AuthFailure"})
_UNSIGNED = frozenset({"RequestExpired", "RequestTimeTooSkewed", "SignatureDoesNotMatch", "InvalidSignatureException"})
LOGIN = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run `aws sso login`"


def finding_of(error: Exception) -> Finding:
    if isinstance(error, ApiProblem):
        return _of_api(error)
    if isinstance(error, Failure | Trouble):
        return unknown(*parted(error.detail))
    return _of_aws(error) or unknown(f"something unforeseen happened ({type(error).__name__})", "please report it")


def _of_api(error: ApiProblem) -> Finding:
    if error.status == 401:
        return unknown("the server does not know this token", "see `token`")
    said, remedy = parted(error.detail)
    return unknown(f"the server answered {error.status}: {said}", remedy or "try again")


def _of_aws(error: Exception) -> Finding | None:
    from botocore import exceptions

    if isinstance(error, exceptions.ClientError):
        return _refused(error)
    return _unsent(error) if isinstance(error, exceptions.BotoCoreError) else None


def _unsent(error: Exception) -> Finding:
    from botocore import exceptions

    match error:
        case exceptions.NoCredentialsError() | exceptions.PartialCredentialsError() | exceptions.CredentialRetrievalError() | exceptions.ProfileNotFound():
            return unknown("there are no AWS credentials", LOGIN)
        case exceptions.SSOError() | exceptions.SSOTokenLoadError() | exceptions.TokenRetrievalError():
            return unknown("the AWS credentials have expired", "run `aws sso login`")
        case exceptions.NoRegionError():
            return unknown("no AWS region is known", "give --region, or set AWS_REGION")
        case exceptions.HTTPClientError() | exceptions.ConnectionError():
            return unknown(f"AWS did not answer ({type(error).__name__})", "check the network, the region and AWS_ENDPOINT_URL, and try again")
        case _:
            return unknown(f"AWS could not be asked ({error})", "check the AWS configuration (AWS_PROFILE, AWS_REGION)")


def _refused(error: Exception) -> Finding:
    response = getattr(error, "response", {})
    code, operation = str(response.get("Error", {}).get("Code")), getattr(error, "operation_name", "a call")
    if code in DENIED:
        return unknown(f"AWS refused {operation} ({code})", "see `permissions`")
    if code in _WORTHLESS:
        return unknown(f"AWS does not take these credentials ({code})", LOGIN)
    if code in _UNSIGNED:
        return unknown(f"AWS does not take the signature ({code})", "see `clock`, and check the secret key")
    return unknown(f"AWS answered {operation} with {code}: {response.get('Error', {}).get('Message', '')}", "try again")


def unless(error: Exception, *codes: str) -> None:
    """Raises it again unless AWS has answered one of these codes."""
    if getattr(error, "response", {}).get("Error", {}).get("Code") not in codes:
        raise error
