const v8 = require('v8');

// jsdom has no clipboard, and JupyterLab says so at every import; nor does it have structuredClone.
Object.defineProperty(window.navigator, 'clipboard', { value: {} });
globalThis.structuredClone = value => v8.deserialize(v8.serialize(value));

// JupyterLab's own models make Yjs complain whenever a cell is made outside a notebook, or a notebook is filled.
const warn = console.warn;
console.warn = (...words) => {
  if (!/Add Yjs type|yjs#509/.test(String(words[0]))) {
    warn(...words);
  }
};
