"""The switch that is a parameter of Systems Manager: text that every instance of an application can read."""

from datetime import datetime

from chalicelib.aws.clients import Clients
from chalicelib.aws.faults import translated
from chalicelib.cutover.switch import Reading, read_from, written
from chalicelib.errors import NotFound


class SsmSwitch:
    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def set(self, parameter: str, until: datetime | None, *, deployment: str) -> None:
        with translated(f"writing parameter {parameter}"):
            self._clients.switches.put_parameter(Name=parameter, Value=written(until, deployment), Type="String", Overwrite=True)

    def read(self, parameter: str) -> Reading:
        try:
            with translated(f"reading parameter {parameter}"):
                found = self._clients.switches.get_parameter(Name=parameter)
        except NotFound:
            return Reading(None)
        return read_from(found["Parameter"]["Value"])
