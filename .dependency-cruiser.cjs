// Dependencies point down, without cycles. A layer may import itself, what stands in its list, and `result` and
// `telemetry`, which everybody may import and which import nothing of ours.
const layers = {
  process: [],
  framing: [],
  tcp: ["process", "framing/(framing|line|length)"],
  otp: ["process"],
  tls: ["tcp", "process", "framing"],
  server: ["otp", "tcp", "tls", "process", "framing"],
  reconnect: ["otp", "tcp", "tls", "process", "framing"],
  xstate: ["server", "otp", "tcp", "tls", "process", "framing"],
  testing: ["otp", "tcp", "process", "framing"],
  unwrap: ["tcp", "process"],
  index: ["process", "tcp", "unwrap"],
};

/** The files of these layers: src/otp/actor.ts, src/otp.ts. */
const filesOf = (names) => `^src/(${names.join("|")})(/|\\.ts$)`;

/** Only `owner`, a file or a folder, may import the module. */
const onlyIn = (name, owner, modules) => ({
  name,
  severity: "error",
  comment: `Only ${owner} imports ${modules}`,
  from: { path: "^src/", pathNot: `^${owner.replaceAll(".", "\\.")}${owner.endsWith("/") ? "" : "$"}` },
  to: { path: `^(node:)?(${modules})(/|$)|(^|/)node_modules/(${modules})/` },
});

const directions = Object.entries(layers).map(([layer, below]) => ({
  name: `${layer}-points-down`,
  severity: "error",
  comment: `${layer} may import: ${["itself", ...below, "result", "telemetry"].join(", ")}`,
  from: { path: filesOf([layer]) },
  to: { path: "^src/", pathNot: filesOf([layer, ...below, "result", "telemetry"]) },
}));

// The one exception: a mailbox knows the type of a TCP message.
for (const rule of directions) {
  if (rule.name !== "process-points-down") continue;
  rule.to.pathNot = [rule.to.pathNot, "^src/tcp/message\\.ts$"];
}

module.exports = {
  forbidden: [
    ...directions,
    {
      name: "process-knows-tcp-messages-by-type-only",
      severity: "error",
      from: { path: filesOf(["process"]) },
      to: { path: "^src/tcp/message\\.ts$", dependencyTypesNot: ["type-only"] },
    },
    {
      name: "result-and-telemetry-import-nothing-of-ours",
      severity: "error",
      from: { path: filesOf(["result", "telemetry"]) },
      to: { path: "^src/", pathNot: "^src/telemetry/" },
    },
    {
      name: "every-file-has-a-layer",
      severity: "error",
      comment: "Say in .dependency-cruiser.cjs what the new file or folder may import",
      from: { path: "^src/", pathNot: filesOf([...Object.keys(layers), "result", "telemetry"]) },
      to: {},
    },
    onlyIn("net-only-in-the-transport", "src/tcp/(address|dial|node-transport|serve|transport).ts", "net"),
    onlyIn("tls-only-in-tls", "src/tls/", "tls"),
    onlyIn("dns-only-in-resolve", "src/tcp/resolve.ts", "dns"),
    onlyIn("xstate-only-in-xstate", "src/xstate/", "xstate"),
    {
      name: "no-run-time-dependencies",
      severity: "error",
      comment: "src imports Node's own modules and, in src/xstate, the peer xstate",
      from: { path: "^src/" },
      to: { path: "(^|/)node_modules/", pathNot: "(^|/)node_modules/(xstate|@types/node)/" },
    },
    {
      name: "no-cycles",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "src-stands-alone",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(test|examples|bench|scripts)/" },
    },
    {
      name: "no-unresolvable",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["tankard-source", "import", "node", "types", "default"],
    },
  },
};
