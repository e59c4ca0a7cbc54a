/**
 * The quick start of a README as steps: commands, and what they are said to print.
 *
 * It stands between `<!-- quick-start -->` and `<!-- /quick-start -->`, in one or more places. Fenced `sh` blocks are commands; a `json`
 * or `text` block behind one is the output of its last command. The first command is the one that keeps running.
 */
import { InfraError } from '../infra-error.ts';

/** Output as the README shows it. */
export interface ExpectedOutput {
  readonly kind: 'json' | 'text';
  readonly text: string;
}

/** One `sh` block. */
export interface QuickStartStep {
  /** Its commands; one that goes on over several lines is one command. */
  readonly commands: readonly string[];
  readonly expected: ExpectedOutput | null;
}

const begin = '<!-- quick-start -->';
const end = '<!-- /quick-start -->';
const fence = /^```(\w*)[^\S\n]*\n([\s\S]*?)^```[^\S\n]*$/gm;

/**
 * Reads the steps.
 * @throws `not-found` when the section is missing, empty, or not in the form described above.
 */
export function readQuickStart(readme: string): readonly QuickStartStep[] {
  const steps: { commands: string[]; expected: ExpectedOutput | null }[] = [];
  for (const [, language = '', body = ''] of marked(readme).matchAll(fence)) {
    if (language === 'sh') {
      steps.push({ commands: readCommands(body), expected: null });
    } else if (language === 'json' || language === 'text') {
      const last = steps.at(-1);
      if (last === undefined) throw malformed(`a ${language} block comes before the first command`);
      if (last.expected !== null) throw malformed('two blocks of output follow one command');
      last.expected = { kind: language, text: body.trimEnd() };
    } else {
      throw malformed(`a block in '${language}': only sh, json and text can be executed and compared`);
    }
  }
  if (steps.length === 0) throw malformed('it has no commands');
  if (steps[0]?.commands.length !== 1)
    throw malformed('the first block must be the one command that keeps running');
  return steps;
}

/** What stands between the marks, one place after the other. */
function marked(readme: string): string {
  const [, ...places] = readme.split(begin);
  if (places.length === 0) throw malformed(`it has no ${begin} … ${end}`);
  return places
    .map((place) => {
      const to = place.indexOf(end);
      if (to < 0) throw malformed(`it has no ${begin} … ${end}`);
      return place.slice(0, to);
    })
    .join('');
}

/** Lines that end in a backslash go on; comments and empty lines are none. */
function readCommands(body: string): string[] {
  const commands: string[] = [];
  let open = '';
  for (const line of body.trimEnd().split('\n')) {
    const text = open === '' ? line.trim() : line;
    if (open === '' && (text === '' || text.startsWith('#'))) continue;
    open += open === '' ? text : `\n${text}`;
    if (text.endsWith('\\')) continue;
    commands.push(open);
    open = '';
  }
  if (open !== '') throw malformed(`a command ends in a backslash: ${open}`);
  if (commands.length === 0) throw malformed('an sh block without commands');
  return commands;
}

function malformed(what: string): InfraError {
  return new InfraError({
    code: 'not-found',
    message: `The quick start of the README cannot be executed: ${what}.`,
    hint: 'Its form: sh blocks, each with at most one json or text block behind it; the first is the dev command.',
  });
}
