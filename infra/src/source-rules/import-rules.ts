/**
 * Who may import whom, as a table of rules.
 *
 * Imports point down only: main -> app -> routes -> domain -> shared. The rest keeps each outside thing (Kafka's
 * client, the SQLite driver, express, the environment, the end of the process) in the one place that owns it.
 */
import { posix } from 'node:path';
import type { SourceFile } from './source-file.ts';

/** A rule that is broken, and where. */
export interface Breach {
  readonly rule: string;
  /** `path:line`, or the path alone, or a folder. */
  readonly where: string;
  readonly what: string;
}

/** Checks all files of the repository; breaches in the order of the rules. */
export function checkImports(files: readonly SourceFile[]): readonly Breach[] {
  return [
    ...files.flatMap(layersOf),
    ...files.flatMap(packageBorders),
    ...files.flatMap(replicationKeepsToItself),
    ...onlyHome(files, { modules: ['kafkajs'], within: '', homes: [/^shared\/replication\/src\//] }),
    ...onlyHome(files, {
      modules: ['sqlite3', 'knex', 'better-sqlite3'],
      within: 'shared/replication/',
      homes: [/\/src\//],
    }),
    ...onlyHome(files, {
      modules: ['sqlite3', 'knex', 'better-sqlite3'],
      within: 'services/user-service/src/',
      homes: [/./],
    }),
    ...files.flatMap(expressInServices),
    ...files.flatMap(processInEntries),
  ];
}

/** Layers of a service, top first; a file may import its own and those below. */
const layers = ['main', 'app', 'routes and adapters', 'domain'] as const;

function layerOf(pathInService: string): number {
  if (pathInService === 'src/main.ts') return 0;
  if (pathInService === 'src/app.ts') return 1;
  return pathInService.startsWith('src/domain/') ? 3 : 2;
}

function layersOf(file: SourceFile): Breach[] {
  const [, folder = '', own = ''] = /^(services\/[^/]+\/)(src\/.*)$/.exec(file.path) ?? [];
  if (folder === '') return [];
  const rule = 'imports point down only: main -> app -> routes -> domain -> shared';
  const isConfig = own === 'src/config.ts';
  return relativeImports(file).flatMap(({ target, where }) => {
    if (!target.startsWith(folder)) return [];
    const imported = target.slice(folder.length);
    const [from, to] = [layerOf(own), layerOf(imported)];
    if (isConfig) return [{ rule, where, what: 'config.ts imports from its own service' }];
    if (imported === 'src/config.ts') {
      return from <= 1 ? [] : [{ rule, where, what: 'only main.ts and app.ts may import config.ts' }];
    }
    return from <= to ? [] : [{ rule, where, what: `${layers[from]} imports ${layers[to]} (${imported})` }];
  });
}

/** Packages, by folder, and which of ours each may import. */
const mayImport: readonly { readonly folder: RegExp; readonly packages: RegExp }[] = [
  { folder: /^services\/[^/]+\/src\//, packages: /^@dbsync\/(?:replication|balancing|service-kit)$/ },
  {
    folder: /^services\//,
    packages: /^@dbsync\/(?:(?:replication|balancing|infra)(?:\/testing)?|service-kit)$/,
  },
  { folder: /^shared\/replication\//, packages: /^@dbsync\/replication(?:\/testing)?$/ },
  {
    folder: /^shared\/balancing\//,
    packages: /^@dbsync\/(?:replication(?:\/testing)?|service-kit|balancing)$/,
  },
  { folder: /^shared\/service-kit\//, packages: /^@dbsync\/service-kit$/ },
  {
    folder: /^infra\//,
    packages: /^@dbsync\/(?:replication(?:\/testing)?|service-kit|infra(?:\/testing)?)$/,
  },
  {
    folder: /^scripts\//,
    packages: /^@dbsync\/(?:replication(?:\/(?:testing|simulation))?|service-kit|infra(?:\/testing)?)$/,
  },
];

function packageBorders(file: SourceFile): Breach[] {
  const allowed = mayImport.find(({ folder }) => folder.test(file.path));
  if (allowed === undefined) return [];
  const rule = 'packages meet by name, services only over HTTP and topics';
  const own = packageOf(file.path);
  const relative = relativeImports(file)
    .filter(({ target }) => packageOf(target) !== own)
    .map(({ target, where }) => ({ rule, where, what: `a path out of the package (${target})` }));
  const named = file.imports
    .filter(({ specifier }) => specifier.startsWith('@dbsync/') && !allowed.packages.test(specifier))
    .map(({ specifier, line }) => ({ rule, where: `${file.path}:${line}`, what: `imports ${specifier}` }));
  return [...relative, ...named];
}

function packageOf(path: string): string {
  return /^(?:services|shared)\/[^/]+\/|^(?:infra|scripts)\//.exec(path)?.[0] ?? '';
}

function replicationKeepsToItself(file: SourceFile): Breach[] {
  if (!file.path.startsWith('shared/replication/')) return [];
  const rule = 'the replication library knows neither express nor the environment';
  const imports = importsOf(file, ['express', '@dbsync/service-kit']).map((where) => ({
    rule,
    where,
    what: 'imports express or the service kit',
  }));
  if (!file.path.startsWith('shared/replication/src/')) return imports;
  return [
    ...imports,
    ...uses(file, /\bprocess\s*\.\s*env\b/g).map((where) => ({ rule, where, what: 'reads process.env' })),
  ];
}

/** A module that exactly one file may import. No file at all is a breach too: then the rule watches nothing. */
function onlyHome(
  files: readonly SourceFile[],
  rule: { readonly modules: readonly string[]; readonly within: string; readonly homes: readonly RegExp[] },
): Breach[] {
  const name = `${rule.modules[0]} lives in exactly one file of ${rule.within || 'the repository'}`;
  const importers = files
    .filter((file) => file.path.startsWith(rule.within) && importsOf(file, rule.modules).length > 0)
    .map((file) => file.path);
  const strays = importers.filter((path) => !rule.homes.some((home) => home.test(path)));
  const housed = importers.filter((path) => !strays.includes(path));
  if (strays.length === 0 && housed.length === 1) return [];
  const where = importers.length === 0 ? rule.within || '.' : importers.join(', ');
  return [{ rule: name, where, what: `imported by ${importers.length} files` }];
}

function expressInServices(file: SourceFile): Breach[] {
  if (/^services\/|^shared\/service-kit\//.test(file.path)) return [];
  const rule = 'express is known to services and the service kit only';
  return importsOf(file, ['express']).map((where) => ({ rule, where, what: 'imports express' }));
}

/** Tests and what they stand on may look at their environment and signal their own children. */
const isTest = /(?:^|\/)(?:test|testing)\//;
const entries = /^scripts\/[^/]+\.ts$/;
const mayEnd = [entries, /^shared\/service-kit\/src\/runner\.ts$/];
const mayReadEnvironment = [
  entries,
  /^services\/[^/]+\/src\/(?:main|config)\.ts$/,
  /^infra\/src\/cluster\/guardian-main\.ts$/,
];

function processInEntries(file: SourceFile): Breach[] {
  if (isTest.test(file.path) || !/^(?:services|shared|infra|scripts)\//.test(file.path)) return [];
  const ends = /\bprocess\s*\.\s*(?:exit\b|exitCode\s*=[^=]|(?:on|once|addListener)\s*\()/g;
  const endRule = 'signals and exits are the business of the service runner and of scripts';
  const readRule = 'the environment is read at the top: main, config, scripts';
  return [
    ...(mayEnd.some((path) => path.test(file.path)) ? [] : uses(file, ends)).map((where) => ({
      rule: endRule,
      where,
      what: 'ends the process or listens for signals',
    })),
    ...(mayReadEnvironment.some((path) => path.test(file.path))
      ? []
      : uses(file, /\bprocess\s*\.\s*env\b/g)
    ).map((where) => ({ rule: readRule, where, what: 'reads process.env' })),
  ];
}

function relativeImports(file: SourceFile): { target: string; where: string }[] {
  return file.imports
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map(({ specifier, line }) => ({
      target: posix.join(posix.dirname(file.path), specifier),
      where: `${file.path}:${line}`,
    }));
}

/** Places where a file imports one of the modules, or a part of one. */
function importsOf(file: SourceFile, modules: readonly string[]): string[] {
  return file.imports
    .filter(({ specifier }) =>
      modules.some((module) => specifier === module || specifier.startsWith(`${module}/`)),
    )
    .map(({ line }) => `${file.path}:${line}`);
}

function uses(file: SourceFile, pattern: RegExp): string[] {
  return [...file.code.matchAll(pattern)].map(
    (found) => `${file.path}:${file.code.slice(0, found.index).split('\n').length}`,
  );
}
