import { beforeEach, describe, expect, it } from 'vitest';
import { composeFile, secureComposeFile } from '../../testing/containers/compose-file.ts';
import { findCompose, findEngine, withComposeProject } from '../../testing/containers/index.ts';

const engine = await findEngine();
const compose = 'absent' in engine ? null : await findCompose();

beforeEach(({ skip }) => {
  if ('absent' in engine) skip(engine.absent);
  if (compose === null && process.env.CI !== 'true') skip('there is no compose command');
});

describe('docker compose up', () => {
  it.each([
    { kafka: 'in plain text', files: [composeFile], retired: 'order-3' },
    { kafka: 'by TLS and SASL', files: [composeFile, secureComposeFile] },
  ])(
    'ends healthy with Kafka $kafka, and only the gateway can be reached from outside',
    // Longer than the time limits of its commands together, so that the one that hangs says so.
    { timeout: 360_000 },
    async ({ files, retired }) => {
      if ('absent' in engine || compose === null) throw new Error('In CI a compose command must be there.');
      await withComposeProject(
        { compose, images: engine, files, services: 6 },
        async ({ gatewayUrl, published, compose: call }) => {
          expect(published).toEqual([`gateway ${gatewayUrl.replace('http://', '')}->8080/tcp`]);
          expect((await fetch(`${gatewayUrl}/readyz`)).status).toBe(200);
          const order = await fetch(`${gatewayUrl}/order-service/ada/orders`, {
            method: 'POST',
            headers: { 'content-type': 'application/json', 'Write-Concern': 'log' },
            body: JSON.stringify({ productId: 'tea', quantity: 1, unitPrice: 350 }),
            signal: AbortSignal.timeout(10_000),
          });
          expect(order.status).toBe(201);
          // What docs/deploy.md says of retiring a replica for good.
          if (retired === undefined) return;
          await call('stop', retired);
          for (const replica of ['order-1', 'order-2']) {
            const ask = ['exec', '-T', replica, 'ask-service', '/replication/removed'];
            await call(...ask.slice(0, -1), `/replication/removed/${retired}`, 'PUT');
            expect(await call(...ask)).toContain(`["${retired}"]`);
          }
        },
      );
    },
  );
});
