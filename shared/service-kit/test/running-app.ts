/**
 * A service app on a free port of this machine, for tests that talk to it over real HTTP.
 *
 * Log lines are kept, so that tests can look at what was logged. Every app started here is stopped by
 * `stopAll`, which test files call after each test.
 */
import net from 'node:net';
import type { Express } from 'express';
import {
  createLogger,
  createMetrics,
  createServiceApp,
  type HttpServer,
  type HttpServerOptions,
  startHttpServer,
} from '../src/index.ts';
import type { ServiceAppOptions } from '../src/service-app.ts';

export interface RunningApp {
  app: Express;
  server: HttpServer;
  url: string;
  logLines: string[];
}

const running: HttpServer[] = [];

export async function startApp(
  options: Partial<
    Omit<ServiceAppOptions, 'logger' | 'metrics'> & Pick<HttpServerOptions, 'maxHeaderBytes'>
  > = {},
): Promise<RunningApp> {
  const logLines: string[] = [];
  const destination = { write: (line: string) => void logLines.push(line) };
  const logger = createLogger({ name: 'test', level: 'info', destination });
  const app = createServiceApp({
    logger,
    metrics: createMetrics({ service: 'test' }),
    headers: { 'X-Served-By': 'test-1' },
    readiness: () => ({ ready: true, reasons: [] }),
    routes: () => undefined,
    ...options,
  });
  const { maxHeaderBytes } = options;
  const server = await startHttpServer({
    app,
    host: '127.0.0.1',
    port: 0,
    logger,
    stopGraceMs: 200,
    ...(maxHeaderBytes === undefined ? {} : { maxHeaderBytes }),
  });
  running.push(server);
  return { app, server, url: server.url, logLines };
}

export async function stopAll(): Promise<void> {
  await Promise.all(running.splice(0).map((server) => server.stop({ deadlineMs: 1_000 })));
}

/** Sends bytes as they are and returns everything that comes back until the server closes the connection. */
export function sendRaw(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.setTimeout(10_000, () => socket.destroy(new Error(`no answer in 10 s, so far: ${answer}`)));
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(answer));
  });
}
