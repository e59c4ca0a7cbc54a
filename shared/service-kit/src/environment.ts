/**
 * Reads a service's configuration from environment variables, all or nothing.
 *
 * First step of every start: main hands in the environment and one zod schema, and gets typed values back or
 * one error that lists everything that is wrong, so that nobody has to fix variables one start at a time.
 * Which variables there are is the business of the schemas; files that variables point to are read elsewhere.
 */
import type { z } from 'zod';

const OWN_PREFIX = 'DBSYNC_';
const SECRET_NAME = /SECRET|PASSWORD/;
const MAX_SHOWN_LENGTH = 80;

/**
 * The configuration cannot be used; `message` has one line for every problem, ready for a terminal.
 * Values of variables that hold secrets are never part of it.
 */
export class ConfigurationError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(['the configuration cannot be used:', ...problems.map((problem) => `  ${problem}`)].join('\n'));
    this.name = 'ConfigurationError';
    this.problems = problems;
  }
}

/**
 * Checks `env` against `schema` and returns its output.
 *
 * An empty string counts as unset. Names that start with `DBSYNC_` belong to us alone, so one that the schema
 * does not know is a spelling mistake and refused; all other unknown names are left alone. What a variable
 * expects is told by the description of its schema (`.describe()` as the last call), else by zod's message.
 *
 * @throws ConfigurationError naming every bad variable.
 */
export function readEnvironment<S extends z.ZodObject>(
  schema: S,
  env: Record<string, string | undefined>,
): z.output<S> {
  const known = Object.keys(schema.shape);
  const given: Record<string, string> = {};
  for (const name of known) {
    const value = env[name];
    if (value !== undefined && value !== '') given[name] = value;
  }

  const problems = unknownNames(env, known);
  const result = schema.safeParse(given);
  if (!result.success) problems.push(...describeIssues(result.error.issues, schema, given));
  if (problems.length > 0 || !result.success) throw new ConfigurationError(problems);
  return result.data;
}

function unknownNames(env: Record<string, string | undefined>, known: readonly string[]): string[] {
  return Object.keys(env)
    .filter((name) => name.startsWith(OWN_PREFIX) && !known.includes(name))
    .sort()
    .map((name) => {
      const nearest = nearestName(name, known);
      return `${name}: is not a variable of this service${nearest ? `; did you mean ${nearest}?` : ''}`;
    });
}

function describeIssues(
  issues: readonly z.core.$ZodIssue[],
  schema: z.ZodObject,
  given: Record<string, string>,
): string[] {
  const lines = new Map<string, string>();
  for (const issue of issues) {
    const name = issue.path[0];
    if (typeof name !== 'string') {
      lines.set(issue.message, issue.message);
      continue;
    }
    // One line a variable: the first thing wrong with it is enough, the expectation covers the rest.
    if (lines.has(name)) continue;
    const field: unknown = schema.shape[name];
    const description = hasDescription(field) ? field.description : undefined;
    const expected =
      issue.code === 'custom' || description === undefined ? issue.message : `expected ${description}`;
    lines.set(name, `${name}: ${found(name, given[name])}; ${expected}`);
  }
  return [...lines.values()];
}

function hasDescription(field: unknown): field is { description: string } {
  return (
    typeof field === 'object' &&
    field !== null &&
    'description' in field &&
    typeof field.description === 'string'
  );
}

function found(name: string, value: string | undefined): string {
  if (value === undefined) return 'is not set';
  if (SECRET_NAME.test(name)) return `has an unusable value (${value.length} characters, not shown)`;
  const shown = value.length > MAX_SHOWN_LENGTH ? `${value.slice(0, MAX_SHOWN_LENGTH)}…` : value;
  return `is ${JSON.stringify(shown)}`;
}

/** The known name that needs the fewest edits, if it is near enough to be what was meant. */
function nearestName(name: string, known: readonly string[]): string | undefined {
  let best: { name: string; distance: number } | undefined;
  for (const candidate of known) {
    const distance = editDistance(name, candidate);
    if (best === undefined || distance < best.distance) best = { name: candidate, distance };
  }
  return best !== undefined && best.distance <= Math.ceil(name.length / 3) ? best.name : undefined;
}

/** Levenshtein's distance: how many single-character edits turn `from` into `to`. */
function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}
