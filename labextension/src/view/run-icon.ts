import { LabIcon } from '@jupyterlab/ui-components';

/** The run button's triangle, sent into orbit: run, but somewhere else. */
const RUN = `
<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="#616161">
    <path d="M9.200 7.400v9.200l7.200-4.600z"/>
    <path d="M12 2.500a9.500 9.500 0 0 1 7.400 3.500l-1.500 1.200A7.600 7.600 0 1 0 19.600 12h1.900A9.500 9.500 0 1 1 12 2.500z"/>
    <circle cx="20.300" cy="8.200" r="2.300"/>
  </g>
</svg>`;

/** The icon of everything that runs remotely. */
export const runRemotelyIcon = new LabIcon({
  name: '@perijove/labextension:run-remotely',
  svgstr: RUN
});
