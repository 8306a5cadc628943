"""The command line: a client of the REST API, with a few commands that need AWS itself.

    root        the group of all commands, and the outermost edge: every failure becomes a sentence and an exit code
    exits       exit codes, and the one table that says which problem has which
    context     what a command runs in: streams, clock, environment, connection; all of it can be replaced
    connection  which server, with which token
    options     the options that commands share
    waiting     watching a deployment until it is where it was asked to go
    printing    values as text

Every other file is one command or group of commands. Nothing heavy is
imported at the top of any of them: `turnout --help` must be instant.
"""

from turnout.cli.root import main

__all__ = ["main"]
