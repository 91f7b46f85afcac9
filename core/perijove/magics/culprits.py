"""Which variable can't be pickled, what inside it is the cause, and what to do about that."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from types import AsyncGeneratorType, CoroutineType, FrameType, FunctionType, GeneratorType, MethodType, TracebackType
from typing import Any

import cloudpickle

from perijove.magics.failures import UnpicklableVariable

#: How many objects are tried, and how deep: looking for a cause must not take longer than the person's patience.
_TRIES, _DEPTH = 2000, 20
_IN_THE_CELL = "Leave it out of --in, and make it in the cell itself."
_KINDS: list[tuple[tuple[type, ...], str, str]] = [
    ((GeneratorType, AsyncGeneratorType), "a generator, which exists in this process only",
     "Send a list of what it yields."),
    ((CoroutineType,), "a coroutine, which exists in this process only", "Await it first, and send the result."),
    ((io.IOBase,), "an open file", "Send its path, and open it in the cell."),
    ((type(threading.Lock()), type(threading.RLock()), threading.Condition, threading.Event, threading.Semaphore),
     "a lock, which is worth something in this process only", _IN_THE_CELL),
    ((threading.Thread,), "a thread of this process", _IN_THE_CELL),
    ((FrameType, TracebackType), "part of a running program", "Send its text instead."),
]  # fmt: skip


@dataclass
class _Search:
    tries: int = _TRIES

    def fails(self, value: Any) -> Exception | None:
        """Return why `value` can't be pickled, or None if it can, or if there were too many tries."""
        if self.tries <= 0:
            return None
        self.tries -= 1
        try:
            cloudpickle.dump(value, _Nowhere())
        except Exception as error:  # noqa: BLE001 - an object's own pickling code may raise anything
            return error
        return None

    def deepest(self, path: str, value: Any, error: Exception) -> tuple[str, Any, Exception]:
        """Follow a failure inwards: from an object to the first part of it that fails alone."""
        seen = {id(value)}
        for _ in range(_DEPTH):
            if _kind(value):
                break
            parts = ((where, part) for where, part in _parts(path, value) if id(part) not in seen)
            found = next(((where, part, why) for where, part in parts if (why := self.fails(part))), None)
            if found is None:
                break
            path, value, error = found
            seen.add(id(value))
        return path, value, error


class _Nowhere:
    def write(self, data: Any) -> int:
        return memoryview(data).nbytes


def explain(values: Mapping[str, Any], error: Exception) -> UnpicklableVariable:
    """Return the error for variables that can't be pickled together: whose fault it is, and why."""
    search = _Search()
    for name, value in values.items():
        if (alone := search.fails(value)) is not None:
            return _described(name, *search.deepest(name, value, alone))
    return UnpicklableVariable(f"{', '.join(values)} can't be sent: {_reason(error)}.")


def _described(name: str, path: str, culprit: Any, error: Exception) -> UnpicklableVariable:
    subject = "it" if path == name else path
    if known := _kind(culprit):
        return UnpicklableVariable(f"{name!r} can't be sent: {subject} is {known[0]}.", known[1])
    kind = f"{type(culprit).__module__}.{type(culprit).__qualname__}".removeprefix("builtins.")
    return UnpicklableVariable(f"{name!r} can't be sent: {subject}, a {kind}, can't be pickled: {_reason(error)}.")


def _kind(value: Any) -> tuple[str, str] | None:
    """Return what `value` is and what to do about it, if that is known."""
    return next(((words, hint) for kinds, words, hint in _KINDS if isinstance(value, kinds)), None)


def _reason(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return (text[0] if text else type(error).__name__).rstrip(".")


def _parts(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Iterate over what `value` consists of, each with the expression that reaches it."""
    if isinstance(value, Mapping):
        yield from ((f"{path}[{key!r}]", part) for key, part in islice(value.items(), _TRIES))
    elif isinstance(value, (list, tuple)):
        yield from ((f"{path}[{index}]", part) for index, part in enumerate(islice(value, _TRIES)))
    elif isinstance(value, (set, frozenset)):
        yield from ((f"an element of {path}", part) for part in islice(value, _TRIES))
    elif isinstance(value, FunctionType):
        yield from _variables_of(path, value)
    elif isinstance(value, MethodType):
        yield f"{path}.__self__", value.__self__
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        yield from ((f"{path}.{name}", part) for name, part in vars(value).items())


def _variables_of(path: str, function: FunctionType) -> Iterator[tuple[str, Any]]:
    """Iterate over the variables a function takes from outside, which are pickled with it."""
    names = function.__code__.co_freevars
    for name, cell in zip(names, function.__closure__ or (), strict=True):
        yield f"{name}, which {path} uses", cell.cell_contents
    for name in function.__code__.co_names:
        if name in function.__globals__:
            yield f"{name}, which {path} uses", function.__globals__[name]
