import { LabIcon } from '@jupyterlab/ui-components';

/** A planet, an orbit around it, and the point of the orbit that is nearest: a perijove. */
const PERIJOVE = `
<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="#616161">
    <circle cx="9.6" cy="12" r="4.1"/>
    <circle cx="2.9" cy="12" r="2.4"/>
    <path d="M13 4.500C8.600 4.500 4.900 6.100 3.200 8.300l1.500.9C6 7.500 9.200 6.200 13 6.200c5 0 8.800 2.600 8.800 5.800s-3.800 5.800-8.800 5.800c-3.800 0-7-1.300-8.300-3l-1.500.9c1.700 2.200 5.400 3.800 9.800 3.800 5.900 0 10.500-3.200 10.500-7.500S18.900 4.500 13 4.500z"/>
  </g>
</svg>`;

/** Perijove's own icon, in the colour of JupyterLab's. */
export const perijoveIcon = new LabIcon({
  name: '@perijove/labextension:perijove',
  svgstr: PERIJOVE
});
