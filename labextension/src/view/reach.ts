import type { TranslationBundle } from '@jupyterlab/translation';

import type { Reach } from '../master/reach';

/** Whether the platform can be reached, for a person; null while there is nothing to say. */
export function reachWords(
  { standing }: Pick<Reach, 'standing'>,
  trans: TranslationBundle
): string | null {
  switch (standing) {
    case 'here':
      return null;
    case 'away':
      return trans.__('The platform cannot be reached; trying again');
    case 'back':
      return trans.__('The platform is back');
  }
}

/** The same where there is little room: what grows in a notebook's toolbar is moved out of sight. */
export function briefReach(
  { standing }: Pick<Reach, 'standing'>,
  trans: TranslationBundle
): string | null {
  switch (standing) {
    case 'here':
      return null;
    case 'away':
      return trans.__('unreachable, trying again');
    case 'back':
      return trans.__('reached again');
  }
}
