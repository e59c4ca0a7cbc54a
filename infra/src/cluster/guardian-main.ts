/**
 * The guardian's program: `node guardian-main.ts DATA_DIR`, with a pipe from its supervisor as standard input.
 */
import { endWhatIsLeft } from './guardian.ts';

const dataDir = process.argv[2] ?? '';
process.stdin.resume();
process.stdin.once('close', () => void endWhatIsLeft({ dataDir, environment: process.env }));
