"""What the service tells machines about itself: its document, its health, its metrics."""

from __future__ import annotations

from perijove_hub.call import Call
from perijove_hub.metrics import MEDIA_TYPE, Moment
from perijove_hub.route import Text
from perijove_scheduler.services.caller import Caller

_SCRAPER = Caller("service:prometheus", scopes=frozenset({"read", "submit", "admin"}))


async def document(call: Call) -> Text:
    """Return the OpenAPI document."""
    return Text("application/json", call.hub.document)


async def health(call: Call) -> Text:
    """Say whether the database and Redis answer; 503 when one does not."""
    state = await call.hub.health()
    return Text("application/json", state.model_dump_json(), status=200 if state.database and state.redis else 503)


async def metrics(call: Call) -> Text:
    """Return everything Prometheus reads."""
    platform = call.hub.platform
    groups = await call.services.groups.list(_SCRAPER)
    depths = await platform.queue.depths([group.name for group in groups])
    leading = platform.leader.term is not None
    loops = platform.loops
    rejected = loops.applier.rejected if loops else {}
    moment = Moment(groups, depths, tuple(loops or ()), rejected, len(call.hub.viewers), leading)
    return Text(MEDIA_TYPE, call.hub.metrics.render(moment))
