import { describe, expect, it } from 'vitest';
import { readQuickStart } from '../../src/quick-start/quick-start.ts';

const readme = `# A project

\`\`\`sh
npx pnpm not-part-of-it
\`\`\`

<!-- quick-start -->

\`\`\`sh
npx pnpm dev
\`\`\`

\`\`\`text
ready in …
\`\`\`

When it says \`ready in\`:

\`\`\`sh
# a comment
user=ada
curl -s http://127.0.0.1:60001/orders \\
  -H 'content-type: application/json'

echo "$user"
\`\`\`

\`\`\`json
{"orderId":"…"}
\`\`\`

\`\`\`sh
npx pnpm verify
\`\`\`

<!-- /quick-start -->

\`\`\`sh
rm -rf /
\`\`\`
`;

const section = (body: string) => `<!-- quick-start -->\n${body}\n<!-- /quick-start -->`;
const block = (language: string, body: string) => `\`\`\`${language}\n${body}\n\`\`\`\n`;

describe('the quick start of a README', () => {
  it('is read as commands and what they are said to print, and nothing outside of it', () => {
    expect(readQuickStart(readme)).toEqual([
      { commands: ['npx pnpm dev'], expected: { kind: 'text', text: 'ready in …' } },
      {
        commands: [
          'user=ada',
          "curl -s http://127.0.0.1:60001/orders \\\n  -H 'content-type: application/json'",
          'echo "$user"',
        ],
        expected: { kind: 'json', text: '{"orderId":"…"}' },
      },
      { commands: ['npx pnpm verify'], expected: null },
    ]);
  });

  it('may stand in several places, one after the other', () => {
    const readme = `${section(block('sh', 'a'))}\n${block('sh', 'not this')}\n${section(block('sh', 'b'))}`;
    expect(readQuickStart(readme).map(({ commands }) => commands)).toEqual([['a'], ['b']]);
  });

  it.each([
    ['is missing', '# A project'],
    ['is not closed', '<!-- quick-start -->'],
    [
      'is not closed in its second place',
      `${section(block('sh', 'a'))}<!-- quick-start -->${block('sh', 'b')}`,
    ],
    ['has no commands', section('words')],
    ['begins with output', section(block('json', '{}') + block('sh', 'a'))],
    ['has two outputs for one command', section(block('sh', 'a') + block('text', 'b') + block('text', 'c'))],
    ['has a block in another language', section(block('sh', 'a') + block('python', 'print()'))],
    ['begins with several commands', section(block('sh', 'git clone x\nnpx pnpm dev'))],
    ['ends a command in a backslash', section(block('sh', 'a') + block('sh', 'b \\'))],
    ['has an empty block of commands', section(block('sh', 'a') + block('sh', '# nothing'))],
  ])('is refused when it %s', (_, text) => {
    expect(() => readQuickStart(text)).toThrow(
      expect.objectContaining({ code: 'not-found', message: expect.stringContaining('cannot be executed') }),
    );
  });
});
