#!/usr/bin/env node
// Lets forge use the compiler of the npm package `solc`, which needs no download at build time.
const { readFileSync } = require("fs");
const solc = require("solc");

if (process.argv.includes("--version")) {
  const version = solc.version().replace(".Emscripten.clang", ".Linux.g++");
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${version}`);
} else {
  process.stdout.write(solc.compile(readFileSync(0, "utf8")));
}
