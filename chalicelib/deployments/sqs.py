"""The queues in SQS."""

import json
from collections.abc import Sequence
from itertools import islice

from chalicelib.aws.clients import Clients
from chalicelib.aws.faults import translated
from chalicelib.errors import Unavailable

_MOST_AT_ONCE = 10


class SqsQueues:
    def __init__(self, clients: Clients, *, due_queue_url: str, probe_queue_url: str) -> None:
        self._clients = clients
        self._due = due_queue_url
        self._probes = probe_queue_url

    def send_due(self, services: Sequence[str]) -> None:
        self._send(self._due, services)

    def send_probes(self, services: Sequence[str]) -> None:
        self._send(self._probes, services)

    def _send(self, queue_url: str, services: Sequence[str]) -> None:
        left = dict.fromkeys(services, "")
        for _attempt in range(2):
            left = {service: why for batch in _batches(list(left)) for service, why in self._unsent(queue_url, batch).items()}
        if left:
            first, why = next(iter(left.items()))
            raise Unavailable(f"{len(left)} of {len(services)} messages could not be queued, the first for {first} ({why}); the next tick tries again")

    def _unsent(self, queue_url: str, batch: list[str]) -> dict[str, str]:
        """What SQS did not take of this batch, and why: it may refuse single messages of a call that succeeds."""
        entries = [{"Id": str(number), "MessageBody": json.dumps({"service": service})} for number, service in enumerate(batch)]
        try:
            with translated("queueing services"):
                answer = self._clients.sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)
        except Unavailable as refused:
            return dict.fromkeys(batch, refused.detail)
        return {batch[int(failed["Id"])]: failed.get("Message") or failed["Code"] for failed in answer.get("Failed", [])}


def _batches(services: list[str]) -> list[list[str]]:
    rest = iter(services)
    return list(iter(lambda: list(islice(rest, _MOST_AT_ONCE)), []))
