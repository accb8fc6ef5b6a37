// Makes gen/kubus.js, the JavaScript bindings of what rides on the bus, from the published schemas:
// flatc writes TypeScript, esbuild joins it into one module.
//
//   node bindings.js          KUBUS_SCHEMAS: the folder of the schemas (default: the source tree's)
//                             FLATC: the compiler (default: flatc)
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const schemas = process.env.KUBUS_SCHEMAS ?? join(here, '../../../schemas');
const flatc = process.env.FLATC ?? 'flatc';
const out = join(here, 'gen');

const files = [
  'bus/envelope.fbs',
  'bus/event.fbs',
  'meta/v1/meta.fbs',
  'core/v1/common.fbs',
  'core/v1/volume.fbs',
  'core/v1/pod.fbs',
];
const exported = {
  wire: ['event', 'event-type', 'head', 'lane', 'operation', 'replies', 'request', 'verb'],
  'core/v1': ['pod'],
};

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
execFileSync(flatc, ['--ts', '-I', schemas, '-o', out, ...files.map((f) => join(schemas, f))], {
  stdio: 'inherit',
});
const index = Object.entries(exported).flatMap(([folder, modules]) =>
  modules.map((m) => `export * from './kubus/${folder}/${m}';\n`),
);
writeFileSync(join(out, 'index.ts'), index.join(''));
await build({
  entryPoints: [join(out, 'index.ts')],
  outfile: join(out, 'kubus.js'),
  bundle: true,
  format: 'esm',
  platform: 'node',
  external: ['flatbuffers'],
  logLevel: 'warning',
});
