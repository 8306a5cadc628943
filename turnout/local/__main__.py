"""The detached stack: `python -m turnout.local OPTIONS`, where OPTIONS is what `Options.to_json` gives."""

import os
import sys

from turnout.local import stack


def main() -> None:
    try:
        stack.run(stack.Options.from_json(sys.argv[1]), ready=lambda _: None)
    except stack.CannotStart as reason:
        sys.exit(f"turnout local: {reason}")
    sys.stdout.flush()
    os._exit(0)  # everything has been put away; a prober may still sleep in its thread


if __name__ == "__main__":
    main()
