"""Parcels: an application of one file that runs as a task of ECS, or as an instance; the standard library is all it needs.

It listens on $PORT, answers with its release in a header, and ends when it is told to, after the requests that it has.
"""

import json
import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RELEASE = os.environ.get("TURNOUT_VERSION", "unreleased")
TITLE = "Where is my parcel?"


class Parcels(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 65  # longer than the balancer keeps a connection that nobody uses: it closes first

    def do_GET(self) -> None:
        body = json.dumps({"title": TITLE, "release": RELEASE, "color": os.environ.get("TURNOUT_COLOR"), "depot": os.environ.get("DEPOT", "Hull")}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Release", RELEASE)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: the balancer keeps a log."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


def main() -> None:
    server = Server(("", int(os.environ.get("PORT", "8080"))), Parcels)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()
