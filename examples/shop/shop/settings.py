"""What a team changes without a release: `turnout config set shop GREETING=…`."""

import os
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Settings:
    greeting: str = "Hello"
    currency: str = "EUR"

    @classmethod
    def from_environ(cls) -> "Settings":
        return cls(greeting=os.environ.get("GREETING", cls.greeting), currency=os.environ.get("CURRENCY", cls.currency))

    def shown(self) -> dict[str, str]:
        return asdict(self)
