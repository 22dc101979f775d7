import js from "@eslint/js";
import jest from "eslint-plugin-jest";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

export default defineConfig(
  globalIgnores(["dist/", "coverage/", "reports/", ".node_modules.previous/", "test/types/must-not-compile.ts"]),
  { linterOptions: { reportUnusedDisableDirectives: "error" } },

  js.configs.recommended,
  {
    files: ["**/*.{js,mjs,cjs}"],
    languageOptions: {
      globals: { console: "readonly", module: "writable", process: "readonly", require: "readonly" },
    },
  },

  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/no-invalid-void-type": ["error", { allowAsThisParameter: true }],
      "@typescript-eslint/consistent-type-exports": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-confusing-void-expression": [
        "error",
        { ignoreArrowShorthand: true, ignoreVoidReturningFunctions: true },
      ],
      "@typescript-eslint/no-unnecessary-condition": ["error", { allowConstantLoopConditions: "always" }],
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true, allowBoolean: true }],
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      eqeqeq: "error",
    },
  },

  {
    files: ["src/**"],
    rules: {
      "no-console": "error",
      "no-restricted-globals": [
        "error",
        ...["setTimeout", "setInterval"].map((name) => ({ name, message: "Time comes from the runtime's clock" })),
      ],
    },
  },
  { files: ["src/process/{clock,activity}.ts"], rules: { "no-restricted-globals": "off" } },

  {
    files: ["examples/**"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [{ group: ["**/src/**", "**/dist/**"], message: "Import the package by its name, as a user does" }],
        },
      ],
    },
  },

  {
    files: ["test/**"],
    extends: [jest.configs["flat/recommended"]],
    settings: { jest: { globalPackage: "@jest/globals" } },
    rules: {
      "@typescript-eslint/unbound-method": "off",
      "jest/unbound-method": "error",
      "jest/consistent-test-it": ["error", { fn: "test", withinDescribe: "test" }],
      "jest/expect-expect": [
        "error",
        { assertFunctionNames: ["expect", "expectTypeOf", "fc.assert", "unwrap", "verifyFraming"] },
      ],
      "jest/prefer-importing-jest-globals": "error",
    },
  },
  // Hooks for every test file, no tests of its own.
  { files: ["test/support/leaks.ts"], rules: { "jest/no-standalone-expect": "off" } },

  // The benchmarks compare with packages that only their own package.json installs.
  { files: ["bench/**"], extends: [tseslint.configs.disableTypeChecked] },
);
