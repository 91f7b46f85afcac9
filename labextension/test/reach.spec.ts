import { nullTranslator } from '@jupyterlab/translation';

import { BACK, Reach } from '../src/master/reach';
import { briefReach, reachWords } from '../src/view/reach';

const trans = nullTranslator.load('perijove');

describe('Reach', () => {
  let reach: Reach;

  beforeEach(() => {
    jest.useFakeTimers();
    reach = new Reach();
  });

  afterEach(() => {
    reach.dispose();
    jest.useRealTimers();
  });

  it('says in words that the platform is away, and that it is back', () => {
    const said: (string | null)[] = [];
    const say = () => said.push(reachWords(reach, trans));
    say();
    reach.changed.connect(say);
    reach.lose('1', 'Refused.');
    reach.find('1');
    jest.advanceTimersByTime(BACK);
    expect(said).toEqual([
      null,
      'The platform cannot be reached; trying again',
      'The platform is back',
      null
    ]);
  });

  it('is not back for long when it goes away again', () => {
    reach.lose('1', '');
    reach.find('1');
    reach.lose('1', '');
    jest.advanceTimersByTime(BACK);
    expect(reach.standing).toBe('away');
  });

  it('has no news of what was never away', () => {
    reach.find('1');
    expect(reach.standing).toBe('here');
  });

  it('is brief where a toolbar would overflow', () => {
    reach.lose('1', '');
    expect(briefReach(reach, trans)?.length).toBeLessThan(27);
  });
});
