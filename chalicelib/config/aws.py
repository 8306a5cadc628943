"""Which versions secrets have in SSM Parameter Store and Secrets Manager."""

from chalicelib.aws.clients import Clients
from chalicelib.aws.faults import code_of, translated
from chalicelib.config import secretsmanager, ssm
from chalicelib.config.model import Reference, Store
from chalicelib.errors import NotFound

# What either service says to a name that can be none, that is none, or that this control plane may not see.
_ABSENT = frozenset({"AccessDeniedException", "ResourceNotFoundException", "ValidationException", "InvalidFilterValue", "InvalidParameterException"})


class AwsSecretIndex:
    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def pinned(self, wanted: Reference) -> Reference:
        readable, newest = self._versions(wanted)
        if not wanted.version:
            return Reference(wanted.store, wanted.name, newest)
        if wanted.version not in readable:
            raise NotFound(f"{wanted.store}:{wanted.name} has no version {wanted.version} that could be read; its current one is {newest}")
        return wanted

    def current(self, reference: Reference) -> Reference:
        readable, newest = self._versions(reference)
        return reference if reference.version in readable else Reference(reference.store, reference.name, newest)

    def _versions(self, reference: Reference) -> tuple[frozenset[str], str]:
        """Those that can be read, and the current one."""
        from botocore.exceptions import ClientError

        with translated(f"looking at {reference.store}:{reference.name}"):
            try:
                found = self._ask(reference)
            except ClientError as error:
                if code_of(error.response) not in _ABSENT:
                    raise
                raise _absent(reference) from error
        if found is None:
            raise _absent(reference)
        return found

    def _ask(self, reference: Reference) -> tuple[frozenset[str], str] | None:
        if reference.store is Store.SSM:
            return ssm.versions(self._clients.ssm, reference.name)
        return secretsmanager.versions(self._clients.secretsmanager, reference.name)


def _absent(reference: Reference) -> NotFound:
    return NotFound(f"there is no {reference.store}:{reference.name} with a current version, or the control plane may not see it")
