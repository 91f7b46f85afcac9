import { useEffect, useRef, useState, type RefObject } from 'react';

/** How near the end counts as being there. */
const NEAR = 24;

export interface IFollowing {
  follow: boolean;
  setFollow: (follow: boolean) => void;
  /** What scrolls. */
  box: RefObject<HTMLDivElement>;
  /** What grows in it. */
  text: RefObject<HTMLDivElement>;
  onScroll: () => void;
}

/** Keep the end of a growing text in view, until the person scrolls up; again when they come back to the end. */
export function useFollowing(): IFollowing {
  const [follow, setFollow] = useState(true);
  const box = useRef<HTMLDivElement>(null);
  const text = useRef<HTMLDivElement>(null);
  const last = useRef(0);
  useEffect(() => {
    const scrolled = box.current;
    if (!follow || !scrolled || !text.current) {
      return;
    }
    const toEnd = () => {
      scrolled.scrollTop = scrolled.scrollHeight;
    };
    toEnd();
    // The text is rendered later than React is done, and grows when it comes into sight.
    const grown = new ResizeObserver(toEnd);
    grown.observe(text.current);
    return () => grown.disconnect();
  }, [follow]);
  const onScroll = () => {
    if (box.current) {
      const { scrollTop, scrollHeight, clientHeight } = box.current;
      if (scrollHeight - scrollTop - clientHeight < NEAR) {
        setFollow(true);
      } else if (scrollTop < last.current) {
        setFollow(false);
      }
      last.current = scrollTop;
    }
  };
  return { follow, setFollow, box, text, onScroll };
}
