"""References to secrets as ECS takes them.

ECS reads a secret of Secrets Manager in the version that is named, and only by
its whole ARN; a mere name it takes for a parameter's. A parameter of SSM it
reads only as it is when a task starts: a version in the name is refused
(aws/containers-roadmap#859), and a task that is started later would run with
another value than the one that was tried. That is not what a pinned reference
promises, so it is said before anything is touched.
"""

from collections.abc import Mapping

from chalicelib.aws.clients import Clients
from chalicelib.aws.faults import code_of, translated
from chalicelib.config.model import Reference, Store
from chalicelib.errors import NotFound
from chalicelib.runtimes.ecs.task_definition import is_whole_secret_arn, value_from

_ABSENT = frozenset({"ValidationException", "InvalidParameterException", "InvalidRequestException"})


class Unresolvable(Exception):
    """ECS cannot be given this reference. The message says what to do."""


class Secrets:
    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def values_from(self, references: Mapping[str, Reference]) -> dict[str, str]:
        """`valueFrom` by variable. Raises `Unresolvable` for the first that ECS cannot be given."""
        if parameters := sorted(name for name, reference in references.items() if reference.store is Store.SSM):
            raise Unresolvable(
                f"{', '.join(parameters)}: ECS cannot read a parameter of SSM in a fixed version; keep it in Secrets Manager, "
                "or set the parameter's name as a plain setting and let the application read it"
            )
        return {name: value_from(self._arn(name, reference), reference.version) for name, reference in references.items()}

    def _arn(self, variable: str, reference: Reference) -> str:
        """The whole ARN, of which only Secrets Manager knows the end. What the secret says is never asked for."""
        from botocore.exceptions import ClientError

        if is_whole_secret_arn(reference.name):
            return reference.name
        try:
            with translated(f"looking at {reference.store}:{reference.name}"):
                return str(self._clients.secretsmanager.describe_secret(SecretId=reference.name)["ARN"])
        except NotFound as absent:
            raise Unresolvable(f"{variable}: there is no secret {reference.name}; make it, or record a config without it") from absent
        except ClientError as error:
            if code_of(error.response) not in _ABSENT:
                raise
            raise Unresolvable(f"{variable}: {reference.name} names no secret; record a config with the name of one") from error
