import { useEffect, useRef } from 'react';
import UPlot from 'uplot';

import { useTheme } from '../view/hooks';
import { align, type ISeries } from './series';

const HEIGHT = 150;

/** A line of a plot. */
export interface ILine {
  label: string;
  series: ISeries;
  /** A CSS variable; by default the theme's own colour. */
  colour?: string;
}

/** The colours that tell overlaid executions apart, good on light and on dark. */
export const COLOURS = [
  '--jp-brand-color1',
  '--jp-warn-color0',
  '--jp-success-color1',
  '--jp-error-color1',
  '--md-purple-400',
  '--md-teal-400',
  '--md-brown-400',
  '--md-pink-300'
];

interface IPlotProps {
  lines: ILine[];
  label: string;
  format: (value: number) => string;
  /** Told the place under the pointer; null when it left. */
  onHover?: (index: number | null) => void;
}

/** Lines over one axis, in the theme's colours, as wide as there is room. */
export function Plot(props: IPlotProps): JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const theme = useTheme();
  const shape = props.lines.map(({ label }) => label).join('\n');
  useEffect(() => {
    const node = host.current;
    if (!node) {
      return;
    }
    const made = new UPlot(
      options(node, latest.current, index => latest.current.onHover?.(index)),
      data(latest.current.lines),
      node
    );
    plot.current = made;
    const sized = new ResizeObserver(() =>
      made.setSize({ width: width(node), height: HEIGHT })
    );
    sized.observe(node);
    return () => {
      sized.disconnect();
      made.destroy();
    };
  }, [theme, shape]);
  useEffect(() => plot.current?.setData(data(props.lines)), [props.lines]);
  return (
    <div ref={host} className="pj-Plot" role="img" aria-label={props.label} />
  );
}

function data(lines: ILine[]): UPlot.AlignedData {
  return align(lines.map(line => line.series));
}

function width(node: HTMLElement): number {
  return Math.max(120, node.clientWidth);
}

function options(
  host: HTMLElement,
  { lines, format }: IPlotProps,
  onHover: (index: number | null) => void
): UPlot.Options {
  const style = getComputedStyle(host);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis: UPlot.Axis = {
    stroke: colour('--jp-ui-font-color2'),
    font: `11px ${colour('--jp-ui-font-family')}`,
    grid: { stroke: colour('--jp-border-color2'), width: 1 },
    ticks: { show: false }
  };
  const values = (_: UPlot, splits: number[]) => splits.map(format);
  return {
    width: width(host),
    height: HEIGHT,
    padding: [8, 12, 0, 0],
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { size: 6 } },
    hooks: { setCursor: [({ cursor }) => onHover(cursor.idx ?? null)] },
    scales: { x: { time: false } },
    axes: [
      { ...axis, size: 24 },
      { ...axis, size: 48, values }
    ],
    series: [{}, ...lines.map(line => stroke(line, colour))]
  };
}

function stroke(line: ILine, colour: (name: string) => string): UPlot.Series {
  const single = line.series.x.length < 2;
  return {
    label: line.label,
    stroke: colour(line.colour ?? COLOURS[0]),
    width: 2,
    spanGaps: true,
    points: { show: single, size: 6 }
  };
}
