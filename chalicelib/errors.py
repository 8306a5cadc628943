"""Everything the control plane raises on purpose.

    Problem
    ├── NotFound            there is no such service, release, deployment or token
    ├── Invalid             the request cannot be right, whatever the state; names the field
    │   └── Unparsable      it is not even JSON, or its cursor is not one of ours
    ├── Forbidden           the caller is known and may not do this
    ├── Conflict            right in itself, but not in this state
    │   └── Stale           somebody else wrote first: read again and decide again
    ├── PreconditionFailed  `If-Match` names another revision
    └── Unavailable         AWS or a provider did not answer; try again later
        └── Unreadable      another version of Turnout wrote this record, and this one leaves it alone

`slug` is stable and part of the contract: it becomes the `type` of the problem
document (`/problems/<slug>`). A message ends with what to do.
"""


class Problem(Exception):
    """Base of all; `detail` is for a person, `slug` for a program."""

    slug = "problem"

    def __init__(self, detail: str, *, slug: str | None = None, **extra: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.slug = slug or type(self).slug
        self.extra = extra


class NotFound(Problem):
    slug = "not-found"


class Invalid(Problem):
    """`errors` has one `{"field", "message"}` for each field that is wrong."""

    slug = "invalid"

    def __init__(self, detail: str, *, field: str | None = None, errors: list[dict[str, str]] | None = None, slug: str | None = None) -> None:
        found = errors or ([{"field": field, "message": detail}] if field else [])
        super().__init__(detail, slug=slug, **({"errors": found} if found else {}))


class Unparsable(Invalid):
    slug = "unparsable"


class Forbidden(Problem):
    slug = "forbidden"


class Conflict(Problem):
    slug = "conflict"


class Stale(Conflict):
    """A conditional write lost. `keys` are the documents whose condition did not hold."""

    slug = "stale"

    def __init__(self, keys: tuple[object, ...] = ()) -> None:
        super().__init__("somebody else changed this at the same moment; try again")
        self.keys = keys


class PreconditionFailed(Problem):
    slug = "stale-revision"


class Unavailable(Problem):
    slug = "unavailable"


class Unreadable(Unavailable):
    """What the ledger holds was written by a format that this version does not read. Nothing is decided from it and nothing is written over it.

    Another version of Turnout can: while one is being deployed, the next attempt may reach it.
    """

    slug = "unreadable-record"

    def __init__(self, what: str, written_by: int, reads: int) -> None:
        super().__init__(
            f"the record of {what} was written by format {written_by} of the ledger, and this version of Turnout writes format {reads} and "
            f"cannot read it; deploy a version that can (one format at a time, in either direction), and it goes on where it was"
        )
