/**
 * Reads every source file of the repository for the import rules.
 */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type SourceFile, scanSource } from './source-file.ts';

const repository = fileURLToPath(new URL('../../..', import.meta.url));
const patterns = ['services/*', 'shared/*', 'infra', 'scripts'].map(
  (folder) => `${folder}/**/*.{ts,mts,js,mjs}`,
);

/** Scans all of them; `root` is the repository unless said otherwise. */
export function readSources(root = repository): readonly SourceFile[] {
  const paths = globSync(patterns, { cwd: root, exclude: (path) => path.includes('node_modules') });
  return paths
    .map((path) => path.replaceAll('\\', '/'))
    .sort()
    .map((path) => scanSource(path, readFileSync(join(root, path), 'utf8')));
}
