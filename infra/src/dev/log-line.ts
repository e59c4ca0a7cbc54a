/**
 * Log lines: from what a service prints to what a person or a program reads.
 *
 * Services print one JSON object a line; anything else (a crash, a warning of Node) is taken as it is. A person
 * gets `order-1 │ message key=value`, a program one JSON object with time, source, level, message and the fields.
 */
import { stripVTControlCharacters, styleText } from 'node:util';

/** A line, understood. */
export interface LogEntry {
  /** ISO 8601. */
  readonly time: string;
  readonly source: string;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** Levels, as pino names them. */
export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';

const levels: readonly LogLevel[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

/** Said on every line, or said by the prefix already. */
const ownNames: ReadonlySet<string> = new Set(['time', 'level', 'msg', 'name', 'pid', 'hostname']);

/** What a service printed. */
export interface RawLine {
  readonly source: string;
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}

/** Understands a line. `now` stamps what carries no time of its own. */
export function readLogLine(line: RawLine, now = new Date()): LogEntry {
  const json = parseObject(line.text);
  if (json === null || typeof json.msg !== 'string') {
    return {
      time: now.toISOString(),
      source: line.source,
      level: line.stream === 'stderr' ? 'error' : 'info',
      message: line.text,
      fields: {},
    };
  }
  const fields = Object.fromEntries(Object.entries(json).filter(([name]) => !ownNames.has(name)));
  return {
    time: timeOf(json.time, now),
    source: line.source,
    level: levelOf(json.level),
    message: json.msg,
    fields,
  };
}

function parseObject(text: string): Record<string, unknown> | null {
  if (!text.startsWith('{')) return null;
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return null;
  }
}

function timeOf(time: unknown, now: Date): string {
  const date = typeof time === 'string' || typeof time === 'number' ? new Date(time) : now;
  return (Number.isNaN(date.getTime()) ? now : date).toISOString();
}

/** A word, or pino's number: 10 trace, 20 debug, up to 60 fatal. */
function levelOf(level: unknown): LogLevel {
  if (typeof level === 'number') return levels[Math.floor(level / 10) - 1] ?? 'info';
  return levels.find((name) => name === level) ?? 'info';
}

/** How a person's lines look. */
export interface LineLook {
  /** Longest name of a source, for alignment. */
  readonly width: number;
  readonly isColoured: boolean;
}

type Style = Parameters<typeof styleText>[0];

const sourceColours: readonly Style[] = ['cyan', 'magenta', 'green', 'blue', 'yellow'];
const levelLooks: Readonly<Partial<Record<LogLevel, Style>>> = { warn: 'yellow', error: 'red', fatal: 'red' };

/** For a person: aligned prefix, message, fields as `name=value`; the level only where it matters. */
export function humanLine(entry: LogEntry, look: LineLook): string {
  const paint = (style: Style, text: string): string =>
    look.isColoured ? styleText(style, text, { validateStream: false }) : text;
  const levelLook = levelLooks[entry.level];
  const level = levelLook === undefined ? '' : `${paint(levelLook, entry.level)} `;
  const fields = Object.entries(entry.fields).map(
    ([name, value]) => ` ${paint('dim', `${name}=${shortly(value)}`)}`,
  );
  const prefix = paint(colourOf(entry.source), entry.source.padEnd(look.width));
  return `${prefix} │ ${level}${harmless(entry.message)}${fields.join('')}`;
}

/** For a program. */
export function jsonLine(entry: LogEntry): string {
  const { time, source, level, message, fields } = entry;
  return JSON.stringify({ time, source, level, message, ...withoutClash(fields) });
}

/** A field named like one of ours must not replace it. */
function withoutClash(fields: LogEntry['fields']): Record<string, unknown> {
  const taken = new Set(['time', 'source', 'level', 'message']);
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [taken.has(name) ? `${name}_` : name, value]),
  );
}

function colourOf(source: string): Style {
  const number = /-(\d+)$/.exec(source)?.[1];
  if (number !== undefined) return sourceColours[(Number(number) - 1) % sourceColours.length] ?? 'cyan';
  return source === 'dev' ? 'dim' : 'blueBright';
}

const longestValue = 160;

function shortly(value: unknown): string {
  const error = value as { message?: unknown; code?: unknown } | null;
  if (typeof value === 'object' && typeof error?.message === 'string') {
    return JSON.stringify(
      typeof error.code === 'string' ? `${error.message} (${error.code})` : error.message,
    );
  }
  if (typeof value === 'string' && /^[\w.:/@+-]+$/.test(value)) return value;
  const text = JSON.stringify(value) ?? String(value);
  return text.length > longestValue ? `${text.slice(0, longestValue)}…` : text;
}

/** What a client has sent in may stand in a log line; it must not steer the terminal. */
function harmless(text: string): string {
  return stripVTControlCharacters(text).replace(/[^\P{Cc}\t]/gu, '');
}
