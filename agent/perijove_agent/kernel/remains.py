"""Whether ending a kernel in an orderly way could still change anything; if not, it is killed, which takes no time.

An interpreter takes a tenth of a second to end. What it does meanwhile that a run could be about: it runs exit
handlers, joins threads, and writes out what open files hold back. The kernel is asked whether it has any of these that
it did not have before the run; whatever cannot be told counts as something.
"""

from __future__ import annotations

from collections.abc import Mapping

# Runs in the kernel at its start, in a namespace of its own.
_WATCH = """
import atexit, ctypes, os, sys, threading, types, weakref

def _writable():
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            path = os.readlink("/proc/self/fd/" + name)
            with open("/proc/self/fdinfo/" + name) as info:
                flags = next(int(line.split()[1], 8) for line in info if line.startswith("flags"))
        except FileNotFoundError:
            continue
        if path.startswith("/") and not path.startswith("/dev/") and flags & os.O_ACCMODE:
            found.add((name, path))
    return found

def _look():
    return {
        "handlers": set(range(atexit._ncallbacks())),
        "thread handlers": set(range(len(threading._threading_atexits))),
        "finalizers": {id(one) for one in list(weakref.finalize._registry) if one.atexit},
        "threads": {one.ident for one in threading.enumerate() if not one.daemon},
        "files": _writable(),
    }

def _children():
    for thread in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{thread}/children") as children:
            if children.read().strip():
                return True
    return False

def remains():
    try:
        for stream in (sys.stdout, sys.stderr, sys.__stdout__, sys.__stderr__):
            stream.flush()
        ctypes.CDLL(None).fflush(None)
        now = _look()
        # Destructors of Python code; what C code keeps are open files, which are looked at themselves.
        by_hand = any(
            isinstance(getattr(type(value), "__del__", None), types.FunctionType)
            for value in list(shell.user_ns.values())
        )
        return by_hand or _children() or any(now[kind] - before[kind] for kind in before)
    except BaseException:
        return True

try:
    before = _look()
    shell.kernel._perijove_remains = remains
except BaseException:
    pass
"""
#: Run in the kernel before anybody's work is.
WATCH = f"exec({_WATCH!r}, {{'shell': get_ipython()}})"
#: Evaluated in the kernel: False where nothing remains.
ASK = (
    """__import__("ipykernel.kernelapp", fromlist=["IPKernelApp"]).IPKernelApp.instance().kernel._perijove_remains()"""
)


def is_answered(reply: Mapping[str, object]) -> bool:
    """Return whether a reply answers `ASK` at all, as the user expression ``remains``."""
    expressions = reply.get("user_expressions")
    return isinstance(expressions, dict) and "remains" in expressions


def nothing_remains(reply: Mapping[str, object]) -> bool:
    """Return whether a reply to `ASK`, as the user expression ``remains``, says that nothing does."""
    expressions = reply.get("user_expressions")
    answer = expressions.get("remains") if isinstance(expressions, dict) else None
    data = answer.get("data") if isinstance(answer, dict) else None
    return isinstance(data, dict) and data.get("text/plain") == "False"
