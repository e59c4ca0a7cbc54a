/**
 * Requests byte by byte, for what `fetch` would put right before sending.
 */
import net from 'node:net';

/** An answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** What was sent got no HTTP answer: the connection was closed without one. */
export type NoAnswer = undefined;

/**
 * Sends bytes on a connection of their own and reads the first answer. When the server waits for more than
 * `patienceMs` (default 500), it is told that nothing more comes; node then cuts an answer that is still being made.
 * @throws when the connection is refused or nothing happens within the deadline.
 */
export function sendRaw(
  port: number,
  bytes: string | Buffer,
  options: { deadlineMs?: number; patienceMs?: number } = {},
): Promise<RawAnswer | NoAnswer> {
  const { deadlineMs = 10_000, patienceMs = 500 } = options;
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = [];
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const late = setTimeout(() => {
      socket.destroy();
      const start = Buffer.from(bytes).toString('latin1').slice(0, 200);
      reject(new Error(`no end of the answer within ${deadlineMs} ms to: ${JSON.stringify(start)}`));
    }, deadlineMs);
    let impatient: NodeJS.Timeout | undefined;
    socket.on('connect', () => {
      socket.write(bytes);
      // Counted from here: on a busy machine the connection itself may take longer.
      impatient = setTimeout(() => socket.end(), patienceMs);
    });
    // The server has ended its half: so do we.
    socket.on('end', () => socket.end());
    socket.on('data', (piece: Buffer) => pieces.push(piece));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // A server that has said no may close before it has read everything.
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') return;
      clearTimeout(late);
      clearTimeout(impatient);
      reject(error);
    });
    socket.on('close', () => {
      clearTimeout(late);
      clearTimeout(impatient);
      resolve(parseAnswer(Buffer.concat(pieces).toString('latin1')));
    });
  });
}

/** A request line with headers, closed after the answer. */
export function rawRequest(options: {
  method?: string;
  target: string;
  headers?: readonly string[];
  body?: string;
}): string {
  const { method = 'GET', target, headers = [], body } = options;
  const all = ['Host: localhost', 'Connection: close', ...headers];
  if (body !== undefined) all.push(`Content-Length: ${Buffer.byteLength(body)}`);
  return `${method} ${target} HTTP/1.1\r\n${all.join('\r\n')}\r\n\r\n${body ?? ''}`;
}

function parseAnswer(text: string): RawAnswer | NoAnswer {
  const [, code] = /^HTTP\/1\.1 (\d{3})[ \r]/.exec(text) ?? [];
  if (code === undefined) return undefined;
  const end = text.indexOf('\r\n\r\n');
  // "100 Continue" comes before the answer.
  if (code.startsWith('1')) return parseAnswer(text.slice(end + 4));
  const lines = text.slice(0, end).split('\r\n').slice(1);
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  return { status: Number(code), headers, body: text.slice(end + 4) };
}
