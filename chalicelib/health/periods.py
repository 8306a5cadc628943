"""Which metric periods can be counted. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def whole_periods(since: datetime, until: datetime, now: datetime, *, period: timedelta, delay: timedelta) -> tuple[datetime, datetime] | None:
    """From the first to the last whole period between the two moments that is `delay` old by now; None when there is none."""
    begin = _EPOCH - ((_EPOCH - since) // period) * period  # rounded up: a floor of what is negated
    end = _EPOCH + ((min(until, now - delay) - _EPOCH) // period) * period
    return (begin, end) if begin < end else None


def period_of(moment: datetime, period: timedelta) -> datetime:
    """The start of the period a moment is in."""
    return _EPOCH + ((moment - _EPOCH) // period) * period


def each_period(between: tuple[datetime, datetime] | None, period: timedelta) -> Iterator[datetime]:
    """The start of each period from the first moment up to the second, oldest first; of none, none."""
    begin, end = between or (_EPOCH, _EPOCH)
    while begin < end:
        yield begin
        begin += period
