"""What Lambda says to what it will never take, told from what it may take in a moment."""

from collections.abc import Callable
from typing import Any

from chalicelib.aws.faults import code_of, is_refusal, message_of, translated
from chalicelib.errors import Unavailable
from chalicelib.runtimes.runtime import Progress, Standing

_REFUSED = frozenset({
    "InvalidParameterValueException", "CodeStorageExceededException", "RequestEntityTooLargeException", "InvalidZipFileException",
    "CodeVerificationFailedException", "InvalidCodeSignatureException",
})  # fmt: skip
# The same codes with these words are over in a moment: AWS itself weighs an alias while its provisioned concurrency moves to another version.
_PASSING = ("alias with weights",)


def unless_refused(doing: str, function: str, call: Callable[[], dict[str, Any]]) -> dict[str, Any] | Standing:
    """The answer; `FAILED` when Lambda will never take this, `WORKING` while it may not."""
    from botocore.exceptions import ClientError

    try:
        with translated(f"{doing} of {function}"):
            return call()
    except ClientError as error:
        if code_of(error.response) not in _REFUSED:
            raise
        message = message_of(error.response)
        if any(words in message.lower() for words in _PASSING):
            return Standing(Progress.WORKING, reason=f"{doing} of {function}: {message}")
        return Standing(Progress.FAILED, reason=f"Lambda refused it: {message}")
    except Unavailable as unanswered:
        if not is_refusal(unanswered):
            raise
        return Standing(Progress.WORKING, reason=f"AWS lets Turnout change only functions with the tag turnout:service; give it to {function}")
