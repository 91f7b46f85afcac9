import { useEffect, useState } from 'react';

/**
 * The time now, told again while `live`.
 *
 * @param period - after how many milliseconds.
 */
export function useNow(live: boolean, period = 1000): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!live) {
      return;
    }
    setNow(Date.now());
    const timer = window.setInterval(() => setNow(Date.now()), period);
    return () => window.clearInterval(timer);
  }, [live, period]);
  return live ? now : Date.now();
}

/** The theme's name, told again when it changes: for what is drawn with its colours. */
export function useTheme(): string {
  const [theme, setTheme] = useState(themeName);
  useEffect(() => {
    const observer = new MutationObserver(() => setTheme(themeName()));
    observer.observe(document.body, {
      attributes: true,
      attributeFilter: ['data-jp-theme-name']
    });
    return () => observer.disconnect();
  }, []);
  return theme;
}

function themeName(): string {
  return document.body.dataset.jpThemeName ?? '';
}

/** What a request answers: undefined while it is under way. */
export interface IAsked<T> {
  value?: T;
  problem?: string;
}

/** Ask again whenever `key` changes; an answer that comes too late is dropped. */
export function useAsked<T>(ask: () => Promise<T>, key: string): IAsked<T> {
  const [answer, setAnswer] = useState<IAsked<T>>({});
  useEffect(() => {
    let current = true;
    ask().then(
      value => current && setAnswer({ value }),
      (error: Error) => current && setAnswer({ problem: error.message })
    );
    return () => {
      current = false;
    };
  }, [key]);
  return answer;
}
