"""What people and CI may ask for, as pure functions: a service and a wish to the service as it then is.

They raise `Conflict` when the state does not allow it, and answer an unchanged
service when everything is so already. None of them touches traffic: that is
`machine.advance`'s, which the caller runs on what comes out.
"""

from chalicelib.deployments.commands.going_back import abort, answer_to_rollback, as_seen, roll_back
from chalicelib.deployments.commands.holding import certify, pause, resume
from chalicelib.deployments.commands.promoting import promote
from chalicelib.deployments.commands.starting import deploy, release_arrived
from chalicelib.deployments.commands.wish import Wish

__all__ = ["Wish", "abort", "answer_to_rollback", "as_seen", "certify", "deploy", "pause", "promote", "release_arrived", "resume", "roll_back"]
