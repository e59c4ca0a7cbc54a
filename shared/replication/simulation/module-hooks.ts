/**
 * Loads the library for a simulation: its SQLite file is replaced by the scheduled one, and, where a planted bug is
 * named, one piece of its source is replaced by another while it is loaded. Nothing of this ships: the library's own
 * files know nothing of it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { PlantedBug } from './planted-bugs.ts';

const source = new URL('../src/', import.meta.url);
const sqlite = new URL('sqlite.ts', source).href;
const scheduled = new URL('scheduled-sqlite.ts', import.meta.url).href;

/** Must be called before anything of the library is imported. */
export function hookModules(bug: PlantedBug | undefined): void {
  const target = bug && { ...bug, url: fileOf(bug) };
  registerHooks({
    resolve(specifier, context, next) {
      const resolved = next(specifier, context);
      if (resolved.url !== sqlite || context.parentURL === scheduled) return resolved;
      return { ...resolved, url: scheduled };
    },
    load(url, context, next) {
      if (!target || url !== target.url) return next(url, context);
      const text = readFileSync(fileURLToPath(url), 'utf8');
      const changed = text.replace(target.find, () => target.replace);
      return { format: 'module-typescript', shortCircuit: true, source: changed };
    },
  });
}

/** The file of the library that holds the text of a bug, wherever it has moved to. */
export function fileOf({ name, find }: PlantedBug): string {
  const files = readdirSync(source)
    .filter((file) => file.endsWith('.ts'))
    .filter((file) => readFileSync(new URL(file, source), 'utf8').split(find).length === 2);
  const [file] = files;
  if (file === undefined || files.length !== 1) {
    throw new Error(`planted bug '${name}': its text is in ${files.length} files of the library, not in one`);
  }
  return new URL(file, source).href;
}
