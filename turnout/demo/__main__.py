"""`python -m turnout.demo`: plays the main job, says each claim with what it measured, writes `.turnout/demo.json`.

The exit status is 0 only if every claim held. The stack is stopped whatever happens.
"""

import json
import signal
import sys
from pathlib import Path

from turnout.demo.bundle import Workshop
from turnout.demo.screen import Claim, Screen
from turnout.demo.stack import Stopped, running
from turnout.demo.story import play

EXPECTED = 8
_ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    screen, claims, report = Screen(), list[Claim](), Path(".turnout", "demo.json")
    try:
        perform(screen, claims)
    except KeyboardInterrupt:
        screen.trouble("interrupted; the stack is stopped")
        return 130
    except Stopped as stopped:
        claims.append(Claim("the play reaches its end", held=False, measured=str(stopped)))
        screen.claim(claims[-1])
    finally:
        report.parent.mkdir(exist_ok=True)
        report.write_text(json.dumps([claim.shown() for claim in claims], indent=2) + "\n")
    screen.end(claims, str(report))
    return 0 if len(claims) == EXPECTED and all(claim.held for claim in claims) else 1


def perform(screen: Screen, claims: list[Claim]) -> None:
    workshop = Workshop(_ROOT / "build" / "demo")
    with screen.step("the example application's dependencies are installed"):
        workshop.dependencies()
    with running(Path(".turnout", "demo"), lambda: screen.step("a local stack is started")) as stack:
        for claim in play(stack, workshop, screen):
            claims.append(claim)
            screen.claim(claim)


if __name__ == "__main__":
    sys.exit(main())
