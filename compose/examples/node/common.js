// What the programs share: the connection, the position that they keep, the bindings.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { connect } from 'nats';

export async function bindings() {
  const here = dirname(fileURLToPath(import.meta.url));
  if (!existsSync(join(here, 'gen', 'kubus.js'))) await import('./bindings.js');
  return import('./gen/kubus.js');
}

export function readState(file) {
  return existsSync(file) ? BigInt(JSON.parse(readFileSync(file, 'utf8')).revision) : undefined;
}

export function writeState(file, revision) {
  writeFileSync(`${file}.new`, JSON.stringify({ revision: String(revision) }) + '\n');
  renameSync(`${file}.new`, file);
}

export const readCredentials = (file) => JSON.parse(readFileSync(file, 'utf8'));

export function openBus(credentials, name) {
  const tls = credentials.ca && {
    caFile: credentials.ca,
    certFile: credentials.cert || undefined,
    keyFile: credentials.key || undefined,
  };
  return connect({
    servers: credentials.servers,
    user: credentials.user || undefined,
    pass: credentials.password || undefined,
    tls: tls || undefined,
    name,
    maxReconnectAttempts: -1,
    waitOnFirstConnect: true, // the server may just be starting
    reconnectTimeWait: 250,
  });
}
