import { describe, expect, it } from 'vitest';
import { hashPassword, verifyPassword } from '../../src/domain/password.ts';

describe('hashPassword', () => {
  it("writes a PHC string of argon2id with OWASP's parameters and a new salt each time", async () => {
    const [first, second] = await Promise.all([hashPassword('correct horse'), hashPassword('correct horse')]);
    expect(first).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(first).not.toBe(second);
    expect(first).not.toContain('correct');
  });
});

describe('verifyPassword', () => {
  it('knows the password and no other', async () => {
    const phc = await hashPassword('correct horse');
    expect(await verifyPassword({ password: 'correct horse', phc })).toBe(true);
    expect(await verifyPassword({ password: 'correct horsf', phc })).toBe(false);
    expect(await verifyPassword({ password: '', phc })).toBe(false);
  });

  it("takes the reference implementation's hashes with other parameters", async () => {
    // From the test vectors of the argon2 reference implementation: password "password", salt "somesalt".
    const phc = '$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4';
    expect(await verifyPassword({ password: 'password', phc })).toBe(true);
    expect(await verifyPassword({ password: 'passwore', phc })).toBe(false);
  });

  it('takes a password typed as other code points for the same', async () => {
    const phc = await hashPassword('caf\u00e9 caf\u00e9');
    expect(await verifyPassword({ password: 'cafe\u0301 cafe\u0301', phc })).toBe(true);
  });

  it('refuses strings that are no argon2id hash or ask for too much work', async () => {
    const salt = 'c29tZXNhbHQ';
    const hash = 'nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4';
    for (const phc of [
      '',
      'plain text',
      `$argon2i$v=19$m=256,t=2,p=1$${salt}$${hash}`,
      `$argon2id$v=19$m=256,t=2,p=1$${salt}$`,
      `$argon2id$v=19$m=9999999,t=2,p=1$${salt}$${hash}`,
      `$argon2id$v=19$m=256,t=999,p=1$${salt}$${hash}`,
    ]) {
      await expect(verifyPassword({ password: 'password', phc }), phc).rejects.toThrow(/stored password/);
    }
  });
});
