// Writes what Python needs of each deployed contract, and nothing that changes from machine to machine.
const { createHash } = require("crypto");
const { mkdirSync, readdirSync, readFileSync, writeFileSync } = require("fs");
const { join } = require("path");

const CONTRACTS = ["StableToken", "NativeToken", "Escrow", "Stake", "InsurancePool", "EpochAnchors", "Judge"];
const root = join(__dirname, "..");
const target = process.argv[2];

// What the artefacts follow from; a test holds these digests, so that a stale artefact shows without a compiler.
const solidity = (folder) => readdirSync(join(root, folder)).filter((name) => name.endsWith(".sol")).sort();
const sources = [
  "foundry.toml",
  "package-lock.json",
  ...solidity("src").map((name) => `src/${name}`),
  ...solidity("src/interfaces").map((name) => `src/interfaces/${name}`),
];
const digest = (path) => createHash("sha256").update(readFileSync(join(root, path))).digest("hex");

mkdirSync(target, { recursive: true });
for (const name of CONTRACTS) {
  const built = JSON.parse(readFileSync(join(root, "out", `${name}.sol`, `${name}.json`), "utf8"));
  const artefact = { abi: built.abi, bytecode: built.bytecode.object };
  writeFileSync(join(target, `${name}.json`), JSON.stringify(artefact, null, 1) + "\n");
}

const digests = Object.fromEntries(sources.map((path) => [path, digest(path)]));
writeFileSync(join(target, "sources.json"), JSON.stringify(digests, null, 1) + "\n");
