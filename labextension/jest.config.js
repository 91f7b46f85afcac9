// JupyterLab's own set-up: its browser stand-ins, and which of its dependencies come as ES modules.
const jupyterlab = require('@jupyterlab/testing/lib/jest-config');

const base = jupyterlab(__dirname);
const modules = [
  '@codemirror',
  '@jupyter',
  '@jupyterlab',
  '@marijn',
  '@microsoft',
  '@rjsf',
  'color',
  'exenv-es6',
  'lib0',
  'lodash-es',
  'marked',
  'nanoid',
  'vscode-ws-jsonrpc',
  'y-protocols',
  'y-websocket',
  'yjs'
];

module.exports = {
  ...base,
  reporters: ['default'],
  setupFiles: [...base.setupFiles, '<rootDir>/test/setup.js'],
  transform: {
    ...base.transform,
    // Only translated here: `npm run lint` checks the types, of the tests as of the sources.
    '^.+\\.tsx?$': [
      'ts-jest',
      {
        tsconfig: {
          esModuleInterop: true,
          isolatedModules: true,
          jsx: 'react-jsx',
          module: 'CommonJS',
          moduleResolution: 'node10',
          target: 'ES2022'
        },
        diagnostics: false
      }
    ]
  },
  transformIgnorePatterns: [`/node_modules/(?!${modules.join('|')}).+`]
};
