import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { operate } from '../src/index.ts';

it('every command that docs/operations.md names is one that pnpm dbsync has', async () => {
  const lines: string[] = [];
  await operate(['--help'], (line) => lines.push(line));
  const help = lines.join('\n');
  const text = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  // In running text a command may go on in the next line.
  const named = [...text.matchAll(/pnpm\s+dbsync\s+([a-z-]+(?:\s[a-z]+)?)/g)].map(
    ([, command = '']) => command,
  );
  expect(new Set(named).size).toBeGreaterThan(8);
  for (const command of named) expect(help).toMatch(new RegExp(`^  ${command.replace(/\s/, ' ')}\\b`, 'm'));
});
