"""An Application Load Balancer on loopback: real HTTP, by the listeners, rules, weights and targets of the embedded AWS.

    balancer    looks at the embedded AWS again and again and keeps all of this in step with it
    listener    the ports
    serving     one request from end to end
    rules       which rule a request matches, where a redirect leads
    choosing    weights and stickiness: which group;  targets: which of its targets
    events      a request as a Lambda event, a Lambda's answer as a response
    proxy       ip and instance targets
    checking    health checks;  standing: what they make of a target
    access_log  lines of every request, written to S3 every period
    metrics     counts, written to CloudWatch every period
    embedded    reads the embedded AWS;  model: what it found

Nothing here knows colours or deployments: it serves what AWS's own API was told.
"""
