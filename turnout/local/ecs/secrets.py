"""What the `secrets` of a container definition come to, asked of the embedded SSM and Secrets Manager in the same process.

    arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-SUFFIX[:JSON-KEY:VERSION-STAGE:VERSION-ID]
    arn:aws:ssm:REGION:ACCOUNT:parameter/NAME[:VERSION]      or a parameter's name, in the task's region

Parts at the end may be empty or left out.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

PULLING = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: "


class Unresolved(Exception):
    """The message is the reason that ECS gives."""


def resolved(secrets: Iterable[Mapping[str, str]], *, account: str, region: str) -> dict[str, str]:
    """Values by the names of the variables. Raises `Unresolved` for the first that cannot be had."""
    return {each["name"]: _value(each["valueFrom"], account, region) for each in secrets}


def _value(value_from: str, account: str, region: str) -> str:
    parts = value_from.split(":")
    if value_from.startswith("arn:") and parts[2] == "secretsmanager":
        return _secret(value_from, parts)
    where = (parts[4], parts[3]) if value_from.startswith("arn:") else (account, region)
    return _parameter(value_from, *where)


def _parameter(name: str, account: str, region: str) -> str:
    from moto.ssm.exceptions import ParameterVersionNotFound
    from moto.ssm.models import ssm_backends

    try:
        found = ssm_backends[account][region].get_parameter(name)
    except ParameterVersionNotFound:
        found = None
    if found is None:
        raise Unresolved(f"{PULLING}unable to retrieve secrets from ssm: service call has been retried 1 time(s): Invalid ssm parameters: {name}")
    return str(found.decrypt(found.value))


def _secret(value_from: str, parts: list[str]) -> str:
    from moto.core.exceptions import JsonRESTError, ServiceException
    from moto.secretsmanager.models import secretsmanager_backends

    arn, [key, stage, version] = ":".join(parts[:7]), [*parts[7:], "", "", ""][:3]
    store: Any = secretsmanager_backends[parts[4]][parts[3]]
    try:
        found = store.get_secret_value(arn, version or None, stage or None)
    except (JsonRESTError, ServiceException, KeyError) as error:
        raise _not_fetched(arn, f"{_code(error)}: {getattr(error, 'message', error)}") from error
    text = found.get("SecretString")
    if text is None:
        raise _not_fetched(arn, "the secret is binary")
    return _at(key, str(text), value_from) if key else str(text)


def _code(error: Exception) -> str:
    return str(getattr(error, "error_type", None) or getattr(error, "code", None) or "ResourceNotFoundException")


def _at(key: str, text: str, value_from: str) -> str:
    try:
        value = json.loads(text)[key]
    except (ValueError, TypeError, KeyError) as error:
        raise Unresolved(f"{PULLING}retrieved secret from Secrets Manager did not contain json key {key} ({value_from})") from error
    return value if isinstance(value, str) else json.dumps(value)


def _not_fetched(arn: str, why: str) -> Unresolved:
    told = "unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret"
    return Unresolved(f"{PULLING}{told} {arn} from secrets manager: {why}")
