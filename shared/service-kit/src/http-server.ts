/**
 * Listens for a service and stops without cutting anybody off.
 *
 * Owns the sockets: bounds on what clients may hold open, answers to what is not HTTP, and the stop, which
 * goes: answers say `Connection: close` -> connections made are taken -> listening ends -> idle connections get a moment
 * for a request that is on its way -> they are closed -> what is left at the deadline is destroyed.
 * What is answered is the business of the express app.
 */
import http from 'node:http';
import net, { type AddressInfo, type Socket } from 'node:net';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import type { Express } from 'express';
import { appState, beginStopping } from './app-state.ts';
import { connectionBound } from './connection-bound.ts';
import type { Logger } from './logger.ts';
import { PROBLEM_MEDIA_TYPE, Problem } from './problem.ts';

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_TIMEOUT_MS = 30_000;
const CONNECTIONS_CHECK_MS = 2_000;
/** What a client may send in headers. */
const MAX_HEADER_BYTES = 16 * 1024;
/** For a service behind a gateway, which adds headers of its own to those: who passes it is not refused further in. */
export const MAX_FORWARDED_HEADER_BYTES = 2 * MAX_HEADER_BYTES;
const BIND_PAUSE_MS = 100;
/** How long connections made are taken, at most, before listening ends: on a busy machine a turn of the loop takes long. */
const BACKLOG_MS = 1000;
/** Long enough for a client that stood still for a moment to hear on one connection that all of them end. */
const STOP_GRACE_MS = 1000;

export interface HttpServer {
  /** Where to reach the server from this machine, for example `http://127.0.0.1:60001`. */
  readonly url: string;
  readonly port: number;
  /**
   * Turns readiness off, stops listening, finishes begun requests and closes all connections; resolves when the
   * last one is closed, at the latest `deadlineMs` after the first call. Idempotent.
   */
  stop(options: { deadlineMs: number }): Promise<void>;
}

export interface HttpServerOptions {
  app: Express;
  host: string;
  /** 0 takes a free port. */
  port: number;
  logger: Logger;
  /** Connections at a time, 4096 by default; fewer where the process may not open so many files. */
  maxConnections?: number | undefined;
  /** Bytes of a request's headers, 16 KiB by default; see `MAX_FORWARDED_HEADER_BYTES`. */
  maxHeaderBytes?: number;
  /** How long a port in use is tried again, 5000 by default: it may be an ephemeral port about to be freed. */
  bindRetryMs?: number;
  /** How long a stop waits for requests on connections that are idle, in milliseconds, 1000 by default. */
  stopGraceMs?: number | undefined;
}

/** Binds and listens. @throws Error that names the port and the way out when it stays in use. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const bound = connectionBound(options.maxConnections);
  const { maxHeaderBytes = MAX_HEADER_BYTES } = options;
  const server = http.createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
      connectionsCheckingInterval: CONNECTIONS_CHECK_MS,
      maxHeaderSize: maxHeaderBytes,
      // Node's own refusal is empty; the app refuses it with a problem.
      requireHostHeader: false,
    },
    (req, res) => {
      // Whoever asks whether the process lives must not conclude that it does not.
      if (!connections.isSurplus(req.socket) || req.url === '/livez') options.app(req, res);
      else refuseSurplus({ req, res, headers: appState(options.app).headers });
    },
  );
  server.maxConnections = bound.accepted;
  const connections = new Connections(server, bound.served);
  // Without a listener node answers 417 with nothing in it; expectations that are not known may be ignored.
  server.on('checkExpectation', (req, res) => server.emit('request', req, res));
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    answerClientError({
      socket,
      problem: clientProblem(error.code, { maxHeaderBytes }),
      isReset: error.code === 'ECONNRESET',
      answer: connections.answerOn(socket),
      headers: appState(options.app).headers,
    });
  });
  await bind({ server, host: options.host, port: options.port, retryMs: options.bindRetryMs ?? 5_000 });
  server.on('error', (error) => options.logger.error({ err: error }, 'the HTTP server reported an error'));

  const { port } = server.address() as AddressInfo;
  let stopped: Promise<void> | undefined;
  return {
    url: `http://${reachableHost(options.host)}:${port}`,
    port,
    stop: ({ deadlineMs }) => {
      beginStopping(options.app);
      const { stopGraceMs: graceMs = STOP_GRACE_MS } = options;
      stopped ??= connections.close({ deadlineMs, graceMs, logger: options.logger });
      return stopped;
    },
  };
}

/** The open connections of a server and the answer that each is waiting for. */
class Connections {
  readonly #server: http.Server;
  readonly #answers = new Map<Socket, http.ServerResponse | undefined>();
  readonly #surplus = new WeakSet<Socket>();
  #closing = false;
  #hasAccepted = false;
  #graceOver = false;

