"""A hook that is a Lambda function: invoked, and waited for."""

import json
from typing import Any

from chalicelib.aws.clients import Clients
from chalicelib.aws.faults import message_of, translated
from chalicelib.errors import Problem
from chalicelib.hooks import answering
from chalicelib.hooks.model import HookAnswer
from chalicelib.services.definition import Hook


class LambdaHooks:
    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def survey(self, hook: Hook) -> None:
        with translated(f"reading {hook.lambda_}"):
            self._clients.lambda_look.get_function_configuration(FunctionName=hook.lambda_)

    def call(self, hook: Hook, payload: dict[str, object]) -> HookAnswer:
        from botocore.exceptions import ClientError

        try:
            with translated(f"calling {hook.lambda_}"):
                response = self._clients.hooks.invoke(FunctionName=hook.lambda_, InvocationType="RequestResponse", Payload=json.dumps(payload).encode())
                return _answer(response)
        except Problem as problem:
            return answering.nothing(problem.detail)
        except ClientError as error:  # whatever Lambda has against this function is the team's to mend, and no reason to stop a pass
            return answering.nothing(message_of(error.response))


def _answer(response: dict[str, Any]) -> HookAnswer:
    """A function that raised has not answered."""
    raw: bytes = response["Payload"].read(answering.MOST_BYTES + 1)
    if response.get("FunctionError"):
        return answering.nothing(f"the function failed: {raw[:300].decode(errors='replace')}")
    return answering.read(raw)
