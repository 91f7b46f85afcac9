import type { JupyterFrontEnd } from '@jupyterlab/application';
import { MainAreaWidget, Notification } from '@jupyterlab/apputils';
import { MimeModel } from '@jupyterlab/rendermime';
import { nullTranslator } from '@jupyterlab/translation';
import { CommandRegistry } from '@lumino/commands';
import { Widget } from '@lumino/widgets';

import { Card } from '../src/card/card';
import { MIME_TYPE } from '../src/card/payload';
import { Tabs } from '../src/executions/tabs';
import { Feed } from '../src/master/feed';
import type { IExecutions } from '../src/tokens';
import { openExecution } from '../src/view/open';
import { FakeService } from './service';
import { settings } from './sockets';

const ID = 'ex-00000000000000000000000001';

/** Show what a notebook keeps of an execution; the service is away. */
async function shown(payload: unknown) {
  const service = new FakeService(() => {
    throw new Error('away');
  });
  const master = { requests: service.requests, feed: new Feed(settings()) };
  const card = new Card({
    master,
    executions: {} as IExecutions,
    trans: nullTranslator.load('perijove')
  });
  Widget.attach(card, document.body);
  await card.renderModel(
    new MimeModel({ data: { [MIME_TYPE]: payload as never } })
  );
  const { textContent } = card.node;
  const link = card.node.querySelector('a')?.getAttribute('href') ?? null;
  card.dispose();
  return { textContent, link, asked: service.asked };
}

describe('A card', () => {
  it('links to the page of its execution', async () => {
    const url = 'https://hub.example/services/perijove/executions/1';
    const { link, asked } = await shown({ id: ID, title: 'a', number: 1, url });
    expect(link).toBe(url);
    expect(asked).toEqual([`master/executions/${ID}`]);
  });

  it('links to no script', async () => {
    const url = 'javascript:alert(1)';
    const { link, textContent } = await shown({ id: ID, title: 'a', url });
    expect(link).toBeNull();
    expect(textContent).toContain('a #0');
  });

  it.each([
    { id: '../../api/shutdown', title: 'a' },
    { id: ID, title: { a: 1 } },
    null,
    7
  ])('asks for nothing but an execution: %p', async payload => {
    const { asked } = await shown(payload);
    expect(asked.filter(path => path !== `master/executions/${ID}`)).toEqual(
      []
    );
  });
});

describe('A tab', () => {
  const added: MainAreaWidget[] = [];
  const app = {
    commands: new CommandRegistry(),
    shell: {
      add: (widget: MainAreaWidget) => added.push(widget),
      activateById: () => undefined
    }
  } as unknown as JupyterFrontEnd;
  const made: string[][] = [];
  new Tabs(
    app,
    {
      namespace: 'test',
      command: 'perijove:open-execution',
      argument: { execution: { type: 'string' } },
      label: 'Open',
      idsOf: () => [],
      make: ids => {
        made.push(ids);
        return new Widget();
      }
    },
    null
  );

  afterEach(() => Notification.dismiss());

  it('is opened for an execution', () => {
    openExecution(app, ID);
    expect(made).toEqual([[ID]]);
    expect(added.map(({ id }) => id)).toEqual([`test-${ID}`]);
  });

  it('is not opened for what is no execution, and that is said', () => {
    made.length = 0;
    openExecution(app, '../../api/shutdown');
    expect(made).toEqual([]);
    expect(Notification.manager.notifications[0].message).toContain(
      'not the id of an execution'
    );
  });
});
