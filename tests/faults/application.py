"""The application as far as read-only goes: it is told a moment, and takes no writes until then."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from chalicelib.services.model import Service


@dataclass
class Application:
    """`since` is from when on it has taken no writes without a break, `moments` are all that were ever recorded, `limit` is the last cutover's."""

    until: datetime | None = None
    since: datetime | None = None
    limit: timedelta = timedelta(0)
    moments: set[datetime] = field(default_factory=set)

    def copy(self) -> "Application":
        return Application(self.until, self.since, self.limit, set(self.moments))

    def recorded(self, before: Service | None, after: Service) -> None:
        """The service's record changed."""
        if after.read_only is None or (before and before.read_only):
            return
        self.moments.add(after.read_only.until)
        if after.deployment:
            self.limit = timedelta(seconds=after.deployment.cutover.limit_seconds)

    def hears(self, until: datetime | None, now: datetime) -> None:
        if until is None or not self.is_read_only(now):
            self.since = now if until else None
        self.until = until

    def is_read_only(self, now: datetime) -> bool:
        return self.until is not None and now < self.until

    def read_only_for(self, now: datetime) -> timedelta:
        return now - self.since if self.since and self.is_read_only(now) else timedelta(0)
