"""Secrets in memory: only their versions, for that is all anybody may know."""

from dataclasses import dataclass, field

from chalicelib.config.model import Reference, Store
from chalicelib.errors import NotFound, Unavailable


@dataclass(slots=True)
class MemorySecretIndex:
    """`unreachable` makes every question fail until it is taken back. Versions are 1, 2, … in both stores."""

    unreachable: bool = False
    _current: dict[tuple[Store, str], int] = field(default_factory=dict)
    _lost: set[tuple[Store, str, str]] = field(default_factory=set)

    def put(self, store: Store, name: str) -> str:
        """A new version, which is the current one; answers it."""
        self._current[store, name] = self._current.get((store, name), 0) + 1
        return str(self._current[store, name])

    def lose(self, store: Store, name: str, version: str) -> None:
        """The version has no staging label any more."""
        self._lost.add((store, name, version))

    def delete(self, store: Store, name: str) -> None:
        del self._current[store, name]

    def pinned(self, wanted: Reference) -> Reference:
        newest = self._newest(wanted)
        if not wanted.version:
            return newest
        if not self._is_readable(wanted, newest):
            raise NotFound(f"there is no version {wanted.version} of {wanted.store}:{wanted.name}")
        return wanted

    def current(self, reference: Reference) -> Reference:
        newest = self._newest(reference)
        return reference if self._is_readable(reference, newest) else newest

    def _newest(self, reference: Reference) -> Reference:
        if self.unreachable:
            raise Unavailable(f"{reference.store} did not answer; try again later")
        number = self._current.get((reference.store, reference.name))
        if number is None:
            raise NotFound(f"there is no {reference.store}:{reference.name}")
        return Reference(reference.store, reference.name, str(number))

    def _is_readable(self, reference: Reference, newest: Reference) -> bool:
        there = reference.version in {str(number) for number in range(1, int(newest.version) + 1)}
        return there and (reference.store, reference.name, reference.version) not in self._lost
