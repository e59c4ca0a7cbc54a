import { describe, expect, it } from 'vitest';
import { checkImports } from '../../src/source-rules/import-rules.ts';
import { scanSource } from '../../src/source-rules/source-file.ts';

/** A repository that keeps every rule. */
const clean: Readonly<Record<string, string>> = {
  'services/order-service/src/main.ts':
    "import { runService } from '@dbsync/service-kit';\nimport './app.ts'; process.env;",
  'services/order-service/src/app.ts':
    "import './config.ts'; import './routes/orders.ts'; import express from 'express';",
  'services/order-service/src/config.ts': "import { z } from 'zod'; process.env.PORT;",
  'services/order-service/src/routes/orders.ts': "import '../domain/order.ts'; import '../schema/table.ts';",
  'services/order-service/src/schema/table.ts': "import '../domain/order.ts';",
  'services/order-service/src/domain/order.ts':
    "import { x } from '@dbsync/replication'; import './money.ts';",
  'services/order-service/test/app.test.ts': "import '../src/app.ts'; process.env.CI;",
  'services/user-service/test/app.test.ts': "import { a } from '@dbsync/balancing/testing';",
  'services/user-service/src/schema/users.ts': "import knex from 'knex'; import sqlite3 from 'sqlite3';",
  'shared/replication/src/kafka.ts': "import { Kafka } from 'kafkajs';",
  'shared/replication/src/sqlite.ts': "import knex from 'knex';",
  'shared/replication/testing/memory.ts': "import '../src/kafka.ts';",
  'shared/service-kit/src/runner.ts': "process.on('SIGTERM', f); process.exit(1);",
  'shared/service-kit/src/app.ts': "import express from 'express';",
  'infra/src/dev.ts': "import { a } from '@dbsync/replication'; const text = 'process.exit';",
  'infra/testing/broker.ts': 'process.env;',
  'scripts/dev.ts':
    "import { b } from '@dbsync/infra'; process.on('SIGINT', f); process.exit(process.env.X);",
};

function breaches(planted: Readonly<Record<string, string>> = {}) {
  const files = Object.entries({ ...clean, ...planted }).map(([path, text]) => scanSource(path, text));
  return checkImports(files).map(({ where, what }) => `${where} ${what}`);
}

describe('the import rules', () => {
  it('find nothing in a repository that keeps them', () => {
    expect(breaches()).toEqual([]);
  });

  it.each([
    ['services/order-service/src/domain/order.ts', "import '../routes/orders.ts';", 'domain imports routes'],
    [
      'services/order-service/src/domain/order.ts',
      "import type { A } from '../app.ts';",
      'domain imports app',
    ],
    [
      'services/order-service/src/routes/orders.ts',
      "export * from '../app.ts';",
      'routes and adapters imports app',
    ],
    ['services/order-service/src/app.ts', "await import('./main.ts');", 'app imports main'],
    ['services/order-service/src/routes/orders.ts', "import '../config.ts';", 'only main.ts and app.ts'],
    ['services/order-service/src/config.ts', "import './domain/order.ts';", 'config.ts imports from its own'],
    [
      'services/order-service/src/app.ts',
      "import '../../user-service/src/app.ts';",
      'a path out of the package',
    ],
    ['services/order-service/src/app.ts', "import '@dbsync/user-service';", 'imports @dbsync/user-service'],
    ['services/order-service/src/app.ts', "import '@dbsync/infra';", 'imports @dbsync/infra'],
    [
      'services/order-service/src/app.ts',
      "import '../../../shared/replication/src/kafka.ts';",
      'a path out of',
    ],
    ['services/order-service/test/app.test.ts', "import '../../user-service/src/app.ts';", 'a path out of'],
    [
      'shared/replication/src/chain.ts',
      "import express from 'express';",
      'imports express or the service kit',
    ],
    [
      'shared/replication/src/chain.ts',
      "import { log } from '@dbsync/service-kit';",
      'imports @dbsync/service-kit',
    ],
    ['shared/replication/src/chain.ts', 'const a = process.env.HOME;', 'reads process.env'],
    ['shared/replication/src/chain.ts', "import 'kafkajs';", 'imported by 2 files'],
    ['shared/replication/src/kafka.ts', '', 'imported by 0 files'],
    ['services/order-service/src/app.ts', "import type { Kafka } from 'kafkajs';", 'imported by 2 files'],
    ['shared/replication/src/chain.ts', "const s = require('sqlite3');", 'imported by 2 files'],
    ['shared/replication/test/chain.test.ts', "import knex from 'knex';", 'imported by 2 files'],
    ['services/user-service/src/domain/user.ts', "import 'sqlite3';", 'imported by 2 files'],
    ['infra/src/dev.ts', "import express from 'express';", 'imports express'],
    ['scripts/dev.ts', "import { Router } from 'express/lib/router';", 'imports express'],
    ['infra/src/dev.ts', 'process.exit(1);', 'ends the process'],
    ['infra/src/dev.ts', "process.once('SIGTERM', stop);", 'ends the process'],
    ['infra/src/dev.ts', 'process.exitCode = 1;', 'ends the process'],
    ['services/order-service/src/main.ts', "process.on('SIGINT', stop);", 'ends the process'],
    ['infra/src/dev.ts', 'const { PATH } = process.env;', 'reads process.env'],
    ['services/order-service/src/domain/order.ts', 'process.env.PORT', 'reads process.env'],
  ])('find in %s: %s', (path, text, what) => {
    const found = breaches({ [path]: text });
    expect(found.join('\n')).toContain(what);
    expect(found.join('\n')).toContain(path.startsWith('shared/replication/src/kafka') ? '' : path);
  });
});
