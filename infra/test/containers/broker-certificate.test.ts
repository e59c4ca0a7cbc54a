import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { runCommand } from '../../src/process/run-command.ts';
import { parseCompose, secureComposeFile } from '../../testing/containers/compose-file.ts';

const timeoutMs = 30_000;
const fileSchema = z.object({
  services: z.object({ certificate: z.object({ command: z.tuple([z.string(), z.string(), z.string()]) }) }),
});
let root: string;
let key: string;
let ca: string;

beforeEach(async ({ skip }) => {
  const { outcome } = await runCommand({ command: 'keytool', args: ['-help'], timeoutMs });
  if (outcome === 'missing') skip('there is no Java, whose keytool makes certificates');
  root = mkdtempSync(join(tmpdir(), 'dbsync-certificate-'));
  [key, ca] = [join(root, 'key'), join(root, 'ca')];
  mkdirSync(key);
  mkdirSync(ca);
  writeLeanKeytool();
});
afterEach(() => {
  if (root !== undefined) rmSync(root, { recursive: true, force: true });
});

/** In front of the real one: most of its two seconds go into optimizing code that then ends. */
function writeLeanKeytool(): void {
  const tools = join(root, 'bin');
  mkdirSync(tools);
  const script = `#!/bin/sh\nPATH=\${PATH#*:}\nexec keytool -J-XX:TieredStopAtLevel=1 -J-XX:+UseSerialGC "$@"\n`;
  writeFileSync(join(tools, 'keytool'), script);
  chmodSync(join(tools, 'keytool'), 0o755);
}

const path = (): string => [join(root, 'bin'), process.env.PATH].join(delimiter);

/** Runs what the compose file runs, on folders of this test in place of the volumes. */
async function makeCertificate(password: string): Promise<void> {
  const { command } = fileSchema.parse(parseCompose(secureComposeFile)).services.certificate;
  const [shell, flags, script] = command.map((part) => part.replaceAll('$$', '$')) as [
    string,
    string,
    string,
  ];
  const here = script.replaceAll('/key/', `${key}/`).replaceAll('/ca/', `${ca}/`);
  const env = { PATH: path(), KEYSTORE_PASSWORD: password };
  const { exitCode, output } = await runCommand({ command: shell, args: [flags, here], timeoutMs, env });
  expect({ exitCode, output }).toMatchObject({ exitCode: 0 });
}

/** The certificate that a broker with this password shows; what keytool says where it cannot open the keystore. */
async function shownWith(password: string): Promise<string> {
  const args = ['-exportcert', '-rfc', '-alias', 'kafka', '-keystore', join(key, 'kafka.p12')];
  const { output } = await runCommand({
    command: 'keytool',
    args: [...args, '-storepass', password],
    timeoutMs,
    env: { PATH: path() },
  });
  return output.trim();
}

const trusted = (): string => readFileSync(join(ca, 'ca.pem'), 'utf8').trim();

describe('the certificate of the broker', () => {
  it('stays as it is from start to start', { timeout: 4 * timeoutMs }, async () => {
    await makeCertificate('the first password');
    const before = trusted();
    expect(before).toContain('BEGIN CERTIFICATE');
    await makeCertificate('the first password');
    expect(trusted()).toBe(before);
    expect(await shownWith('the first password')).toBe(before);
  });

  it.each<[string, () => void]>([
    ['the password is another one', () => undefined],
    ['half of it was written', () => writeFileSync(join(key, 'kafka.p12'), 'half a keystore')],
    ['the volume with the key was lost', () => rmSync(join(key, 'kafka.p12'))],
  ])('is made anew when %s', { timeout: 4 * timeoutMs }, async (_what, happen) => {
    await makeCertificate('the first password');
    happen();
    await makeCertificate('another password');
    expect(trusted()).toContain('BEGIN CERTIFICATE');
    expect(await shownWith('another password')).toBe(trusted());
  });
});
