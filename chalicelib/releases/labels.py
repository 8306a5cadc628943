"""What an image says of itself by its labels, and how much of that is kept."""

from collections.abc import Mapping

from chalicelib.releases.candidate import Names

NAMES = Names(("org.opencontainers.image.revision", "commit"), "turnout.schema-min", "turnout.schema-max")
MOST_KEPT = 16 * 1024
"""Bytes of names and values: what is kept lies in the ledger with every release, whose documents may be 400 KB."""
_FIRST = (*NAMES.commit, NAMES.schema_min, NAMES.schema_max)


def kept(labels: Mapping[str, str]) -> dict[str, str]:
    """What Turnout reads comes first, then the rest by name, each as a whole and as far as there is room. What is no text is left out."""
    found: dict[str, str] = {}
    room = MOST_KEPT
    for name in (*(name for name in _FIRST if name in labels), *sorted(labels.keys() - set(_FIRST))):
        size = _size(name, labels[name])
        if size is not None and size <= room:
            found[name] = labels[name]
            room -= size
    return found


def _size(*texts: str) -> int | None:
    """In UTF-8, which half a surrogate pair has no form in: JSON can say one, and the ledger cannot keep it."""
    try:
        return sum(len(text.encode()) for text in texts)
    except UnicodeEncodeError:
        return None
