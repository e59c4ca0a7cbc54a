import { describe, expect, it } from 'vitest';
import { watchSupervisor } from '../../src/chaos/supervisor-watch.ts';
import { Violations } from '../../src/judge/violations.ts';

function breaches(message: string): number {
  const violations = new Violations();
  watchSupervisor({ onLogLine: undefined, violations }).onReport({ level: 'warn', message });
  return violations.count('ended by itself');
}

describe('a process of a hurt cluster', () => {
  it('breaks a promise when it ends by itself', () => {
    expect(breaches('order-2 ended unexpectedly (exit code 1); it is started again.')).toBe(1);
    expect(breaches('gateway ended unexpectedly (SIGKILL); it is started again.')).toBe(1);
    expect(breaches('user-service ended unexpectedly (exit code 0); it is started again.')).toBe(1);
  });

  it('breaks none when a fault has killed it', () => {
    expect(breaches('order-2 ended unexpectedly (SIGKILL); it is started again.')).toBe(0);
    expect(breaches('the broker ended unexpectedly (SIGKILL); it is started again.')).toBe(0);
  });
});
