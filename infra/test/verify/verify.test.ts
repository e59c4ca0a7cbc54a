import { describe, expect, it } from 'vitest';
import { InfraError } from '../../src/infra-error.ts';
import { verifyReplicas } from '../../src/verify/verify.ts';
import { type FakeReplica, fakeReplica } from './fake-replica.ts';

const away = new InfraError({
  code: 'not-found',
  message: 'http://c.example cannot be asked: ECONNREFUSED.',
  hint: 'Check that the replica runs.',
});

async function judge(
  replicas: readonly FakeReplica[],
  options: { isDeep?: boolean; timeoutMs?: number } = {},
): Promise<{ verdict: string; lines: string[]; text: string }> {
  const lines: string[] = [];
  const verdict = await verifyReplicas({
    replicas,
    timeoutMs: options.timeoutMs ?? 0,
    isDeep: options.isDeep ?? false,
    deepTimeoutMs: 1000,
    print: (line) => lines.push(line),
  });
  return { verdict, lines, text: lines.join('\n') };
}

const histories = { 'o1.A': ['one', 'two'], 'o2.A': ['three'] };
const equal = (name: string): FakeReplica => fakeReplica({ name, histories });

describe('verifyReplicas', () => {
  it('says equal for replicas with one digest, with rows and digest', async () => {
    const { verdict, lines } = await judge([equal('a'), equal('b'), equal('c')]);
    expect(verdict).toBe('equal');
    expect(lines.at(-1)).toMatch(/^equal: 3 replicas, 3 rows, digest [0-9a-f]{16} \(\d+\.\d s\)$/);
    expect(lines[0]).toMatch(/^a {2}http:\/\/a\.example {2}live {2}3 rows {2}digest [0-9a-f]{16}$/);
  });

  it('waits until they are equal', async () => {
    const late = fakeReplica({ name: 'b', histories: { 'o1.A': ['one'] } });
    const judging = judge([equal('a'), late], { timeoutMs: 10_000 });
    await expect.poll(() => late.statusesAsked).toBeGreaterThan(0);
    late.become(histories);
    expect((await judging).verdict).toBe('equal');
  });

  it('says different when time is up, and what differs', async () => {
    const b = fakeReplica({ name: 'b', histories: { ...histories, 'o1.A': ['one'] } });
    const c = fakeReplica({ name: 'c', histories: { ...histories, 'o2.A': ['forged'] } });
    const { verdict, text } = await judge([equal('a'), b, equal('d'), c]);
    expect(verdict).toBe('different');
    expect(text).toContain('o1.A: b lacks row 2, which a holds; the first is orders two');
    expect(text).toContain('o2.A: row 1 differs: a has orders three, c has orders forged');
    expect(text).not.toMatch(/^ {2}.*\bd\b/m);
  });

  it('cannot judge while one replica does not answer, whatever the others say', async () => {
    const c = fakeReplica({ name: 'c', histories, error: away });
    for (const others of [
      [equal('a'), equal('b')],
      [equal('a'), fakeReplica({ name: 'b', histories: {} })],
    ]) {
      const { verdict, text } = await judge([...others, c]);
      expect(verdict).toBe('unknown');
      expect(text).toContain('?  http://c.example  http://c.example cannot be asked: ECONNREFUSED.');
      expect(text).toContain('cannot judge: not every replica answers');
    }
  });

  it('cannot judge nothing, nor one replica by itself', async () => {
    expect(await judge([])).toMatchObject({ verdict: 'unknown', text: 'cannot judge: there is no replica' });
    expect(await judge([equal('a')])).toMatchObject({
      verdict: 'unknown',
      text: 'cannot judge: one replica has nothing to be compared with',
    });
  });

  it('judges one replica by its own rows when asked to look deep', async () => {
    expect((await judge([equal('a')], { isDeep: true })).verdict).toBe('equal');
    const damaged = fakeReplica({
      name: 'a',
      histories,
      deep: { problems: [{ origin: 'o1.A', seq: 2, what: 'row 2 does not hash to its link' }] },
    });
    expect((await judge([damaged], { isDeep: true })).verdict).toBe('different');
  });

  it('says different when the rows of one replica do not hash to its digest', async () => {
    const problems = [{ origin: 'o1.A', seq: 2, what: 'row 2 does not hash to its link' }];
    const b = fakeReplica({ name: 'b', histories, deep: { problems } });
    const shallow = await judge([equal('a'), b]);
    expect(shallow.verdict).toBe('equal');
    const { verdict, text } = await judge([equal('a'), b], { isDeep: true });
    expect(verdict).toBe('different');
    expect(text).toContain('b: o1.A, row 2: row 2 does not hash to its link');
    expect(text).not.toContain('a: o1.A');
    expect(text).not.toMatch(/^equal/m);
  });

  it('says different when the recomputed digest is another one, even without a problem named', async () => {
    const b = fakeReplica({ name: 'b', histories, deep: { digest: '0'.repeat(64) } });
    const { verdict, text } = await judge([equal('a'), b], { isDeep: true });
    expect(verdict).toBe('different');
    expect(text).toContain('b: its rows do not hash to its digest');
  });

  it('cannot judge when a replica does not finish the deep check, but a found difference stands', async () => {
    const slow = fakeReplica({ name: 'b', histories, deepError: away });
    expect((await judge([equal('a'), slow], { isDeep: true })).verdict).toBe('unknown');
    const damaged = fakeReplica({ name: 'c', histories, deep: { digest: '0'.repeat(64) } });
    for (const replicas of [
      [slow, damaged],
      [damaged, slow],
    ]) {
      expect((await judge(replicas, { isDeep: true })).verdict).toBe('different');
    }
  });

  it('says what a replica is in and what it still holds back', async () => {
    const b = fakeReplica({
      name: 'b',
      histories,
      status: { state: 'stopped', stopReason: "somebody else's log", unpublished: 4 },
    });
    const { text } = await judge([equal('a'), b]);
    expect(text).toContain(
      "b  http://b.example  stopped (somebody else's log)  3 rows, 4 not yet in the log",
    );
  });
});
