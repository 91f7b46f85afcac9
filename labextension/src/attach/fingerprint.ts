/**
 * A short fingerprint of a cell's source: tells whether it was edited since it was sent. FNV-1a over UTF-16 units
 * (http://www.isthe.com/chongo/tech/comp/fnv/); a guard against mix-ups, not against forgery.
 */
export function fingerprint(source: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < source.length; i++) {
    hash ^= source.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, '0');
}
