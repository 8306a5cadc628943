"""What the references of a config come to now: asked when a colour is prepared, and by a preflight."""

from dataclasses import dataclass

from chalicelib.config.model import ConfigVersion, Pin, Reference, Store
from chalicelib.config.references import SecretIndex
from chalicelib.errors import NotFound, Unavailable
from chalicelib.ledger import keys
from chalicelib.ledger.port import Ledger


@dataclass(frozen=True, slots=True)
class Pins:
    ledger: Ledger
    index: SecretIndex

    def of(self, service: str, number: int) -> tuple[Pin, ...]:
        """One for each reference, in the order of their names. A call for the config and one for each reference."""
        config = self.ledger.find(keys.config(service, number)) if number else None
        return self.of_config(config) if config else ()

    def of_config(self, config: ConfigVersion) -> tuple[Pin, ...]:
        silent: dict[Store, str] = {}
        return tuple(self._pin(name, reference, silent) for name, reference in sorted(config.references.items()))

    def _pin(self, name: str, reference: Reference, silent: dict[Store, str]) -> Pin:
        """A store that did not answer once is not asked again: a rollback may wait for this."""
        if reference.store in silent:
            return Pin(name, reference, None, silent[reference.store])
        try:
            return Pin(name, reference, self.index.current(reference))
        except NotFound as absent:
            return Pin(name, reference, None, absent.detail)
        except Unavailable as problem:
            silent[reference.store] = problem.detail
            return Pin(name, reference, None, problem.detail)
