"""Executions: made, listed, stopped, repeated, compared."""

from __future__ import annotations

from perijove.model.resources import Comparison, CreatedExecutions, Execution, ExecutionDetail, Page, Stopping, Why
from perijove_hub.call import Call
from perijove_scheduler.services.executions import ExecutionFilter


async def index(call: Call) -> Page[Execution]:
    """List executions, the newest first."""
    query = call.query
    conditions = ExecutionFilter(**query.model_dump(exclude={"limit", "cursor", "metadata"}))
    wanted = None if query.metadata is None else [*filter(None, query.metadata.split(","))]
    return await call.services.executions.list(call.caller, conditions, query.cursor, query.limit, wanted)


async def create(call: Call) -> Execution:
    """Submit an execution."""
    return await call.services.executions.create(call.caller, call.body, call.key, call.document)


async def create_many(call: Call) -> CreatedExecutions:
    """Submit many executions at once."""
    return await call.services.executions.create_many(call.caller, call.body, call.key, call.document)


async def compare(call: Call) -> Comparison:
    """Set executions side by side."""
    return await call.services.executions.compare(call.caller, call.query.id)


async def get(call: Call) -> ExecutionDetail:
    """Return an execution with its attempts."""
    return await call.services.executions.get(call.caller, call.path["execution"])


async def delete(call: Call) -> None:
    """Delete an ended execution with its files."""
    await call.services.executions.delete(call.caller, call.path["execution"])


async def stop(call: Call) -> Execution:
    """Ask an execution to stop."""
    return await call.services.executions.stop(call.caller, call.path["execution"])


async def stop_many(call: Call) -> Stopping:
    """Ask many executions to stop."""
    return await call.services.executions.stop_many(call.caller, call.body.executions)


async def copy(call: Call) -> Execution:
    """Run an execution again, with what the caller changes."""
    return await call.services.executions.copy(call.caller, call.path["execution"], call.body, call.key)


async def why(call: Call) -> Why:
    """Say what an execution waits for."""
    return await call.services.executions.why(call.caller, call.path["execution"])
