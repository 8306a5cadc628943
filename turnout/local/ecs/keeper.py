"""Becomes the application, and leaves behind a watcher that ends the whole process group with the local stack.

    python -I -S keeper.py LIFELINE COMMAND [ARGUMENT ...]

LIFELINE is a pipe that nobody writes to and that ends with the stack, whatever way
that went. The watcher is nobody's child, so that an application that waits for its
children does not meet it.
"""

import os
import signal
import sys


def main(lifeline: int, command: "list[str]") -> None:
    watcher = os.fork()
    if not watcher:
        if not os.fork():
            watch(lifeline)
        os._exit(0)
    os.waitpid(watcher, 0)
    os.set_inheritable(lifeline, False)
    try:
        os.execvp(command[0], command)  # noqa: S606  # what the task was told to run
    except OSError as error:
        print(f'exec: "{command[0]}": {error.strerror}', file=sys.stderr)
        os._exit(127)


def watch(lifeline: int) -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.read(lifeline, 1)
    os.killpg(os.getpgid(0), signal.SIGKILL)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
