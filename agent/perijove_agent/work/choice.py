"""Which work a ticket asks for."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from perijove.model.reasons import Reason
from perijove.model.tickets import Ticket
from perijove_agent.desk import Desk
from perijove_agent.ending import Failure
from perijove_agent.executed import ExecutedNotebook
from perijove_agent.kernel.kernel import Kernel
from perijove_agent.kernel.spec import find_program, kernel_name
from perijove_agent.staging.preparation import Prepared
from perijove_agent.tools import Tools
from perijove_agent.waits import waiting
from perijove_agent.work.command import CommandWork
from perijove_agent.work.interpolation import interpolate
from perijove_agent.work.notebook import Document, NotebookWork
from perijove_agent.work.protocol import Work


def choose_work(
    tools: Tools, ticket: Ticket, desk: Desk, prepared: Prepared, executed: ExecutedNotebook | None
) -> Work:
    """Return the work of a prepared attempt."""
    if executed is None:
        commands = interpolate(ticket.spec.command or (), ticket.spec.parameters)
        return CommandWork(tools.runtime, desk.recorder, desk.report, commands, prepared.environment, prepared.folder)
    document = Document(prepared.document or {}, executed.path, executed.written)
    start = partial(_kernel, tools, ticket, prepared)
    return NotebookWork(desk.recorder, desk.report, desk.payloads.record, start, document)


def interpreter(tools: Tools, ticket: Ticket, document: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return the Python an attempt's work uses, where it is one, and its kernel's name, where it has one."""
    if ticket.spec.notebook is None:
        return tools.runtime.python, None
    name = kernel_name(ticket.spec.notebook.kernel, document)
    try:
        program = find_program(name, tools.runtime.python).argv[0]
    except Failure as failure:
        return None, name if failure.ending.reason is Reason.NO_KERNEL else None
    return (program if "python" in Path(program).name else None), name


async def _kernel(tools: Tools, ticket: Ticket, prepared: Prepared) -> Kernel:
    chosen = ticket.spec.notebook.kernel if ticket.spec.notebook else None
    program = find_program(kernel_name(chosen, prepared.document or {}), tools.runtime.python)
    extra = ticket.spec.environment_variables
    with waiting(f"It waits for the kernel '{program.name}' to start."):
        return await tools.kernels.get(program, prepared.environment, extra, prepared.folder)
