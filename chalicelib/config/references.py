"""The port to what knows which versions secrets have. Nothing behind it ever reads what a secret says."""

from typing import Protocol

from chalicelib.config.model import Reference


class SecretIndex(Protocol):
    """All methods raise `NotFound` when there is no such secret, and `Unavailable` when nobody answers."""

    def pinned(self, wanted: Reference) -> Reference:
        """The same with a version: the one it names, or the current one where it names none. Raises `NotFound` for a version that cannot be read."""

    def current(self, reference: Reference) -> Reference:
        """What to use for a pinned reference now: itself while its version can be read, else the version that is current.

        A version of Secrets Manager can be read while it has a staging label, one of SSM while it is among the newest hundred.
        """