  constructor(server: http.Server, served: number) {
    this.#server = server;
    server.on('connection', (socket: Socket) => {
      this.#hasAccepted = true;
      this.#answers.set(socket, undefined);
      if (this.#answers.size > served) this.#surplus.add(socket);
      socket.once('close', () => this.#answers.delete(socket));
    });
    // Before the app's listener, so that "Connection: close" is set before anything is sent.
    server.prependListener('request', (req: http.IncomingMessage, res: http.ServerResponse) => {
      const { socket } = req;
      this.#answers.set(socket, res);
      if (this.#closing) res.setHeader('Connection', 'close');
      res.once('close', () => {
        if (this.#answers.get(socket) === res) this.#answers.set(socket, undefined);
        if (this.#graceOver) setImmediate(() => this.#closeIdle());
      });
    });
  }

  /** True for a connection that came when there were enough. */
  isSurplus(socket: Socket): boolean {
    return this.#surplus.has(socket);
  }

  answerOn(socket: Socket): http.ServerResponse | undefined {
    return this.#answers.get(socket);
  }

  async close(options: { deadlineMs: number; graceMs: number; logger: Logger }): Promise<void> {
    this.#closing = true;
    for (const res of this.#answers.values()) {
      if (res !== undefined && !res.headersSent) res.setHeader('Connection', 'close');
    }
    const startedAt = performance.now();
    const deadline = startedAt + options.deadlineMs;
    // Bounded: those who come again and again could hold up the stop.
    await this.#takeBacklog(Math.min(deadline, startedAt + BACKLOG_MS));
    // net's own close: http's would also end the timer that looks for slow clients, who could then hold up the stop.
    const closed = new Promise<void>((resolve) => {
      net.Server.prototype.close.call(this.#server, () => resolve());
    });
    const isOver = new AbortController();
    const graceEndsAt = Math.min(deadline, performance.now() + options.graceMs);
    await Promise.race([closed, this.#untilAsked(graceEndsAt, isOver.signal)]);
    isOver.abort();
    this.#graceOver = true;
    this.#closeIdle();
    const cutting = setTimeout(
      () => {
        options.logger.warn(
          { connections: this.#answers.size },
          'connections are cut off at the deadline of the stop',
        );
        for (const socket of this.#answers.keys()) socket.destroy();
      },
      Math.max(0, deadline - performance.now()),
    );
    await closed;
    clearTimeout(cutting);
    // Nobody is left to be slow: ends that timer.
    this.#server.close();
  }

  /**
   * Takes the connections that the kernel has already made in our name: it would reset them with the listener,
   * requests that were sent on them included. Node takes one a turn of its loop.
   */
  async #takeBacklog(giveUpAt: number): Promise<void> {
    do {
      this.#hasAccepted = false;
      // Two turns: the first may be the one that runs already, past its look at the listener.
      await turn();
      await turn();
    } while (this.#hasAccepted && performance.now() < giveUpAt);
  }

  /** Time for idle connections, and those made at the last moment: a request may be on the way. */
  async #untilAsked(giveUpAt: number, signal: AbortSignal): Promise<void> {
    await delay(Math.max(0, giveUpAt - performance.now()), undefined, { signal }).catch(() => undefined);
    // What has arrived is read before anything is closed, also where this process stood still meanwhile.
    await turn();
    await turn();
  }

  #closeIdle(): void {
    for (const [socket, res] of this.#answers) {
      if (res === undefined) socket.destroy();
    }
  }
}

async function bind(options: {
  server: http.Server;
  host: string;
  port: number;
  retryMs: number;
}): Promise<void> {
  const { server, host, port } = options;
  const giveUpAt = performance.now() + options.retryMs;
  for (;;) {
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ host, port }, () => {
          server.off('error', reject);
          resolve();
        });
      });
      return;
    } catch (error) {
      const inUse = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
      if (!inUse) throw new Error(`cannot listen on ${host}:${port}: ${String(error)}`, { cause: error });
      if (performance.now() + BIND_PAUSE_MS > giveUpAt) {
        throw new Error(
          `port ${port} on ${host} is in use by another process and stayed so for ${options.retryMs} ms; ` +
            'end that process or set PORT to another port (0 takes a free one)',
          { cause: error },
        );
      }
      await delay(BIND_PAUSE_MS);
    }
  }
}

/** There are more connections than can be served: said plainly, and the connection is given back. */
function refuseSurplus(options: {
  req: http.IncomingMessage;
  res: http.ServerResponse;
  headers: Readonly<Record<string, string>>;
}): void {
  const { req, res, headers } = options;
  const problem = new Problem({
    status: 503,
    detail: 'There are more connections than this service can serve. Try again a little later.',
    headers: { 'Retry-After': '1', Connection: 'close' },
  });
  res.writeHead(503, { ...headers, ...problem.headers, 'Content-Type': PROBLEM_MEDIA_TYPE });
  res.end(JSON.stringify(problem.toDetails(new URL(req.url ?? '/', 'http://local').pathname)));
}

/** Answers what never became a request; node would send an empty body. */
function answerClientError(options: {
  socket: Socket;
  problem: Problem;
  isReset: boolean;
  answer: http.ServerResponse | undefined;
  headers: Readonly<Record<string, string>>;
}): void {
  const { socket, problem, answer } = options;
  if (options.isReset || !socket.writable || answer?.headersSent === true) {
    socket.destroy();
    return;
  }
  const body = JSON.stringify(problem.toDetails('/'));
  const headers = {
    ...options.headers,
    'Content-Type': PROBLEM_MEDIA_TYPE,
    'Content-Length': String(Buffer.byteLength(body)),
    Connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${problem.status} ${problem.title}\r\n${lines.join('')}\r\n${body}`);
}

function clientProblem(code: string | undefined, { maxHeaderBytes }: { maxHeaderBytes: number }): Problem {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new Problem({ status: 431, detail: `The headers are larger than ${maxHeaderBytes} bytes.` });
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new Problem({ status: 408, detail: 'The request did not arrive in time.' });
    default:
      return new Problem({ status: 400, detail: 'This is not a valid HTTP request.' });
  }
}

function reachableHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}
