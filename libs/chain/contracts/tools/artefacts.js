// Writes what Python needs of each deployed contract, and nothing that changes from machine to machine.
const { createHash } = require("crypto");
const { mkdirSync, readdirSync, readFileSync, writeFileSync } = require("fs");
const { join } = require("path");

const CONTRACTS = [
  ...["StableToken", "NativeToken", "InsurancePool", "EpochAnchors", "Judge", "Payment", "Challenges"],
  ...["StakeVault", "Restaking", "Slashing", "Purses", "Purse"],
  ...["Rewards", "MedianOracle", "Treasury", "Credit", "Timelock", "Governance"],
];
// What the benchmarks deploy beside them, and no network does.
const PEERS = ["NettedPayments"];
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

// EIP-170: no chain takes more code than this.
const SIZE_MAX = 24576;

mkdirSync(target, { recursive: true });
const write = (folder, name) => {
  const built = JSON.parse(readFileSync(join(root, "out", `${name}.sol`, `${name}.json`), "utf8"));
  const size = (built.deployedBytecode.object.length - 2) / 2;
  if (size > SIZE_MAX) throw new Error(`${name} has ${size} bytes of code, more than ${SIZE_MAX}`);
  const artefact = { abi: built.abi, bytecode: built.bytecode.object, size };
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(artefact, null, 1) + "\n");
};
for (const name of CONTRACTS) write(target, name);
for (const name of PEERS) write(join(root, "../../../bench/settlement"), name);

const digests = Object.fromEntries(sources.map((path) => [path, digest(path)]));
writeFileSync(join(target, "sources.json"), JSON.stringify(digests, null, 1) + "\n");
