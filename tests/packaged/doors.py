"""A port for each listener, as on AWS: what comes in there is passed on to the emulator, which has one port for everything."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from tests.packaged.emulator import Emulator


@contextmanager
def opened(emulator: Emulator, balancer: str, count: int) -> Iterator[list[int]]:
    """The ports of `count` listeners of this load balancer."""
    doors = [_door(emulator, balancer) for _ in range(count)]
    for door in doors:
        Thread(target=door.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield [door.server_port for door in doors]
    finally:
        for door in doors:
            door.shutdown()
            door.server_close()


def _door(emulator: Emulator, balancer: str) -> "Door":
    class Passing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            # It finds the load balancer by this path and the listener by the port in the host's name, which stays as it was asked.
            answer = emulator.http.request("GET", f"{emulator.url}/_alb/{balancer}{self.path}", headers={**self.headers, "Host": self.headers["Host"]})
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in {"content-length", "transfer-encoding", "connection", "date", "server"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.data)))
            self.end_headers()
            self.wfile.write(answer.data)

        def log_message(self, *args: object) -> None:
            pass

    return Door(("127.0.0.1", 0), Passing)


class Door(ThreadingHTTPServer):
    def handle_error(self, *args: object) -> None:
        """A prober that waited long enough has gone; that is its right."""
