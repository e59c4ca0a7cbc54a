/**
 * What the gateway costs a request: the same read, straight to a replica and through the gateway, by turns.
 *
 * By turns, because a machine that is busy for a moment is then busy for both. One request after the other on one
 * kept connection each, so that what is measured is time on the way and not in a queue.
 */
import http from 'node:http';

/** What to compare. */
export interface GatewayOverheadOptions {
  readonly replicaUrl: string;
  readonly gatewayUrl: string;
  /** Asked for on both. */
  readonly path: string;
  /** Requests of each kind that count; a tenth of it warms up before. */
  readonly requests: number;
}

/** Medians in milliseconds, and gateway by direct. */
export interface GatewayOverhead {
  readonly directMs: number;
  readonly gatewayMs: number;
  readonly ratio: number;
}

/** Measures. @throws when an answer is not 200. */
export async function measureGatewayOverhead(options: GatewayOverheadOptions): Promise<GatewayOverhead> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const times = { direct: [] as number[], gateway: [] as number[] };
  const warmUps = Math.ceil(options.requests / 10);
  try {
    for (let n = 0; n < options.requests + warmUps; n += 1) {
      const direct = await timed(agent, options.replicaUrl + options.path);
      const gateway = await timed(agent, options.gatewayUrl + options.path);
      if (n < warmUps) continue;
      times.direct.push(direct);
      times.gateway.push(gateway);
    }
  } finally {
    agent.destroy();
  }
  const [directMs, gatewayMs] = [median(times.direct), median(times.gateway)];
  return { directMs, gatewayMs, ratio: gatewayMs / directMs };
}

function timed(agent: http.Agent, url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const begunMs = performance.now();
    const request = http.get(url, { agent }, (answer) => {
      if (answer.statusCode !== 200) reject(new Error(`${url} answered ${answer.statusCode}`));
      answer.on('end', () => resolve(performance.now() - begunMs));
      answer.on('error', reject);
      answer.resume();
    });
    request.on('error', reject);
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
