/**
 * Is this what the README says? `…` stands for anything within a line or a value: ids, times, digests.
 */
import type { ExpectedOutput } from './quick-start.ts';

/** Compares; null when it fits, else what is different, in words. */
export function differenceTo(expected: ExpectedOutput, actual: string): string | null {
  return expected.kind === 'json'
    ? jsonDifference(expected.text, actual)
    : textDifference(expected.text, actual);
}

/** Compares a running program's output so far: every expected line must have come, in order, among others. */
export function missingLine(expected: string, actual: string): string | null {
  const lines = meaningful(actual);
  let at = 0;
  for (const line of meaningful(expected)) {
    const found = lines.findIndex((candidate, index) => index >= at && fits(line, candidate));
    if (found < 0) return line;
    at = found + 1;
  }
  return null;
}

function jsonDifference(expectedText: string, actualText: string): string | null {
  let actual: unknown;
  try {
    actual = JSON.parse(actualText);
  } catch {
    return `expected JSON, got: ${actualText.trim() || 'nothing'}`;
  }
  return valueDifference('', JSON.parse(expectedText), actual);
}

function valueDifference(path: string, expected: unknown, actual: unknown): string | null {
  const where = path === '' ? 'the value' : path;
  if (typeof expected === 'string' && expected.includes('…')) {
    const isScalar = typeof actual !== 'object' && actual !== undefined;
    return isScalar && fits(expected, String(actual)) ? null : different(where, expected, actual);
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual)) return different(where, expected, actual);
    if (expected.length !== actual.length) {
      return `${where} has ${actual.length} elements instead of ${expected.length}`;
    }
    return firstOf(
      expected.map((element, index) => valueDifference(`${path}[${index}]`, element, actual[index])),
    );
  }
  if (typeof expected === 'object' && expected !== null) {
    if (typeof actual !== 'object' || actual === null || Array.isArray(actual)) {
      return different(where, expected, actual);
    }
    const [wanted, found] = [new Map(Object.entries(expected)), new Map(Object.entries(actual))];
    const unknown = [...found.keys()].find((name) => !wanted.has(name));
    if (unknown !== undefined) return `${path}.${unknown} is not in the README`;
    return firstOf(
      [...wanted].map(([name, value]) => valueDifference(`${path}.${name}`, value, found.get(name))),
    );
  }
  return expected === actual ? null : different(where, expected, actual);
}

function different(where: string, expected: unknown, actual: unknown): string {
  return `${where} is ${JSON.stringify(actual)} instead of ${JSON.stringify(expected)}`;
}

function firstOf(differences: readonly (string | null)[]): string | null {
  return differences.find((difference) => difference !== null) ?? null;
}

function textDifference(expectedText: string, actualText: string): string | null {
  const [expected, actual] = [meaningful(expectedText), meaningful(actualText)];
  const length = Math.max(expected.length, actual.length);
  for (let line = 0; line < length; line += 1) {
    const [wanted, found] = [expected[line], actual[line]];
    if (wanted !== undefined && found !== undefined && fits(wanted, found)) continue;
    return `line ${line + 1} is ${found === undefined ? 'missing' : `'${found}'`} instead of ${wanted === undefined ? 'nothing' : `'${wanted}'`}`;
  }
  return null;
}

/** Without empty lines, and without those in which the package manager repeats the command. */
function meaningful(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '' && !line.startsWith('$ ') && !line.startsWith('> '));
}

function fits(expected: string, actual: string): boolean {
  const pattern = expected.split('…').map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${pattern.join('.*')}$`, 'u').test(actual);
}
