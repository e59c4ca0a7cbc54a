import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { type KeyInput, listenToKeys } from '../../src/dev/keys.ts';

class Terminal extends EventEmitter implements KeyInput {
  readonly calls: string[] = [];
  setRawMode(isRaw: boolean): void {
    this.calls.push(`raw ${isRaw}`);
  }
  resume(): void {
    this.calls.push('resume');
  }
  pause(): void {
    this.calls.push('pause');
  }
}

function listen() {
  const terminal = new Terminal();
  const done: string[] = [];
  const note = (what: string) => () => void done.push(what);
  const close = listenToKeys(terminal, {
    help: note('help'),
    add: note('add'),
    verify: note('verify'),
    quit: note('quit'),
    interrupt: note('interrupt'),
    kill: (number) => done.push(`kill ${number}`),
    restart: (number) => done.push(`restart ${number}`),
    ask: (question) => done.push(question.split('?')[0] ?? ''),
  });
  return { terminal, done, close, press: (text: string) => terminal.emit('data', Buffer.from(text)) };
}

describe('keys', () => {
  it('do what the help says', () => {
    const { done, press } = listen();
    press('h');
    press('av');
    press('q');
    expect(done).toEqual(['help', 'add', 'verify', 'quit']);
  });

  it('ask which replica, and take another key for none', () => {
    const { done, press } = listen();
    press('k2');
    press('r');
    press('3');
    press('k');
    press('q');
    press('x');
    expect(done).toEqual([
      'kill which replica',
      'kill 2',
      'restart which replica',
      'restart 3',
      'kill which replica',
    ]);
  });

  it('include Ctrl-C, at any moment', () => {
    const { done, press } = listen();
    press('\u0003');
    press('k\u0003');
    expect(done).toEqual(['interrupt', 'kill which replica', 'interrupt']);
  });

  it('put the terminal back when it is over', () => {
    const { terminal, done, close, press } = listen();
    close();
    press('h');
    expect(terminal.calls).toEqual(['raw true', 'resume', 'raw false', 'pause']);
    expect(done).toEqual([]);
  });
});
