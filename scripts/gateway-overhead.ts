/**
 * `node scripts/gateway-overhead.ts [data directory]`: what the gateway of a running `pnpm dev` costs a read.
 */
import { join, resolve } from 'node:path';
import { errorText, InfraError, measureGatewayOverhead, readDevFile } from '@dbsync/infra';

const ORDERS = 50;

async function main(): Promise<void> {
  const { gateway, orderReplicas } = readDevFile(join(resolve(process.argv[2] ?? '.data'), 'dev.json'));
  const [replica] = orderReplicas;
  if (gateway === null || replica === undefined) {
    throw new InfraError({
      code: 'not-found',
      message: 'There is no gateway or no replica.',
      hint: 'See dev.json.',
    });
  }
  const path = `/order-service/overhead-${process.pid}/orders`;
  for (let n = 0; n < ORDERS; n += 1) {
    await fetch(replica.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'write-concern': 'log' },
      body: JSON.stringify({ productId: 'tea', quantity: 1, unitPrice: 100 }),
    });
  }
  const { directMs, gatewayMs, ratio } = await measureGatewayOverhead({
    replicaUrl: replica.url,
    gatewayUrl: gateway.url,
    path,
    requests: 1000,
  });
  console.log(
    `GET of ${ORDERS} orders, p50 of 1000: ${directMs.toFixed(2)} ms direct, ${gatewayMs.toFixed(2)} ms through the gateway, ratio ${ratio.toFixed(2)}`,
  );
}

main().catch((error: unknown) => {
  process.stderr.write(`${errorText(error)}\n`);
  process.exit(2);
});
