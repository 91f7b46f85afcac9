import type { TranslationBundle } from '@jupyterlab/translation';
import { HTMLSelect, InputGroup } from '@jupyterlab/ui-components';

import type { Scope, Standing } from './filter';
import type { ExecutionList } from './list';

/** Whose executions, which of them, and words to search for. */
export function Filters(props: {
  list: ExecutionList;
  trans: TranslationBundle;
}): JSX.Element {
  const { list, trans } = props;
  return (
    <div className="pj-Filters">
      <HTMLSelect
        className="pj-Filters-select"
        aria-label={trans.__('Whose executions')}
        value={list.filter.scope}
        options={scopes(trans)}
        onChange={event =>
          list.setFilter({ scope: event.target.value as Scope })
        }
      />
      <HTMLSelect
        className="pj-Filters-select"
        aria-label={trans.__('Which state')}
        value={list.filter.standing}
        options={standings(trans)}
        onChange={event =>
          list.setFilter({ standing: event.target.value as Standing })
        }
      />
      <InputGroup
        className="pj-Filters-search"
        type="search"
        placeholder={trans.__('Title, notebook, tag, #12…')}
        aria-label={trans.__('Search executions')}
        title={trans.__(
          'Words in titles, notebooks’ paths, commands, tags, worker groups, owners and projects, and #numbers'
        )}
        rightIcon="ui-components:search"
        value={list.filter.search}
        onChange={event => list.setFilter({ search: event.target.value })}
      />
    </div>
  );
}

function scopes(trans: TranslationBundle): { value: Scope; label: string }[] {
  return [
    { value: 'notebook', label: trans.__('This notebook’s') },
    { value: 'mine', label: trans.__('Mine') },
    { value: 'all', label: trans.__('All I may see') }
  ];
}

function standings(
  trans: TranslationBundle
): { value: Standing; label: string }[] {
  return [
    { value: '', label: trans.__('Any state') },
    { value: 'live', label: trans.__('Waiting or running') },
    { value: 'complete', label: trans.__('Done') },
    { value: 'failed', label: trans.__('Failed') },
    { value: 'stopped', label: trans.__('Stopped') }
  ];
}
