const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** A size for a reader, in decimal units: `512 B`, `1.4 MB`. */
export function bytes(size: number): string {
  let unit = 0;
  let value = size;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}
