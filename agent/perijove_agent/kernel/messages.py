"""What kernels send, as it is meant to be: every field of the type that the messaging protocol gives it.

Kernels are programs of other people's, and what a display holds is their users'. A field that is missing or of another
type is repaired, or left out, where the message arrives, and a sentence says so: nobody behind here has to ask again.
See https://jupyter-client.readthedocs.io/en/stable/messaging.html.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from perijove.safe_json import bounded_text

Content = dict[str, Any]

#: How many sentences one execution's log has about its kernel's messages.
MOST = 10
_STREAMS = frozenset({"stdout", "stderr"})
_STREAM = {"name", "text"}
#: Characters of a name in a sentence.
_SHORT = 60
_JSON = re.compile(r"application/(.*\+)?json")


class Complaints:
    """Sentences about messages that were not as they should be, each once, and no more than `MOST`."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._fresh: list[str] = []

    def add(self, sentence: str) -> bool:
        """Take a sentence; return whether it is a new one."""
        if sentence in self._known or len(self._known) > MOST:
            return False
        self._known.add(sentence)
        self._fresh.append(sentence if len(self._known) <= MOST else "More such messages are not mentioned.")
        return True

    def take(self) -> list[str]:
        """Return what was added since the last time."""
        fresh, self._fresh = self._fresh, []
        return fresh


def normalised(message: dict[str, Any], complaints: Complaints) -> dict[str, Any] | None:
    """Return `message` with every field of its protocol's type; None if there is nothing to be made of it."""
    kind = message["msg_type"]
    if not isinstance(kind, str) or not isinstance(message["msg_id"], str):
        complaints.add("The kernel sent a message without a type; it was left out.")
        return None
    parent, content = message["parent_header"], message["content"]
    if not isinstance(parent, dict) or not isinstance(parent.get("msg_id", ""), str):
        message["parent_header"] = {}
    if not isinstance(content, dict):
        complaints.add(f"The kernel sent a '{short(kind)}' message without content.")
        content = message["content"] = {}
    if not isinstance(message["metadata"], dict):
        message["metadata"] = {}
    mend = _MENDERS.get(kind, _mend_others)
    for what in mend(content):
        complaints.add(f"The kernel sent a '{short(kind)}' message {what}.")
    return None if kind == "status" and "execution_state" not in content else message


def _mend_stream(content: Content) -> list[str]:
    name, text = content.get("name"), content.get("text")
    if type(text) is str and type(name) is str and name in _STREAMS and content.keys() == _STREAM:
        return []  # as nearly all are
    wrong = _mend_others(content)
    if not isinstance(name, str) or name not in _STREAMS:
        content["name"] = "stdout"
        wrong.append("of no known stream; it counts as standard output")
    if not isinstance(text, str):
        content["text"] = _as_text(text)
        wrong.append("whose text is no text")
    return wrong


def _mend_display(content: Content) -> list[str]:
    wrong = _mend_others(content)
    data = content.get("data")
    if not isinstance(data, dict):
        wrong.append("without data; nothing of it is shown")
        data = content["data"] = {}
    for media_type, value in [*data.items()]:
        if isinstance(value, str) or _JSON.fullmatch(media_type) or _is_lines(value):
            continue
        if value is None:
            del data[media_type]
            wrong.append(f"with nothing for {short(media_type)}, which was left out")
        else:
            data[media_type] = _as_text(value)
            wrong.append(f"whose {short(media_type)} is no text, and was written as such")
    if not isinstance(content.get("metadata"), dict):
        content["metadata"] = {}
    transient = content.get("transient")
    if not isinstance(transient, dict) or not isinstance(transient.get("display_id", ""), str):
        content["transient"] = {}
    return wrong


def _mend_result(content: Content) -> list[str]:
    content.setdefault("execution_count", None)
    return _mend_display(content)


def _mend_error(content: Content) -> list[str]:
    wrong = _mend_others(content)
    for name in ("ename", "evalue"):
        if not isinstance(content.get(name), str):
            wrong.append(f"without {name}" if content.get(name) is None else f"whose {name} is no text")
            content[name] = _as_text(content.get(name))
    if not _is_lines(content.get("traceback")):
        trace = content.get("traceback")
        content["traceback"] = [_as_text(line) for line in trace] if isinstance(trace, list) else []
        wrong.append("without a traceback")
    return wrong


def _mend_reply(content: Content) -> list[str]:
    status = content.get("status")
    wrong = []
    if not isinstance(status, str):
        content["status"] = status = "error" if content.get("ename") else "ok"
        wrong.append("without a status")
    if not isinstance(content.get("payload"), list):
        content["payload"] = []
    if not isinstance(content.get("user_expressions"), dict):
        content["user_expressions"] = {}
    return wrong + (_mend_error(content) if status == "error" else _mend_others(content))


def _mend_status(content: Content) -> list[str]:
    wrong = _mend_others(content)
    if not isinstance(content.get("execution_state"), str):
        content.pop("execution_state", None)
        wrong.append("that says nothing")
    return wrong


def _mend_clear(content: Content) -> list[str]:
    content["wait"] = content.get("wait") is True
    return _mend_others(content)


def _mend_comm(content: Content) -> list[str]:
    wrong = _mend_others(content)
    for name in ("comm_id", "target_name"):
        if not isinstance(content.get(name, ""), str):
            content[name] = ""
            wrong.append(f"whose {name} is no text")
    content.setdefault("comm_id", "")
    data = content.get("data")
    if not isinstance(data, dict):
        data = content["data"] = {}
    if "state" in data and not isinstance(data["state"], dict):
        del data["state"]
        wrong.append("whose state is no object")
    paths = data.get("buffer_paths")
    if paths is not None and not (isinstance(paths, list) and all(map(_is_path, paths))):
        data["buffer_paths"] = []
        wrong.append("with buffers for no place")
    return wrong


def _mend_info(content: Content) -> list[str]:
    language = content.get("language_info")
    if not isinstance(language, dict) or not isinstance(language.get("name"), str):
        content["language_info"] = {}
        return ["without the language's name"]
    return []


def _mend_others(content: Content) -> list[str]:
    count = content.get("execution_count", 0)
    if count is not None and (type(count) is not int or count < 0):
        content["execution_count"] = None
        return ["whose execution_count is no number"]
    # nbclient looks for these in messages of every type.
    if not isinstance(content.get("transient", {}), dict):
        content["transient"] = {}
    return []


_MENDERS: dict[str, Callable[[Content], list[str]]] = {
    "stream": _mend_stream,
    "display_data": _mend_display,
    "update_display_data": _mend_display,
    "execute_result": _mend_result,
    "error": _mend_error,
    "clear_output": _mend_clear,
    "status": _mend_status,
    "comm_open": _mend_comm,
    "comm_msg": _mend_comm,
    "comm_close": _mend_comm,
    "execute_reply": _mend_reply,
    "kernel_info_reply": _mend_info,
}


def _is_lines(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(line, str) for line in value)


def _is_path(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(step, str | int) for step in value)


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if _is_lines(value):
        return "".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def short(name: str) -> str:
    """Return a name that a kernel sent, short enough for a sentence."""
    return bounded_text(name, _SHORT)
