"""Whether a service's audit chain verifies, from what the API shows of it.

The server says how an entry is sealed (`EntryShape` in its specification):
SHA-256 of all other fields as JSON with sorted names. Who may rewrite the
whole table could seal it anew, and whether the newest entries were taken off
is not seen from here.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from itertools import islice

from turnout.cli.context import Json
from turnout.cli.doctor.findings import Finding, ok, problem
from turnout.client import Client, items

MOST = 2000
"""Twenty pages: as many as can be read within a check's time."""


def audit(client: Client, name: str) -> Iterator[Finding]:
    """Read a second time before anything is said: an entry may have been written between two pages."""
    entries = _newest(client, name)
    if broken_at(entries, whole=len(entries) < MOST) is not None:
        entries = _newest(client, name)
    whole = len(entries) < MOST
    broken = broken_at(entries, whole=whole)
    if broken is not None:
        said = f"the audit chain does not verify at entry {broken} of {name}: it was changed, or what comes before it is missing"
        yield problem(said, "restore the table to a moment before that beside the present one (point-in-time recovery), compare, and find out who may write it")
    yield ok(f"the audit chain verifies, {'all' if whole else 'the newest'} {len(entries)} entries")


def broken_at(entries: Iterable[Json], *, whole: bool = True) -> int | None:
    """Newest first. The `seq` of the newest that is not as it was sealed, or does not follow from the one before it; the whole chain begins with 1."""
    after: Json | None = None
    for entry in entries:
        if seal(entry) != entry["hash"]:
            return int(entry["seq"])
        if after and (after["previous_hash"], after["seq"]) != (entry["hash"], entry["seq"] + 1):
            return int(after["seq"])
        after = entry
    if after and whole and (after["seq"], after["previous_hash"]) != (1, ""):
        return int(after["seq"])
    return None


def seal(entry: Json) -> str:
    fields = {name: value for name, value in entry.items() if name != "hash"}
    canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _newest(client: Client, name: str) -> list[Json]:
    return list(islice(items(client.audit, service=name), MOST))
