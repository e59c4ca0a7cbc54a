import { describe, expect, it } from 'vitest';
import { ReplicationError } from '../src/errors.ts';
import { LinkState } from '../src/link-state.ts';

const foreign = new ReplicationError({ code: 'log-refused', message: 'nothing in it is ours', hint: '' });

describe("an operator's word that a log is to be used", () => {
  it('is for the log that the replica was stopped for, until it was read', () => {
    const state = new LinkState();
    state.stop(foreign);
    expect(state.accept()).toBe(foreign);
    expect([state.now, state.isAccepted, state.stopReason]).toEqual(['relinking', true, undefined]);
    state.catchUp();
    expect([state.now, state.isAccepted]).toEqual(['live', false]);
  });

  it('is worth nothing before there is such a log, and nothing for the next one', () => {
    const state = new LinkState();
    expect(state.accept()).toBeUndefined();
    expect(state.isAccepted).toBe(false);
    state.stop(foreign);
    state.accept();
    state.stop(foreign);
    expect([state.now, state.isAccepted]).toEqual(['stopped', false]);
  });
});

describe('the state of a link', () => {
  it('begins with catching up, or with building what is empty', () => {
    const [full, empty] = [new LinkState(), new LinkState()];
    full.fallBehind({ isEmpty: false });
    empty.fallBehind({ isEmpty: true });
    expect([full.now, empty.now]).toEqual(['catching-up', 'bootstrapping']);
    // Who is not live yet has to read everything anyway.
    full.readAgain();
    empty.readAgain();
    expect([full.now, empty.now]).toEqual(['catching-up', 'bootstrapping']);
    full.catchUp();
    full.fallBehind({ isEmpty: false });
    expect(full.now).toBe('live');
    full.readAgain();
    expect(full.now).toBe('relinking');
  });

  it.each([
    ['at the start', () => undefined],
    ['while it catches up', (state: LinkState) => state.fallBehind({ isEmpty: false })],
  ])('is live without a log %s', (_, come) => {
    const state = new LinkState();
    come(state);
    state.serveAlone();
    expect(state.now).toBe('live');
  });

  it('is not live without a log while it is built from nothing, or after it stopped', () => {
    const empty = new LinkState();
    empty.fallBehind({ isEmpty: true });
    empty.serveAlone();
    expect(empty.now).toBe('bootstrapping');
    const state = new LinkState();
    state.stop(foreign);
    state.serveAlone();
    expect(state.now).toBe('stopped');
    state.beginAnew();
    expect([state.now, state.stopReason]).toEqual(['starting', undefined]);
  });
});
