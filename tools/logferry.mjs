#!/usr/bin/env node
// npx logferry: the command line of a running Logferry, by the way that all commands begin.
process.argv.splice(2, 0, 'logferry');
await import('./bootstrap.mjs');
