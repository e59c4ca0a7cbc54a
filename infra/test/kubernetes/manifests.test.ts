/**
 * The manifests, held against what the services themselves take and need. That they are valid is `infra/kubernetes/check`'s
 * business; here is what a schema does not know: names of variables, paths, and that nothing was forgotten.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';

const root = new URL('../../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8');

const container = z.looseObject({
  name: z.string(),
  args: z.array(z.string()).optional(),
  envFrom: z.array(z.unknown()).optional(),
  env: z
    .array(
      z.object({
        name: z.string(),
        value: z.string().optional(),
        valueFrom: z.object({ fieldRef: z.object({ fieldPath: z.literal('metadata.name') }) }).optional(),
      }),
    )
    .default([]),
});
const workload = z.looseObject({
  kind: z.enum(['StatefulSet', 'Deployment']),
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({
    template: z.looseObject({
      metadata: z.looseObject({ labels: z.record(z.string(), z.string()) }).optional(),
      spec: z.looseObject({ containers: z.tuple([container]) }),
    }),
  }),
});
const kustomization = z.looseObject({
  configMapGenerator: z.array(z.looseObject({ name: z.string(), literals: z.array(z.string()).optional() })),
});

interface KubernetesObject {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Record<string, unknown>;
}
const objectsIn = (file: string): KubernetesObject[] =>
  parseAllDocuments(read(`infra/kubernetes/${file}`)).map((document) => document.toJS() as KubernetesObject);

const objects = ['order-replicas.yaml', 'user-service.yaml', 'gateway.yaml'].flatMap((name) =>
  objectsIn(`base/${name}`),
);
const workloads = objects
  .filter(({ kind }) => kind === 'StatefulSet' || kind === 'Deployment')
  .map((object) => workload.parse(object));

const pairs = (lines: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    lines
      .filter((line) => line !== '')
      .map((line) => [line.split('=', 1)[0], line.slice(line.indexOf('=') + 1)]),
  );
const literals = (overlay: string): Record<string, string> => {
  const { configMapGenerator } = kustomization.parse(
    parse(read(`infra/kubernetes/${overlay}/kustomization.yaml`)),
  );
  return pairs(configMapGenerator.find(({ name }) => name === 'dbsync')?.literals ?? []);
};
/** What the image sets for all services. */
const ofImage = pairs(
  [...read('infra/images/service.Dockerfile').matchAll(/^ENV (.*)$/gm)].flatMap(([, line = '']) =>
    line.split(' '),
  ),
);
const secret = pairs(read('infra/kubernetes/example/secret.env.example').trim().split('\n'));
const caFile = fileURLToPath(new URL('package.json', root));

/** The environment of a workload's container, as a cluster would make it. */
function environmentOf(name: string, overlay: 'base' | 'example'): Record<string, string> {
  const parts = [workloads.find(({ metadata }) => metadata.name === name)];
  if (overlay === 'example')
    parts.push(
      ...objectsIn('example/order-replicas.yaml')
        .filter(({ metadata }) => metadata.name === name)
        .map((patch) => workload.parse(patch)),
    );
  const environment: Record<string, string> = {
    ...ofImage,
    ...literals('base'),
    ...(overlay === 'example' ? { ...literals('example'), KAFKA_SSL_CA_FILE: caFile, ...secret } : {}),
    DBSYNC_SECRET: secret.DBSYNC_SECRET ?? '',
  };
  for (const { env } of parts.flatMap((part) => part?.spec.template.spec.containers ?? [])) {
    for (const { name: variable, value } of env)
      environment[variable] =
        value?.replace(/\$\((\w+)\)/g, (_, other: string) => environment[other] ?? `$(${other})`) ??
        `${name}-0`;
  }
  return environment;
}

const services = [
  ['order', 'order-service'],
  ['user-service', 'user-service'],
  ['gateway', 'gateway'],
] as const;

