/**
 * `pnpm dbsync`: from words to commands.
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { InfraError } from '../infra-error.ts';
import { findReplicas } from '../verify/replica-list.ts';
import { acceptSchemaCommand } from './accept-schema-command.ts';
import { hiddenCommand } from './hidden-command.ts';
import { type OperatorCommand, unknownWords } from './operator.ts';
import { callReplica } from './operator-call.ts';
import { quarantineCommand } from './quarantine-command.ts';
import { replicaCommand } from './replica-command.ts';
import { describe, loadSnapshot, requiredFile, saveSnapshotCommand } from './snapshot-command.ts';
import { statusCommand } from './status-command.ts';

/** What `--help` prints. */
const operateHelp = `pnpm dbsync COMMAND: what an operator asks of replicas, and tells them

  status                        what each replica is doing
  quarantine list               records on the topic that are no event of ours
  quarantine show ID            one of them with its bytes
  quarantine discard ID         forget one of them; the log still has it
  hidden list                   rows that are kept but that this build's rules refuse
  hidden show ORIGIN:SEQ        one of them
  hidden recheck                after an upgrade: show those that pass now
  replica list                  replica ids that were said to be gone for good
  replica remove ID             this one is: its writes that nobody holds are gone, do not wait for them
  replica restore ID            it may come back after all
  accept-log                    use a log in which nothing is ours (a replica has stopped and says so)
  accept-schema                 write rows in the newest version although a replica of an older build may come back
  snapshot save FILE            a backup of one running replica, rows and positions
  snapshot load FILE            put it into the empty directory of a replica that does not run

  --data-dir DIR   the data directory of pnpm dev (default .data)
  --urls A,B       order replicas by URL, instead of --data-dir
  --replica ID     for snapshot load: whose directory under --data-dir (default order-1)
  --json           for machines
  --help           this text

exit: 0 done, 1 refused or not answered, 2 wrong usage`;

const commands: Readonly<Record<string, OperatorCommand>> = {
  status: statusCommand,
  quarantine: quarantineCommand,
  hidden: hiddenCommand,
  replica: replicaCommand,
  'accept-log': async ({ replicas, isJson, print }) => {
    for (const { url } of replicas) {
      const answer = z.object({ accepted: z.literal(true) });
      await callReplica({ url, path: '/replication/accept-log', method: 'POST', answer });
      print(isJson ? JSON.stringify({ url, accepted: true }) : `${url}  goes on with this log`);
    }
    return 0;
  },
  'accept-schema': acceptSchemaCommand,
};

/** Runs the command that the words name. @throws InfraError; `bad-usage` for what cannot be understood. */
export async function operate(args: readonly string[], print: (line: string) => void): Promise<number> {
  const { values, positionals } = readArguments(args);
  const [name, ...words] = positionals;
  if (values.help || name === undefined) {
    print(operateHelp);
    return values.help ? 0 : 2;
  }
  if (name === 'snapshot' && words[0] === 'load') {
    const file = requiredFile(words[1], 'snapshot load FILE');
    const database = join(values['data-dir'], values.replica, 'orders.db');
    const manifest = await loadSnapshot({ file, database });
    print(
      values.json
        ? JSON.stringify({ database, ...manifest })
        : `loaded ${describe(manifest)} into ${database}`,
    );
    return 0;
  }
  const command = name === 'snapshot' && words[0] === 'save' ? saveSnapshotCommand : commands[name];
  if (!command)
    throw unknownWords(
      name,
      words,
      'status, quarantine, hidden, replica, accept-log, accept-schema, snapshot',
    );
  const replicas = findReplicas({ dataDir: values['data-dir'], urls: values.urls });
  return command({ replicas, words, isJson: values.json, print });
}

function readArguments(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        'data-dir': { type: 'string', default: '.data' },
        urls: { type: 'string' },
        replica: { type: 'string', default: 'order-1' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new InfraError({ code: 'bad-usage', message, hint: 'pnpm dbsync --help', cause });
  }
}
