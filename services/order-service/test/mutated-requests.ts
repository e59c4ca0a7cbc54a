/**
 * A seeded source of HTTP requests that are a little or a lot wrong.
 *
 * Each one starts from a sound request and gets one to four changes; the same seed gives the same requests, so a
 * failing one can be sent again.
 */

/** A request as bytes, with its number. */
export interface MutatedRequest {
  readonly index: number;
  readonly bytes: Buffer;
}

interface Draft {
  method: string;
  target: string;
  version: string;
  headers: string[];
  body: string;
  /** Undefined: the true length. */
  contentLength?: string;
}

const METHODS = [
  'GET',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'QUERY',
  'get',
  'G T',
  '\0',
];
const TARGETS = [
  '/order-service/ada/orders',
  '/order-service/ada/orders?limit=10',
  '/order-service/ada/orders/019ab000-0000-7000-8000-000000000000',
  '/order-service/health-check',
  '/livez',
  '/readyz?verbose',
  '/metrics',
  '/replication/status',
  '/replication/vector',
  '/replication/logged',
  '/replication/changes?origin=order-1.01J00000000000000000000000&after=0&limit=5',
  '/replication/digest',
  '/replication/digest?deep=1',
  '/replication/quarantine',
  '/replication/hidden',
];
const STRANGE = [
  '',
  ' ',
  '..',
  '%00',
  '%2e%2e%2f',
  '%ff%fe',
  '%',
  '\u00e9',
  "' OR '1'='1",
  '"; DROP TABLE orders; --',
  '__proto__',
  'constructor',
  'x'.repeat(65),
  'x'.repeat(5000),
  '-1',
  '0',
  '1e999',
  '9007199254740993',
  'null',
  '[]',
  '{}',
  '\u202e',
  '%24%7B7*7%7D',
  '../../etc/passwd',
];
const VALUES = [
  '0',
  '-0',
  '1',
  '-1',
  '1.5',
  '1000000',
  '1000001',
  '1000000001',
  '9007199254740993',
  '1e400',
  'null',
  'true',
  '""',
  '"3"',
  '"\\u0000"',
  '"\\ud800"',
  '[]',
  '[[[[[[[[[[]]]]]]]]]]',
  '{}',
  '{"toString":null}',
  `"${'x'.repeat(20_000)}"`,
];
const HEADERS = [
  'Content-Type: text/plain',
  'Content-Type: application/json; charset=utf-7',
  'Content-Type: application/json;;;',
  'Content-Encoding: gzip',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: identity, chunked',
  'Expect: 100-continue',
  'Expect: nothing',
  'Upgrade: websocket',
  'Connection: upgrade',
  'Connection: keep-alive, close',
  'Host: evil.example',
  'Consistency-Token: x',
  'Consistency-Token: order-1.01J00000000000000000000000:1',
  `Consistency-Token: ${'order-1.01J00000000000000000000000:1,'.repeat(70)}`,
  'Write-Concern: log',
  'Write-Concern: all',
  'Idempotency-Key: k',
  'traceparent: 00-ff-ff-ff',
  'X-Request-Id: \u00e9\u00e9',
  'X-Forwarded-For: 127.0.0.1',
  'Range: bytes=0-0',
  'If-None-Match: *',
  'Accept: application/xml',
  'Origin: null',
  'NoColon',
  ': no name',
  'Bad Name: x',
  'X-Long: '.concat('y'.repeat(40_000)),
];

/** `count` requests from `seed`. */
export function* mutatedRequests(options: { seed: number; count: number }): Generator<MutatedRequest> {
  const random = seeded(options.seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  for (let index = 0; index < options.count; index += 1) {
    const draft = soundRequest(pick);
    const changes = 1 + Math.floor(random() * 4);
    for (let i = 0; i < changes; i += 1) mutate(draft, { pick, random });
    yield { index, bytes: corrupt(toBytes(draft), random) };
  }
}

function soundRequest(pick: <T>(list: readonly T[]) => T): Draft {
  const isPost = pick([true, false]);
  return {
    method: isPost ? 'POST' : 'GET',
    target: isPost ? '/order-service/ada/orders' : pick(TARGETS),
    version: 'HTTP/1.1',
    headers: [
      'Host: localhost',
      'Connection: close',
      ...(isPost ? ['Content-Type: application/json'] : []),
      ...pick([
        [],
        [],
        isPost ? ['Write-Concern: log'] : ['Consistency-Token: order-9.01J00000000000000000000000:1'],
      ]),
    ],
    body: isPost ? '{"productId":"pen","quantity":3,"unitPrice":250}' : '',
  };
}

function mutate(
  draft: Draft,
  { pick, random }: { pick: <T>(list: readonly T[]) => T; random: () => number },
): void {
  const kind = Math.floor(random() * 12);
  if (kind === 0) draft.method = pick(METHODS);
  else if (kind === 1) draft.target = pick(TARGETS);
  else if (kind === 2) draft.target = draft.target.replace(/ada|limit=10|01J0+/, () => pick(STRANGE));
  else if (kind === 3)
    draft.target += pick(['/', '?', '&limit=', '?limit=', '?cursor=', '&deep=', '#']) + pick(STRANGE);
  else if (kind <= 5) draft.headers.push(pick(HEADERS));
  else if (kind === 6) draft.headers.splice(Math.floor(random() * draft.headers.length), 1);
  else if (kind === 7) {
    draft.body = draft.body.replace(/"pen"|3|250/, () => pick(VALUES));
  } else if (kind === 8) {
    draft.body = draft.body.replace('{', `{"${pick(STRANGE).replaceAll('"', '')}":${pick(VALUES)},`);
  } else if (kind === 9) {
    draft.body = pick([
      draft.body.slice(0, -5),
      draft.body.repeat(2),
      '',
      'x',
      '[',
      '\ufeff{}',
      '{}'.padEnd(20_000),
    ]);
  } else if (kind === 10) {
    draft.contentLength = pick([
      '0',
      '-1',
      '1',
      '99999999999999999999',
      'x',
      '10, 20',
      String(draft.body.length + 5),
    ]);
  } else {
    draft.version = pick(['HTTP/1.0', 'HTTP/2.0', 'HTTP/1.1 ', 'HTTP/9', 'ICY', '']);
  }
}

function toBytes(draft: Draft): Buffer {
  const body = Buffer.from(draft.body);
  const length = draft.contentLength ?? (body.length > 0 ? String(body.length) : undefined);
  const headers = length === undefined ? draft.headers : [...draft.headers, `Content-Length: ${length}`];
  const head = `${draft.method} ${draft.target} ${draft.version}\r\n${headers.join('\r\n')}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

/** One in eight gets a byte flipped, dropped or doubled anywhere. */
function corrupt(bytes: Buffer, random: () => number): Buffer {
  if (random() > 1 / 8 || bytes.length === 0) return bytes;
  const at = Math.floor(random() * bytes.length);
  const kind = Math.floor(random() * 3);
  if (kind === 0) {
    const flipped = Buffer.from(bytes);
    flipped[at] = (flipped[at] ?? 0) ^ (1 << Math.floor(random() * 8));
    return flipped;
  }
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(kind === 1 ? at + 1 : at)]);
}

/** Marsaglia's xorshift on 32 bits: 0 <= number < 1. */
function seeded(seed: number): () => number {
  let state = seed | 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
