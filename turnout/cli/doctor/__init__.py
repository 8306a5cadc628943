"""`turnout doctor`: looks at everything a service stands on, changes nothing, and says what to do."""

from turnout.cli.doctor.command import doctor

__all__ = ["doctor"]
