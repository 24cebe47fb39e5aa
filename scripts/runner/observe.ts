// Takes a command's output; gives the observer of a run that tells people of each step as it starts and ends, and of what
// the server remarks meanwhile.
import { stageTimes } from '../base/timing.ts';
import type { Outcome } from '../base/types.ts';
import type { Session } from '../connection/session.ts';
import type { Observer } from '../execute/context.ts';
import type { ReadyStep } from '../plan/steps.ts';
import type { Progress } from '../report/command.ts';
import { formatOutcome } from '../report/human.ts';

/** One line per step as it starts and ends, in a group that a log may fold. */
export function observe(progress: Progress): Observer {
  return {
    stepStarted: (step: ReadyStep, number, total) => {
      const verb = step.direction === 'up' ? 'applying' : 'reverting';
      stageTimes();
      progress.group(`  ${verb} ${step.id} (${number} of ${total})`);
      if (step.note !== undefined) progress.say(`  note: ${step.note}`);
    },
    stepEnded: (outcome: Outcome) => {
      progress.endGroup();
      progress.say(formatOutcome(outcome, progress.style));
      progress.detail(`    in ms: ${stageTimes()}`);
    },
    live: (text: string) => progress.live(text),
    say: (text: string) => progress.say(text),
  };
}

/** Tells of the server's notices from here on. @param hide of `hidingTexts`: RAISE and a trigger may repeat a secret */
export function tellNotices(session: Session, progress: Progress, hide: (text: string) => string): void {
  session.onNotice((notice) => progress.detail(`  ${hide(notice)}`));
}
