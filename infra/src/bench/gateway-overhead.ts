/**
 * What the gateway costs a request: the same read, straight to a replica and through the gateway, by turns.
 *
 * By turns, because a machine that is busy for a moment is then busy for both, and straight to each replica in its turn, as
 * the gateway asks them: one that is asked less often is slower. One request after the other on one kept connection each,
 * so that what is measured is time on the way and not in a queue.
 */
import http from 'node:http';
import { median } from './interleaved.ts';

const ANSWER_MS = 30_000;

/** What to compare. */
export interface GatewayOverheadOptions {
  /** At least one. */
  readonly replicaUrls: readonly string[];
  readonly gatewayUrl: string;
  /** Asked for on both. */
  readonly path: string;
  /** Requests of each kind that count; a tenth of it warms up before. */
  readonly requests: number;
  /** Longest silence of an answer, in milliseconds. Default: 30 000. */
  readonly answerMs?: number;
}

/** Medians in milliseconds. */
export interface GatewayOverhead {
  readonly directMs: number;
  readonly gatewayMs: number;
}

/** Measures. @throws when an answer is not 200, or does not come. */
export async function measureGatewayOverhead(options: GatewayOverheadOptions): Promise<GatewayOverhead> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const how = { agent, answerMs: options.answerMs ?? ANSWER_MS };
  const times = { direct: [] as number[], gateway: [] as number[] };
  const warmUps = Math.ceil(options.requests / 10);
  try {
    for (let n = 0; n < options.requests + warmUps; n += 1) {
      const replicaUrl = options.replicaUrls[n % options.replicaUrls.length] ?? '';
      const direct = await timed(how, replicaUrl + options.path);
      const gateway = await timed(how, options.gatewayUrl + options.path);
      if (n < warmUps) continue;
      times.direct.push(direct);
      times.gateway.push(gateway);
    }
  } finally {
    agent.destroy();
  }
  return { directMs: median(times.direct), gatewayMs: median(times.gateway) };
}

function timed({ agent, answerMs }: { agent: http.Agent; answerMs: number }, url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const begunMs = performance.now();
    const request = http.get(url, { agent, timeout: answerMs }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`${url} answered ${answer.statusCode}`));
      answer.on('end', () => resolve(performance.now() - begunMs));
      answer.on('error', reject);
      answer.resume();
    });
    request.on('timeout', () => request.destroy(new Error(`${url} did not answer in time`)));
    request.on('error', reject);
  });
}
