"""An event for each function of the template, by what the template says starts it: as AWS sends it, about nothing of ours."""

from typing import Any

_NOBODYS = {
    "bucket": {"name": "somebody-elses"}, "object": {"key": "none/1/app.zip", "size": 1, "etag": "0"},
    "repository-name": "somebody-elses", "image-tag": "1", "image-digest": "sha256:" + "0" * 64, "action-type": "PUSH", "result": "SUCCESS",
    "eventName": "SERVICE_DEPLOYMENT_COMPLETED", "eventType": "INFO", "deploymentId": "ecs-svc/0",
    "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/none",
    "reason": "",
}  # fmt: skip
_RESOURCE = "arn:aws:ecs:eu-west-1:123456789012:service/somebody-elses/none"
_REQUEST = {
    "resource": "/healthz", "path": "/healthz", "httpMethod": "GET", "headers": {}, "multiValueHeaders": {}, "queryStringParameters": None,
    "multiValueQueryStringParameters": None, "pathParameters": None, "stageVariables": None, "body": None, "isBase64Encoded": False,
    "requestContext": {"httpMethod": "GET", "resourcePath": "/healthz", "path": "/prod/healthz", "identity": {}},
}  # fmt: skip
_TOKEN = {"type": "TOKEN", "authorizationToken": "Bearer nobodys", "methodArn": "arn:aws:execute-api:eu-west-1:123456789012:none/prod/GET/v1/services"}


def harmless(function: dict[str, Any]) -> dict[str, Any]:
    """Raises `KeyError` for a function that is started in a way nobody has thought of here."""
    sources = list(function.get("Events", {}).values())
    if not sources:
        return {"app.app": _REQUEST, "app.authorize": _TOKEN}[function["Handler"]]
    return _OF_TYPE[sources[0]["Type"]](sources[0]["Properties"])


def _scheduled(properties: dict[str, Any]) -> dict[str, Any]:
    return _event("aws.events", "Scheduled Event", {})


def _matched(properties: dict[str, Any]) -> dict[str, Any]:
    pattern = properties["Pattern"]
    return _event(pattern["source"][0], pattern["detail-type"][0], _NOBODYS)


def _event(source: str, kind: str, detail: dict[str, Any]) -> dict[str, Any]:
    about = {"version": "0", "id": "0", "account": "123456789012", "region": "eu-west-1", "time": "2026-01-01T00:00:00Z", "resources": [_RESOURCE]}
    return {**about, "source": source, "detail-type": kind, "detail": detail}


_OF_TYPE = {
    "Api": lambda _: _REQUEST, "Schedule": _scheduled, "EventBridgeRule": _matched, "CloudWatchEvent": _matched,
    "SQS": lambda _: {"Records": []}, "DynamoDB": lambda _: {"Records": []},
}  # fmt: skip
