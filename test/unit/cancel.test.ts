// One process may open thousands of sessions, one after the other: none that has ended is kept, or cancelled.
import { EventEmitter, getEventListeners } from 'node:events';
import { expect } from 'chai';
import type pg from 'pg';
import type { Target } from '../../scripts/config/target.ts';
import { cancelOnAbort } from '../../scripts/connection/cancel.ts';

describe('a signal', () => {
  it('forgets a session as soon as that has ended', () => {
    const { signal } = new AbortController();
    const target = { host: '127.0.0.1', port: 1 } as Target;
    const clients = Array.from({ length: 30 }, () => new EventEmitter());
    for (const client of clients) {
      cancelOnAbort(signal, target, client as unknown as pg.Client);
      expect(getEventListeners(signal, 'abort')).to.have.length(1);
      client.emit('end');
      expect(getEventListeners(signal, 'abort')).to.deep.equal([]);
    }
  });
});
