/**
 * kafkajs reading the change topic from its start to its end and doing nothing with it: nobody can apply faster.
 */
import { rawTopic } from '@dbsync/replication/testing';

const task = JSON.parse(process.argv[2] ?? '') as { readonly bootstrap: string };

const { records, ms } = await rawTopic(task.bootstrap, 'orders.changes').drain();
process.stdout.write(`${JSON.stringify({ perSecond: (records / ms) * 1000 })}\n`);
