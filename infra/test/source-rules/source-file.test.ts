import { describe, expect, it } from 'vitest';
import { scanSource } from '../../src/source-rules/source-file.ts';

const specifiers = (text: string) => scanSource('a.ts', text).imports.map(({ specifier }) => specifier);

describe('the import scanner', () => {
  it('finds every form of import', () => {
    const text = `
      import a from 'a';
      import type { B } from "b";
      import 'c';
      import * as d
        from 'd';
      export { e } from 'e';
      export * from 'f';
      const g = await import('g');
      const h = require('h');
      import {
        i,
      } from 'i';
      type J = import('j').J;
      const k = await import(\`k\`);
    `;
    expect(specifiers(text)).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k']);
  });

  it('tells the line', () => {
    expect(scanSource('a.ts', "/* one\ntwo */\nimport 'x';").imports).toEqual([{ specifier: 'x', line: 3 }]);
  });

  it('finds none in comments, strings, templates and regular expressions', () => {
    const text = `
      // import 'a';
      /* import 'b'; */
      const c = "import 'c'";
      const d = \`import 'd' \${e} import 'e'\`;
      const f = /import 'f'/;
      const g = Array.from('g');
      const h = { from: 'h' };
    `;
    expect(specifiers(text)).toEqual([]);
  });

  it('finds its way back out of everything that looks like a quote', () => {
    const text = `
      const a = 'it\\'s'; const b = /['"\`/]+\\//g; const c = 4 / 2 / 1; const d = x ? /"/ : y / z;
      const e = \`\${f('"')} \${\`inner \${g} "\`} \${{ h: '}' }.h}\`;
      if (c) return /'/;
      const i = arr[0] / 2; // ' " \`
      import 'found';
    `;
    expect(specifiers(text)).toEqual(['found']);
  });

  it('keeps code in its place and blanks the rest', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the source text of a template
    const { code } = scanSource('a.ts', "process.exit('process.env'); // process.env\n`${process.env}`");
    expect(code).toBe("process.exit('           ');               \n` {process.env}`");
  });
});