describe.each(['base', 'example'] as const)('the environment that %s gives', (overlay) => {
  it.each(services)(
    '%s is taken by it: of all variables it refuses only the one that the test spoils',
    (name, service) => {
      const { status, stderr, stdout } = spawnSync(process.execPath, [`services/${service}/src/main.ts`], {
        cwd: fileURLToPath(root),
        env: { ...environmentOf(name, overlay), PORT: 'spoilt', NODE_OPTIONS: '', NODE_COMPILE_CACHE: '' },
        encoding: 'utf8',
        timeout: 30_000,
      });
      const said = `${stdout}${stderr}`;
      const refused = [
        ...said.matchAll(
          /\b(?:KAFKA|DBSYNC)_[A-Z_]+|\b(?:PORT|HOST|REPLICA_ID|ADVERTISED_URL|DATABASE_FILE|LOG_LEVEL|USER_SERVICE_URL)\b/g,
        ),
      ];
      expect({ status, refused: [...new Set(refused.map(String))], said }).toMatchObject({
        status: 2,
        refused: ['PORT'],
      });
    },
  );
});

it('a replica is named after its pod and told so to the others', () => {
  expect(environmentOf('order', 'base')).toMatchObject({
    REPLICA_ID: 'order-0',
    ADVERTISED_URL: 'http://order-0.order-replicas:8080',
  });
});

describe.each(services)('the workload %s', (name, service) => {
  const found = workloads.find(({ metadata }) => metadata.name === name);
  const pod = found?.spec.template.spec;
  const [main] = pod?.containers ?? [];

  it('runs its service, as nobody in particular, on a file system that it cannot write', () => {
    expect(main).toMatchObject({
      image: 'dbsync/service',
      args: [service],
      securityContext: {
        readOnlyRootFilesystem: true,
        allowPrivilegeEscalation: false,
        capabilities: { drop: ['ALL'] },
      },
      resources: { requests: expect.anything(), limits: { memory: expect.any(String) } },
    });
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: { runAsNonRoot: true, runAsUser: 10001, seccompProfile: { type: 'RuntimeDefault' } },
    });
  });

  it('is asked where the service answers, and leaves the balance before it ends', () => {
    expect(main).toMatchObject({
      ports: [{ name: 'http', containerPort: Number(ofImage.PORT) }],
      livenessProbe: { httpGet: { path: '/livez', port: 'http' } },
      readinessProbe: { httpGet: { path: '/readyz', port: 'http' } },
      lifecycle: { preStop: { exec: { command: ['sleep', '5'] } } },
    });
    // Five seconds before SIGTERM, and ten that the service takes at most.
    expect(pod?.terminationGracePeriodSeconds).toBeGreaterThan(15);
  });
});

describe('order replicas', () => {
  const set = workloads.find(({ metadata }) => metadata.name === 'order');
  const label = set?.spec.template.metadata?.labels ?? {};

  it('have a volume each where the database is, which stays when a pod or the set goes', () => {
    expect(set?.spec).toMatchObject({
      serviceName: 'order-replicas',
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      volumeClaimTemplates: [{ metadata: { name: 'data' } }],
      template: { spec: { containers: [{ volumeMounts: [{ name: 'data', mountPath: '/data' }] }] } },
    });
    expect(ofImage.DATABASE_FILE).toMatch(/^\/data\//);
  });

  it('are found by a headless service, ready or not, and spread over nodes', () => {
    const headless = objects.find(
      ({ kind, metadata }) => kind === 'Service' && metadata.name === 'order-replicas',
    );
    expect(headless?.spec).toMatchObject({
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: label,
    });
    expect(set?.spec.template.spec.affinity).toMatchObject({
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          {
            podAffinityTerm: { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: label } },
          },
        ],
      },
    });
  });

  it('leave one at a time', () => {
    const budget = objects.find(
      ({ kind, metadata }) => kind === 'PodDisruptionBudget' && metadata.name === 'order',
    );
    expect(budget?.spec).toEqual({ maxUnavailable: 1, selector: { matchLabels: label } });
  });
});
