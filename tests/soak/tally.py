"""How deep a soak goes: what was answered, which rules were played, which phases and turns were reached."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field


@dataclass
class Tally:
    """`runs` counts runs; `reached` in how many of them something was reached."""

    runs: int = 0
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    reached: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)

    def run_over(self, reached: Iterable[str]) -> None:
        self.runs += 1
        self.reached.update(set(reached))

    def add(self, other: "Tally") -> None:
        self.runs += other.runs
        for name in ("answers", "rules", "reached", "faults"):
            getattr(self, name).update(getattr(other, name))

    def taken(self) -> "Tally":
        """What was counted since the last time."""
        since = Tally(self.runs, self.answers, self.rules, self.reached, self.faults)
        self.__init__()  # type: ignore[misc]
        return since

    def lines(self) -> Iterator[str]:
        by_status = Counter[int]()
        for (_, status), count in self.answers.items():
            by_status[status] += count
        yield f"{sum(by_status.values())} requests: " + _told({str(status or "no answer"): count for status, count in sorted(by_status.items())})
        for name in sorted({name for name, _ in self.answers}):
            yield f"  {name}: " + _told({str(status or "no answer"): count for (asked, status), count in sorted(self.answers.items()) if asked == name})
        yield "rules: " + _told(dict(self.rules.most_common()))
        yield f"faults that hit: {sum(self.faults.values())}: " + _told(dict(self.faults.most_common()))
        yield f"reached, in how many of {self.runs} runs: " + _told(dict(self.reached.most_common()))


def _told(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())


TALLY = Tally()
"""Of this process."""
