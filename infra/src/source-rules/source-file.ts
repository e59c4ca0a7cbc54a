/**
 * What a source file imports, found without a compiler.
 *
 * A small scanner walks the text once and blanks comments, strings, templates and regular expressions, so that
 * an import in a comment is none and `process.exit` in a sentence is no call. What it cannot tell apart (a slash
 * after a closing parenthesis) it takes for a division; the rules are about imports, where that plays no part.
 */

/** One import, re-export, dynamic import or require. */
export interface ImportOf {
  readonly specifier: string;
  /** From 1. */
  readonly line: number;
}

/** A file, scanned. */
export interface SourceFile {
  /** Relative to the root of the repository, with forward slashes. */
  readonly path: string;
  readonly imports: readonly ImportOf[];
  /** The text with everything blanked that is not code; lines and columns stay where they were. */
  readonly code: string;
}

/** Scans a file. */
export function scanSource(path: string, text: string): SourceFile {
  const { code, strings } = blank(text);
  const imports: ImportOf[] = [];
  // After blanking, a specifier is a pair of quotes with nothing but blanks between them.
  const forms = /\b(?:from|import|require)\s*\(?\s*(['"`])/g;
  for (const found of code.matchAll(forms)) {
    const quote = found.index + found[0].length - 1;
    const specifier = strings.get(quote);
    if (specifier === undefined || isProperty(code, found.index)) continue;
    imports.push({ specifier, line: code.slice(0, found.index).split('\n').length });
  }
  return { path, imports, code };
}

/** `x.from('…')`, as in `Array.from`, is no import. */
function isProperty(code: string, index: number): boolean {
  return code.slice(0, index).trimEnd().endsWith('.');
}

interface Blanked {
  readonly code: string;
  /** Contents of strings and of templates without holes, by the position of their opening quote. */
  readonly strings: ReadonlyMap<number, string>;
}

/** After one of these words a slash begins a regular expression. */
const beforeRegex = /(?:^|[^\w$.])(?:return|typeof|case|in|of|do|else|void|delete|throw|await|yield|new)$/;

function blank(text: string): Blanked {
  const strings = new Map<number, string>();
  const out = [...text.split('')];
  const hide = (from: number, to: number): void => {
    for (let at = from; at < to; at += 1) if (out[at] !== '\n') out[at] = ' ';
  };
  /** Depth of braces at which each open template goes on. */
  const templates: number[] = [];
  let depth = 0;
  let at = 0;
  let codeSoFar = '';
  const note = (piece: string): void => {
    codeSoFar = (codeSoFar + piece).slice(-40);
  };
  while (at < text.length) {
    const character = text[at] ?? '';
    const end = endOf(text, at, character, codeSoFar);
    if (end !== null) {
      if (character === "'" || character === '"') {
        strings.set(at, text.slice(at + 1, end - 1));
        hide(at + 1, end - 1);
        note('x');
      } else {
        hide(at, end);
        // A comment leaves no trace in front of a slash, a regular expression is a value.
        if (text[at + 1] !== '/' && text[at + 1] !== '*') note('x');
      }
      at = end;
    } else if (character === '`' || (character === '}' && templates.at(-1) === depth)) {
      if (character === '}') templates.pop();
      const stop = endOfTemplatePart(text, at + 1);
      const isWhole = character === '`' && text[stop] === '`';
      if (isWhole) strings.set(at, text.slice(at + 1, stop));
      hide(at + 1, stop);
      if (text[stop] === '$') {
        templates.push(depth);
        hide(stop, stop + 1);
        at = stop + 2;
        note('(');
      } else {
        at = stop + 1;
        note('x');
      }
    } else {
      if (character === '{') depth += 1;
      if (character === '}') depth -= 1;
      note(character);
      at += 1;
    }
  }
  return { code: out.join(''), strings };
}

/** Where a comment, string or regular expression that begins at `at` is over; null when none begins there. */
function endOf(text: string, at: number, character: string, codeSoFar: string): number | null {
  if (character === "'" || character === '"') return endOfQuoted(text, at, character);
  if (character !== '/') return null;
  const next = text[at + 1];
  if (next === '/') return indexOrEnd(text, '\n', at);
  if (next === '*') return indexOrEnd(text, '*/', at + 2) + 2;
  return isRegexAllowed(codeSoFar) ? endOfRegex(text, at) : null;
}

function isRegexAllowed(codeSoFar: string): boolean {
  const before = codeSoFar.trimEnd();
  return before === '' || /[^\w$)\]'"`]$/.test(before) || beforeRegex.test(before);
}

function endOfQuoted(text: string, from: number, quote: string): number {
  for (let at = from + 1; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === quote || text[at] === '\n') return at + 1;
  }
  return text.length;
}

function endOfRegex(text: string, from: number): number {
  let isInClass = false;
  for (let at = from + 1; at < text.length; at += 1) {
    const character = text[at];
    if (character === '\\') at += 1;
    else if (character === '\n') return at;
    else if (character === '[') isInClass = true;
    else if (character === ']') isInClass = false;
    else if (character === '/' && !isInClass) return at + 1;
  }
  return text.length;
}

/** Position of the closing backquote or of the `$` of the next hole. */
function endOfTemplatePart(text: string, from: number): number {
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '`' || (text[at] === '$' && text[at + 1] === '{')) return at;
  }
  return text.length;
}

function indexOrEnd(text: string, sought: string, from: number): number {
  const found = text.indexOf(sought, from);
  return found < 0 ? text.length : found;
}
