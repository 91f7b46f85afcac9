/** Perijove in JupyterLab: a list of small plugins, one concern each. */
import { attachments } from './plugins/attachments';
import { badges } from './plugins/badges';
import { card } from './plugins/card';
import { commands } from './plugins/commands';
import { connection } from './plugins/connection';
import { executions } from './plugins/executions';
import { master } from './plugins/master';
import { runner } from './plugins/runner';
import { saving } from './plugins/saving';
import { sidebar } from './plugins/sidebar';
import { toolbar } from './plugins/toolbar';

export default [
  master,
  connection,
  attachments,
  runner,
  commands,
  badges,
  toolbar,
  saving,
  executions,
  sidebar,
  card
];
export * from './tokens';
