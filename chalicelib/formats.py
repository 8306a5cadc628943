"""The ledger's format, and what travels with a record from one format to its neighbour (`ledger/codec.py` has the rule).

What a later version of the code wrote into a record and this one does not know
is read, carried along and written back. `replace` takes it to the next value
like everything else, so it goes where its part of the record goes and ends with
it. It makes no difference to anything that is decided: values are equal when
what is known of them is.
"""

from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field

FORMAT = 2
"""Of everything this code writes. `docs/decisions/0008-formats.md` says what it takes to raise it."""
UNKNOWN = "unknown"
"""The attribute of what is carried, and for that reason no field of any document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrying:
    """For every part of the ledger's documents that is read, changed and written back. Only the ledger's codec looks inside."""

    unknown: Annotated[dict[str, Any] | None, Field(exclude=True)] = field(default=None, compare=False, repr=False)
