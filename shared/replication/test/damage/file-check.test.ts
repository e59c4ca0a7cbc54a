/**
 * The check at a start ends with its time, whatever the file holds; without a bound it gets to the last row.
 */
import { expect, it } from 'vitest';
import { checkFile } from '../../src/damage/file-check.ts';
import { withDefaults } from '../../src/limits.ts';
import { note, notesDatabase, openWorkbench } from '../../testing/index.ts';

it('looks at the first rows only where the file has many', async () => {
  const bench = await openWorkbench({ writer: { maxQueued: 2000 } });
  const ids = Array.from({ length: 1200 }, (_, i) => `n${i}`);
  await Promise.all(ids.map((id) => bench.writer.insert(bench.table('notes'), note(id))));
  await bench.database.writer.run("UPDATE notes SET text = 'another' WHERE seq = 1100");
  // A page of rows takes 60 ms by this clock.
  let nowMs = 0;
  const monotonic = (): number => {
    nowMs += 60;
    return nowMs;
  };
  const { file, tables, chain } = bench;
  const clock = Object.assign(Object.create(bench.clock), { monotonic });
  const check = (budgetMs: number) =>
    checkFile({ file, tables, schemaVersion: notesDatabase.version, chain, clock, budgetMs });
  expect(await check(withDefaults({}).startCheckMs)).toBeUndefined();
  expect(await check(Number.POSITIVE_INFINITY)).toMatchObject({ isCertain: false, place: { seq: 1100 } });
  await bench.close();
});
