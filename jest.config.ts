/** @jest-config-loader esbuild-register */
// The docblock lets Node 20 load this file, which cannot run TypeScript by itself.
import type { Config } from "jest";

const config: Config = {
  testMatch: ["<rootDir>/test/**/*.test.ts"],
  extensionsToTreatAsEsm: [".ts"],
  // ts-jest only strips the types (isolatedModules): `npm test` runs tsc first.
  transform: { "\\.ts$": ["ts-jest", { useESM: true }] },
  // `import "tankard"` is our own src, without a build.
  testEnvironmentOptions: { customExportConditions: ["tankard-source", "node", "node-addons"] },
  setupFilesAfterEnv: ["<rootDir>/test/support/leaks.ts"],
  modulePathIgnorePatterns: ["<rootDir>/dist/", "<rootDir>/.node_modules.previous/"],
  testTimeout: 10_000,
  maxWorkers: 2,
  coverageProvider: "v8",
  collectCoverageFrom: ["src/**/*.ts"],
};

export default config;
