"""Turnout's control plane: the REST API and every event handler.

Each handler is a sentence; what it does is in `chalicelib`. Event handlers stay in
this file: on a blueprint Lambda would import their module without this one.
"""

from chalice.app import AuthRequest, AuthResponse, Chalice, CloudWatchEvent, DynamoDBEvent, SQSEvent

from chalicelib.api import install
from chalicelib.api.authorizer import allowance, identify
from chalicelib.bootstrap import control_plane
from chalicelib.events import each_changed, each_service, object_of, tag_of

app = Chalice(app_name="turnout", configure_logs=False)


@app.authorizer(ttl_seconds=0)
def authorize(request: AuthRequest) -> AuthResponse:
    return allowance(identify(control_plane().tokens, request.token))


install(app, control_plane)  # after the authorizer, which every route but three is behind


@app.on_cw_event({"source": ["aws.s3"], "detail-type": ["Object Created"]})
def on_artifact(event: CloudWatchEvent) -> None:
    control_plane().intake.take(*object_of(event.detail))


@app.on_cw_event({"source": ["aws.ecr"], "detail-type": ["ECR Image Action"], "detail": {"action-type": ["PUSH"], "result": ["SUCCESS"]}})
def on_image(event: CloudWatchEvent) -> None:
    control_plane().intake.take_image(*tag_of(event.detail))


@app.on_cw_event({"source": ["aws.ecs"], "detail-type": ["ECS Deployment State Change"]})
def on_ecs_deployment(event: CloudWatchEvent) -> None:
    control_plane().passes.changed(control_plane().services.owning(event.resources))


@app.on_cw_event({"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"]})
def on_alarm(event: CloudWatchEvent) -> None:
    control_plane().passes.changed(control_plane().services.heeding(event.resources))


@app.on_cw_event({"source": ["aws.s3"], "detail-type": ["Object Created"], "detail": {"object": {"key": [{"suffix": ".log.gz"}]}}})
def on_access_log(event: CloudWatchEvent) -> None:
    control_plane().mirroring.take(*object_of(event.detail))


@app.on_sqs_message(queue="turnout-due", batch_size=1)
def on_due(event: SQSEvent) -> dict[str, object]:
    return each_service(event.to_dict(), control_plane().passes.run)


@app.on_sqs_message(queue="turnout-probes", batch_size=1)
def on_probe_due(event: SQSEvent) -> dict[str, object]:
    return each_service(event.to_dict(), control_plane().passes.probe)


@app.on_dynamodb_record(stream_arn="arn:aws:dynamodb:us-east-1:123456789012:table/turnout/stream/latest")
def on_change(event: DynamoDBEvent) -> dict[str, object]:
    return each_changed(event.to_dict(), control_plane().passes.changed)


@app.schedule("rate(1 minute)")
def tick(_event: CloudWatchEvent) -> None:
    control_plane().passes.tick()


@app.schedule("rate(5 minutes)")
def reconcile(_event: CloudWatchEvent) -> None:
    control_plane().intake.reconcile()
