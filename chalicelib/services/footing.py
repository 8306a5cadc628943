"""What a definition stands on: what was found in AWS, and what the record of the service begins with or goes on with."""

from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.colors import Color, Split
from chalicelib.deployments.model import Placement
from chalicelib.errors import Invalid
from chalicelib.health.model import Targets
from chalicelib.services.definition import Definition
from chalicelib.services.model import Service, Site
from chalicelib.traffic.router import Surroundings

_FIELD = "traffic.production_rule"


@dataclass(frozen=True, slots=True)
class Footing:
    """What was found. `color` has all of the traffic, `whole_targets` are its targets."""

    at: datetime
    surroundings: Surroundings
    color: Color
    whole_targets: Targets

    @property
    def production(self) -> Split | None:
        return self.surroundings.rules.production.split

    @property
    def staging(self) -> Split | None:
        return self.surroundings.rules.staging.split

    @property
    def targets(self) -> dict[Color, Targets]:
        return {self.color: self.whole_targets}

    @property
    def site(self) -> Site:
        return site_of(self.surroundings)

    @property
    def adopted(self) -> Placement | None:
        """What serves already, though nobody here put it there: somewhere to go back to. None where nothing does."""
        return Placement(self.color, None) if self.whole_targets.healthy else None


def site_of(found: Surroundings) -> Site:
    return Site(found.production.url, found.staging.url, found.health_delay_seconds, found.drain_seconds)


def check_paths(definition: Definition, found: Surroundings) -> None:
    """Raises `Invalid` for a question whose path leads past the rule it is meant for: something else would answer it."""
    probe, smoke = definition.checks.probe.path, definition.checks.smoke
    asked = [("checks.probe.path", found.production, probe), ("checks.probe.path", found.staging, probe)]
    asked += [(f"checks.smoke.{position}.path", found.staging, each.path) for position, each in enumerate(smoke)]
    for field, address, path in asked:
        if not address.takes(path):
            raise Invalid(f"{field}: {path} does not come to the rule at {address.url}, which takes only {', '.join(address.paths)}", field=field)


def whole_color(surroundings: Surroundings) -> Color:
    """The colour that has all of production. Raises `Invalid` where none has: what is live must be clear from the start."""
    rule = surroundings.rules.production
    if rule.split is None:
        raise Invalid(f"the production rule does not share traffic between just the two target groups ({rule.raw}); give one 100 and the other 0", field=_FIELD)
    if rule.split.whole_on is None:
        shares = ", ".join(f"{color} {share} %" for color, share in rule.split.percentages().items())
        raise Invalid(f"the production rule shares its traffic ({shares}); give one target group 100 and the other 0, then register", field=_FIELD)
    return rule.split.whole_on


def settled(before: Service | None, definition: Definition, found: Footing) -> Service:
    """The service under its new definition, on what was found."""
    if before is None:
        return _first(definition, found)
    if not before.registered:
        return _again(before, definition, found)
    return _moved(before, redefined(before, definition, found.surroundings), found)


def redefined(before: Service, definition: Definition, found: Surroundings) -> Service:
    """The service where it stood, under its new definition and with what was found around it. The same where nothing differs."""
    changed = 1 if definition != before.definition else 0
    due_at = before.due_at if definition.drill == before.definition.drill else before.registered_at  # at once: the next drill has to be reckoned anew
    declared = definition if changed else before.definition  # which may carry what a later version wrote
    return replace(before, definition=declared, definition_revision=before.definition_revision + changed, site=site_of(found), due_at=due_at)


def _first(definition: Definition, found: Footing) -> Service:
    return Service(
        name=definition.name, definition=definition, site=found.site, registered_at=found.at, expected=(Split.all_on(found.color),),
        live=found.adopted, empty_since={found.color.other: found.at},
    )


def _again(before: Service, definition: Definition, found: Footing) -> Service:
    """Removed and back. What it was is remembered; what stands where is not, since nobody minded it in between."""
    known = replace(before, definition=definition, definition_revision=before.definition_revision + 1, site=found.site)
    returned = replace(known, registered=True, registered_at=found.at, epoch=before.epoch + 1, paused=None, last_move=None)
    return _on_new_ground(returned, found)


def _moved(before: Service, after: Service, found: Footing) -> Service:
    """Other rules, groups or another function. Where the groups and what runs behind them are the same, so is what is live."""
    was, becomes = before.definition, after.definition
    same_ground = was.runtime.ground == becomes.runtime.ground and was.traffic.target_groups == becomes.traffic.target_groups
    next_epoch = replace(after, epoch=before.epoch + 1)
    if same_ground and (before.live is None or before.live.color is found.color):
        return replace(next_epoch, expected=(Split.all_on(found.color),), drift=None, empty_since={found.color.other: found.at})
    return _on_new_ground(next_epoch, found)


def _on_new_ground(service: Service, found: Footing) -> Service:
    return replace(
        service, expected=(Split.all_on(found.color),), live=found.adopted, standing={}, empty_since={found.color.other: found.at},
        drift=None, look_again_since=None, giving_up=None,  # nobody is done with what stands there now
    )
