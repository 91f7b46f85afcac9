"""Why an execution ended or waits: what follows from each reason, and the sentence the user reads."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from perijove.model.status import TERMINAL, Status


class Reason(str, Enum):
    """Why an execution stands where it stands."""

    OK = "ok"
    CELL_ERROR = "cell_error"
    NONZERO_EXIT = "nonzero_exit"
    TIME_LIMIT = "time_limit"
    NO_OUTPUT = "no_output"
    OUT_OF_MEMORY = "out_of_memory"
    KERNEL_DIED = "kernel_died"
    NO_KERNEL = "no_kernel"
    STOPPED_BY_USER = "stopped_by_user"
    WORKER_LOST = "worker_lost"
    WORKER_DRAINED = "worker_drained"
    WORKER_LEFT = "worker_left"
    SPOT_INTERRUPTED = "spot_interrupted"
    IMAGE_FAILED = "image_failed"
    CODE_FAILED = "code_failed"
    INPUT_FAILED = "input_failed"
    OUTPUT_FAILED = "output_failed"
    AGENT_FAILED = "agent_failed"
    UNSCHEDULABLE = "unschedulable"

    def __str__(self) -> str:
        return self.value


class Fault(str, Enum):
    """Whose failure it is."""

    NOBODY = "nobody"
    USER = "user"
    INFRASTRUCTURE = "infrastructure"


class Retry(str, Enum):
    """What the platform does by itself after an attempt ended for a reason."""

    NEVER = "never"
    COUNTED = "counted"
    """Try again and take one from the execution's infrastructure retries."""
    FREE = "free"
    """Try again; it costs no retry, as nothing failed. No execution gets more than `MOST_FREE` of these."""


#: How often an execution is tried again without that costing a retry.
MOST_FREE = 20


class Meaning(NamedTuple):
    """What follows from a reason."""

    status: Status
    fault: Fault
    retry: Retry
    sentence: str
    hint: str


MEANINGS: dict[Reason, Meaning] = {
    Reason.OK: Meaning(Status.COMPLETE, Fault.NOBODY, Retry.NEVER, "It completed.", ""),
    Reason.CELL_ERROR: Meaning(
        Status.ERROR, Fault.USER, Retry.NEVER, "A cell raised an exception.",
        "The traceback is in the cell's output and in the log."),
    Reason.NONZERO_EXIT: Meaning(
        Status.ERROR, Fault.USER, Retry.NEVER, "A command ended with a non-zero exit status.",
        "The last lines of the log usually say why."),
    Reason.TIME_LIMIT: Meaning(
        Status.ERROR, Fault.USER, Retry.NEVER, "It ran longer than its time limit and was stopped.",
        "Raise the time limit, or make the work shorter."),
    Reason.NO_OUTPUT: Meaning(
        Status.ERROR, Fault.USER, Retry.NEVER, "It printed nothing for longer than its no-output limit.",
        "Print progress now and then, or raise the no-output limit."),
    Reason.OUT_OF_MEMORY: Meaning(
        Status.ERROR, Fault.USER, Retry.NEVER, "It used more memory than it may and was killed.",
        "Ask for more memory, or use a group with larger machines."),
    Reason.KERNEL_DIED: Meaning(
        Status.ERROR, Fault.USER, Retry.NEVER, "The kernel died while a cell was running.",
        "Native code that crashes, os._exit() or a kill signal end a kernel; the log shows its last words."),
    Reason.NO_KERNEL: Meaning(
        Status.ERROR, Fault.USER, Retry.NEVER, "The kernel this notebook asks for could not be started.",
        "Install ipykernel (or the notebook's kernel) in the image or on the worker."),
    Reason.STOPPED_BY_USER: Meaning(
        Status.STOPPED, Fault.NOBODY, Retry.NEVER, "Someone stopped it.", ""),
    Reason.WORKER_LOST: Meaning(
        Status.CRASHED, Fault.INFRASTRUCTURE, Retry.COUNTED, "The worker that ran it stopped answering.",
        "This is not your code's failure. Run it again, or ask for more retries."),
    Reason.WORKER_DRAINED: Meaning(
        Status.CRASHED, Fault.INFRASTRUCTURE, Retry.FREE, "Its worker was shut down and handed the work back.",
        "It runs again on another worker by itself."),
    Reason.WORKER_LEFT: Meaning(
        Status.CRASHED, Fault.INFRASTRUCTURE, Retry.COUNTED, "Its worker ended without having been drained.",
        "If the work ends processes by name or by user (killall, pkill), let it end only those it started."),
    Reason.SPOT_INTERRUPTED: Meaning(
        Status.CRASHED, Fault.INFRASTRUCTURE, Retry.COUNTED, "The cloud took the worker's spot machine back.",
        "Use a group of on-demand machines, or ask for more retries."),
    Reason.IMAGE_FAILED: Meaning(
        Status.CRASHED, Fault.INFRASTRUCTURE, Retry.COUNTED, "The image could not be pulled or started.",
        "Check the image's name and that the worker may pull it."),
    Reason.CODE_FAILED: Meaning(
        Status.CRASHED, Fault.INFRASTRUCTURE, Retry.COUNTED, "The code snapshot could not be fetched or unpacked.",
        "Submit again; if it persists, ask your administrator to look at the object store."),
    Reason.INPUT_FAILED: Meaning(
        Status.ERROR, Fault.USER, Retry.NEVER, "An input could not be fetched.",
        "Check the input's URI and that the worker can reach it."),
    Reason.OUTPUT_FAILED: Meaning(
        Status.CRASHED, Fault.INFRASTRUCTURE, Retry.COUNTED, "Its outputs could not be stored.",
        "Ask your administrator to look at the object store and its free space."),
    Reason.AGENT_FAILED: Meaning(
        Status.CRASHED, Fault.INFRASTRUCTURE, Retry.COUNTED, "The agent failed while it ran this.",
        "The agent's own log on the worker says more."),
    Reason.UNSCHEDULABLE: Meaning(
        Status.CRASHED, Fault.INFRASTRUCTURE, Retry.NEVER, "No worker of its group can ever run it.",
        "It asks for more CPUs, memory or GPUs than a worker of the group has; choose another group."),
}  # fmt: skip


def _check_table() -> None:
    if missing := set(Reason) - set(MEANINGS):
        raise AssertionError(f"reasons without a meaning: {sorted(missing)}")
    if wrong := [r for r, m in MEANINGS.items() if m.status not in TERMINAL]:
        raise AssertionError(f"reasons that map to a status that is not final: {wrong}")


_check_table()
