"""Everything the client raises on purpose. Kept apart from the client, so that telling them apart costs no import of it.

    Trouble
    ├── ApiProblem     the server answered, and the answer is no
    └── Unreachable    no answer came: no such host, refused, timed out, not HTTP

What the command line itself refuses is `turnout.cli.exits.Failure`.
"""


class Trouble(Exception):
    """Base of all; `detail` is one sentence for a person."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class ApiProblem(Trouble):
    """A problem document (RFC 9457). `slug` is the end of its `type`; `errors` names fields that are wrong."""

    def __init__(self, status: int, slug: str, detail: str, errors: tuple[dict[str, str], ...] = (), document: dict[str, object] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.slug = slug
        self.errors = errors
        self.document = document or {"type": f"/problems/{slug}", "title": slug, "status": status, "detail": detail}

    @property
    def is_passing(self) -> bool:
        """Whether the same question may well be answered a little later."""
        return self.status >= 500 or self.status == 429


class Unreachable(Trouble):
    """Nothing is known about what the server did, if it heard us at all."""
