"""What is put into a page of JupyterLab to see how soon it shows something, and how busy it gets."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from playwright.sync_api import CDPSession, Locator, Page

# Runs before any script of the page: notes the feed's messages while somebody wants them, and every long task.
_INSTALL = """
window.benchTasks = [];
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) { window.benchTasks.push(entry.duration); }
}).observe({ type: 'longtask' });
const Real = window.WebSocket;
window.WebSocket = class extends Real {
  constructor(...given) {
    super(...given);
    this.addEventListener('message', ({ data }) => {
      if (window.benchMessages && typeof data === 'string') {
        window.benchMessages.push({ at: performance.now(), data });
      }
    });
  }
};
"""

# Waits for a press, and then resolves with the milliseconds from there to each station of the cell's first output.
_ARM = """() => { window.benchClick = new Promise(resolve => {
  const cell = document.querySelector('.jp-CodeCell');
  const known = cell.querySelector('.jp-OutputArea-output');
  const messages = (window.benchMessages = []);
  performance.clearResourceTimings();
  let began = 0;
  window.addEventListener('pointerdown', ({ timeStamp }) => { began = timeStamp; }, { capture: true, once: true });
  const report = written => {
    window.benchMessages = null;
    const submit = performance.getEntriesByType('resource').find(({ name }) => name.includes('/perijove/api/submit'));
    const told = messages.find(({ data }) => data.includes('"kind":"output"'));
    const since = time => time - began;
    // The worker's clock is this machine's.
    const { records } = JSON.parse(told.data);
    const printed = 1000 * records.find(({ kind }) => kind === 'output').t - performance.timeOrigin;
    resolve({
      sent: since(submit.startTime), answered: since(submit.responseEnd), printed: since(printed),
      told: since(told.at), written: since(written), painted: since(performance.now())
    });
  };
  const look = new MutationObserver(() => {
    const output = cell.querySelector('.jp-OutputArea-output');
    if (output && output !== known && output.textContent) {
      look.disconnect();
      const written = performance.now();
      // A task that is queued by a frame's callback runs after that frame is painted.
      const after = new MessageChannel();
      after.port1.onmessage = () => report(written);
      requestAnimationFrame(() => after.port2.postMessage(null));
    }
  });
  look.observe(cell, { childList: true, subtree: true, characterData: true });
}); }"""

_TASKS = """() => new Promise(resolve => {
  // The observer is told a while after a task.
  setTimeout(() => { resolve(window.benchTasks); window.benchTasks = []; }, 500);
})"""

_IDLE = {"(idle)", "(program)"}
_INTERVAL = 500


@dataclass(frozen=True)
class Stations:
    """Where the milliseconds from the press to the first output go; each is counted from the press.

    Attributes
    ----------
    sent, answered : float
        The submission leaves the page, and is answered.
    printed : float
        The worker has recorded the output.
    told : float
        The record is in the page.
    written, painted : float
        The output is in the cell, and on the screen.
    """

    sent: float
    answered: float
    printed: float
    told: float
    written: float
    painted: float


class Probe:
    """Measures one page.

    Parameters
    ----------
    page : Page
        Has not been navigated yet.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self._profiler: CDPSession = page.context.new_cdp_session(page)
        page.add_init_script(_INSTALL)

    def press(self, button: Locator) -> Stations:
        """Press a button that runs the notebook's first cell remotely, and wait for its first output."""
        self._page.evaluate(_ARM)
        button.click()
        return Stations(**self._page.evaluate("() => window.benchClick"))

    def tasks(self) -> list[float]:
        """Return the milliseconds of every task over 50 ms since the last call."""
        return [float(task) for task in self._page.evaluate(_TASKS)]

    @contextmanager
    def trace(self, computed: list[float]) -> Iterator[None]:
        """Add to `computed` what processor time, in milliseconds, each task of the page takes meanwhile."""
        browser = self._page.context.browser
        if browser is None:
            raise RuntimeError("the page has no browser of its own")
        browser.start_tracing(page=self._page, categories=["toplevel"])
        try:
            yield
        finally:
            computed.extend(processor_times(json.loads(browser.stop_tracing())["traceEvents"]))

    @contextmanager
    def profile(self, lines: list[str]) -> Iterator[None]:
        """Say in `lines` what the page did in its longest stretch of work."""
        self._profiler.send("Profiler.enable")
        self._profiler.send("Profiler.setSamplingInterval", {"interval": _INTERVAL})
        self._profiler.send("Profiler.start")
        yield
        lines.extend(attribute(self._profiler.send("Profiler.stop")["profile"]))


def processor_times(events: list[dict[str, Any]]) -> list[float]:
    """Return the milliseconds of processor time of every task of a page's main thread.

    A task's length also counts the time in which its thread waits for a processor, on which other programs run.

    Parameters
    ----------
    events : list of dict
        Chromium's trace events of the category ``toplevel``; times in microseconds.
    """
    pages = {
        (event["pid"], event["tid"])
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "CrRendererMain"
    }
    return [
        event["tdur"] / 1000
        for event in events
        if event["name"] == "ThreadControllerImpl::RunTask"
        and "tdur" in event
        and (event["pid"], event["tid"]) in pages
    ]


def attribute(profile: dict[str, Any], most: int = 12) -> list[str]:
    """Return the functions in which the longest stretch without a pause was spent, and the whole profile's.

    Parameters
    ----------
    profile : dict
        A ``Profile`` of the DevTools protocol; times in microseconds.
    """
    nodes = {node["id"]: node for node in profile["nodes"]}
    parents = {child: node["id"] for node in profile["nodes"] for child in node.get("children", [])}
    samples = list(zip(profile["samples"], profile["timeDeltas"], strict=True))
    busy = lambda sample: nodes[sample[0]]["callFrame"]["functionName"] not in _IDLE  # noqa: E731
    stretches = [list(part) for is_busy, part in groupby(samples, busy) if is_busy]
    longest = max(stretches, key=lambda part: sum(delta for _, delta in part), default=[])
    lines: list[str] = []
    for title, part in (("longest stretch", longest), ("all", [sample for sample in samples if busy(sample)])):
        total = sum(delta for _, delta in part)
        lines.append(f"    {title}: {total / 1000:.0f} ms of script")
        own: Counter[str] = Counter()
        inclusive: Counter[str] = Counter()
        for node, delta in part:
            own[_name(nodes[node])] += delta
            names, at = set(), node
            while at is not None:
                names.add(_name(nodes[at]))
                at = parents.get(at)
            inclusive.update(dict.fromkeys(names, delta))
        for kind, found in (("own", own), ("with callees", inclusive)):
            lines.append(f"      {kind}:")
            lines.extend(f"        {spent / 1000:7.1f} ms  {name}" for name, spent in found.most_common(most))
    return lines


def _name(node: dict[str, Any]) -> str:
    frame = node["callFrame"]
    place = frame["url"].rsplit("/", 1)[-1].split("?")[0]
    return f"{frame['functionName'] or '(anonymous)'} {place}:{frame['lineNumber']}:{frame['columnNumber']}"
