interface IScheduler {
  postTask(task: () => void): Promise<void>;
}

/** Do something once the page has drawn what changed; a page that nobody sees draws nothing, and goes on at once. */
export function afterFrame(act: () => void): void {
  if (document.hidden) {
    soon(act);
    return;
  }
  let pending = true;
  const once = () => {
    if (pending) {
      pending = false;
      document.removeEventListener('visibilitychange', once);
      soon(act);
    }
  };
  requestAnimationFrame(once);
  // A page that is hidden now gets no frame.
  document.addEventListener('visibilitychange', once);
}

/** Not by a timer, where there is another way: those of a hidden page go off once a second, or once a minute. */
function soon(act: () => void): void {
  const { scheduler } = window as unknown as { scheduler?: IScheduler };
  if (scheduler) {
    void scheduler.postTask(act);
  } else {
    window.setTimeout(act);
  }
}
