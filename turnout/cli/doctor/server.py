"""The server: whether it answers, is trusted and speaks our version; and the token, as far as its bearer may know of it."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from turnout.cli import printing
from turnout.cli.context import Context, Json
from turnout.cli.doctor.findings import Finding, ok, parted, problem, unknown, warning
from turnout.cli.exits import Failure
from turnout.problems import ApiProblem, Unreachable

SPEAKS = "1"
"""The version of the API that this command line is made for."""
SOON = timedelta(days=7)
_HERE = frozenset({"127.0.0.1", "localhost", "::1"})


def answers(context: Context) -> Iterator[Finding]:
    try:
        connection, client = context.connection, context.client
    except Failure as failure:
        yield problem(*parted(failure.detail))
        return
    url, secure = without_user(connection.url), connection.url.startswith("https://")
    try:
        client.alive()
        told = client.specification()
    except Unreachable as trouble:
        yield problem(*parted(trouble.detail))
        return
    except ApiProblem as trouble:
        yield problem(f"{url} answers {trouble.status}", "check that this is a Turnout server's address, with the stage behind it; else look at its log")
        return
    if not secure and urlsplit(connection.url).hostname not in _HERE:
        yield problem(f"{url} is asked without TLS, so everybody on the way can read the token", "use https:// in --url, TURNOUT_URL or the profile")
    version = str((told.get("info") or {}).get("version"))
    if version != SPEAKS:
        yield warning(f"{url} speaks version {version} of the API and this command version {SPEAKS}", "use the `turnout` that the server was deployed from")
    yield ok(f"{url} answers{' over TLS' if secure else ''}, version {version} of the API ({connection.source})")


def token(context: Context) -> Iterator[Finding]:
    """There is no question "who am I": an administrator is told by the list of tokens, anybody else by why that is refused."""
    if not context.connection.token:
        yield problem("there is no token", "set TURNOUT_TOKEN, or run `turnout login`")
        return
    try:
        context.client.services(limit=1)
    except ApiProblem as refused:
        if refused.status not in {401, 403}:
            raise
        yield _worthless(refused)
        return
    try:
        yield from _as_listed(context)
    except ApiProblem as refused:
        if refused.status != 403:
            raise
        who = re.match(r"(.+ is \w+) and may not", refused.detail)
        yield ok(f"the server knows it{f': {who[1]}' if who else ''}; when it expires only an administrator is told (`turnout token list`)")


def _worthless(refused: ApiProblem) -> Finding:
    if refused.status == 401:
        remedy = "set TURNOUT_TOKEN or run `turnout login`; an administrator makes one with `turnout token create`"
        return problem("the server does not know this token, or it has expired", remedy)
    return problem(f"this token may not look: {parted(refused.detail)[0]}", "use one of the role viewer or above")


def _as_listed(context: Context) -> Iterator[Finding]:
    from turnout.client import items

    named = re.match(r"tnt_([0-9a-f]{16})_", context.connection.token or "")
    mine = next((each for each in items(context.client.tokens) if named and each.get("id") == named[1]), None)
    if mine is None:
        yield unknown("the server knows it and does not list it", "`turnout token list` shows the others; make one of your own with `turnout token create`")
        return
    who = f"{mine.get('name')} is {mine.get('role')} for services {mine.get('services')}"
    until, since = printing.parsed(mine.get("expires_at")), printing.parsed(mine.get("created_at"))
    if until and since and _ends_soon(until, since, context.now()):
        yield warning(f"{who}, until {printing.moment(mine['expires_at'], context.now())}", f"make another in time: {_another(mine)}")
    yield ok(f"{who}, until {printing.clock(mine.get('expires_at'))}")


def _ends_soon(until: datetime, since: datetime, now: datetime) -> bool:
    """Within a week; of a token made for a short while, in the last quarter of that."""
    return until - now < min(SOON, (until - since) / 4)


def _another(mine: Json) -> str:
    return f"`turnout token create {mine.get('name')} --role {mine.get('role')} --services '{mine.get('services')}'`"


def without_user(url: str) -> str:
    """An address may hold a password, which is nobody's business here."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
