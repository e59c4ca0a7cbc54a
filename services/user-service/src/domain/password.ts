/**
 * Passwords as argon2id hashes in the PHC string format.
 *
 * The string carries its own parameters, so hashes of today stay good when the parameters grow. Parameters are
 * the OWASP Password Storage Cheat Sheet's for argon2id: 19 MiB, two passes, one lane. How many are worked on
 * at once is decided in hash-queue.ts.
 */
import { argon2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const derive = promisify(argon2);

const MEMORY_KIB = 19_456;
const PASSES = 2;
const LANES = 1;
const SALT_BYTES = 16;
const TAG_BYTES = 32;
/** Version 1.3 of argon2, the one that node implements, as PHC strings write it. */
const VERSION = 19;

const PHC =
  /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{16,86})$/;
/** No stored string makes us take more memory or time than this. */
const MAX_MEMORY_KIB = 262_144;
const MAX_PASSES = 16;

/** Hashes a password with a new salt: `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>`. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive('argon2id', {
    message: normalized(password),
    nonce: salt,
    parallelism: LANES,
    tagLength: TAG_BYTES,
    memory: MEMORY_KIB,
    passes: PASSES,
  });
  return `$argon2id$v=${VERSION}$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${unpadded(salt)}$${unpadded(hash)}`;
}

/**
 * Whether a password is the one that was hashed; compared in constant time.
 *
 * @throws Error when `phc` is not an argon2id string within our bounds, which is never the password's fault.
 */
export async function verifyPassword(options: { password: string; phc: string }): Promise<boolean> {
  const [, memory, passes, parallelism, salt, hash] = PHC.exec(options.phc) ?? [];
  if (salt === undefined || hash === undefined)
    throw new Error('the stored password is not an argon2id PHC string');
  if (Number(memory) > MAX_MEMORY_KIB || Number(passes) > MAX_PASSES) {
    throw new Error('the stored password asks for more work than is allowed');
  }
  const expected = Buffer.from(hash, 'base64');
  const actual = await derive('argon2id', {
    message: normalized(options.password),
    nonce: Buffer.from(salt, 'base64'),
    parallelism: Number(parallelism),
    tagLength: expected.length,
    memory: Number(memory),
    passes: Number(passes),
  });
  return timingSafeEqual(actual, expected);
}

/** One and the same password may be typed as different code points on different keyboards. */
function normalized(password: string): Buffer {
  return Buffer.from(password.normalize('NFKC'), 'utf8');
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
