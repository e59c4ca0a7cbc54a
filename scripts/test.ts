/**
 * `pnpm test [--fast|--containers] [vitest's own arguments]`: all tests but the long ones on containers, the fast ones, or
 * all of those on containers; the last line is `N passed, N failed[, N skipped]`.
 */
import { runTests } from '@dbsync/infra';

// Ctrl-C reaches vitest by itself; this process waits for it and then says how far it came.
process.on('SIGINT', () => undefined);

const args = process.argv.slice(2).filter((arg) => arg !== '--');
process.exitCode = await runTests({
  isFastOnly: args.includes('--fast'),
  ...(args.includes('--containers') ? { lanes: [{ projects: ['container', 'container-long'] }] } : {}),
  args: args.filter((arg) => !['--fast', '--containers'].includes(arg)),
  environment: process.env,
  print: (line) => process.stdout.write(`${line}\n`),
  onStart: (signal) => process.on('SIGTERM', () => signal('SIGTERM')),
});
