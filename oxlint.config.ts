// The house rules: floating promises are errors, and each room imports only what the table below allows.
import { defineConfig } from "oxlint";

type Rule = ["error", Record<string, unknown>];

/** Rooms of src/ and what each may import of ours (globs relative to src/). A room always may import itself. */
const rooms: Record<string, string[]> = {
  "errors.ts": [],
  "setting.ts": [],
  "event.ts": ["errors", "envelope", "uuid", "flat"],
  "uuid.ts": ["flat"],
  "flat.ts": [],
  "envelope.ts": ["errors"],
  "backoff.ts": [],
  "waiting.ts": [],
  "salvage.ts": [],
  "write-ahead-log.ts": [],
  "database-folder.ts": [],
  "disk-error.ts": ["errors"],
  "database.ts": ["salvage", "write-ahead-log", "database-folder", "disk-error"],
  "thread.ts": ["errors"],
  "trace.ts": [],
  "disk.ts": ["thread"],
  "disk-thread.ts": ["thread", "spool/worker", "store/worker"],
  "logger.ts": [],
  spool: ["database", "thread", "trace", "envelope", "errors", "waiting", "setting"],
  store: ["database", "thread", "trace", "envelope", "errors"],
  transport: ["acknowledged", "envelope", "errors", "waiting", "setting"],
  probe: ["event", "envelope", "errors", "store/store", "backoff", "waiting", "setting"],
  supervisor: ["event", "envelope", "errors", "store/store", "backoff", "waiting", "setting", "flat"],
  message: ["event", "envelope", "errors", "store/store", "backoff", "waiting", "setting"],
  "ship.ts": [
    "spool/spool",
    "transport/transport",
    "acknowledged",
    "batch-size",
    "event",
    "envelope",
    "backoff",
    "waiting",
    "errors",
  ],
  config: ["errors", "setting"],
  monitor: ["errors", "setting"],
  "run.ts": ["config/*", "logger", "errors", "setting", "version"],
};

/** Libraries that one file alone may know. */
const owners: Record<string, string[]> = {
  ioredis: ["transport/redis*.ts"],
  amqplib: ["transport/rabbitmq*.ts"],
  pino: ["logger.ts"],
  envalid: ["config/*.ts"],
  ini: ["config/ini.ts"],
  "prom-client": ["monitor/*.ts"],
  "node:sqlite": ["database.ts"],
};

/** A gitignore-style pattern list: everything of ours is forbidden but what is named. */
function restriction(room: string, allowed: string[]) {
  const folder = room.endsWith(".ts") ? undefined : room;
  const prefix = folder ? "../" : "./";
  const own = folder ? [] : ["./**"];
  const group = [
    ...(folder ? ["../**"] : own),
    ...allowed.flatMap((name) => [`!${prefix}${name.split("/")[0]}`, `!${prefix}${name.split("/")[0]}.ts`]),
    ...allowed
      .filter((name) => name.includes("/"))
      .flatMap((name) => [`${prefix}${name.split("/")[0]}/**`, `!${prefix}${name}.ts`]),
  ];
  const message = `${room} may import only: ${allowed.join(", ") || "node: and itself"} (see the table in oxlint.config.ts)`;
  return { group, message };
}

const libraries = (file: string) =>
  Object.entries(owners)
    .filter(([, files]) => !files.includes(file))
    .map(([name, files]) => ({ name, message: `only ${files.join(", ")} may know ${name}` }));

const matches = (room: string, glob: string) =>
  room.endsWith(".ts") ? glob === room : glob.startsWith(`${room}/`);

export default defineConfig({
  plugins: ["eslint", "typescript", "unicorn", "oxc", "import", "promise"],
  categories: { correctness: "error", suspicious: "error" },
  ignorePatterns: ["node_modules", "dist"],
  rules: {
    "eslint/no-await-in-loop": "off",
    "eslint/no-underscore-dangle": "off",
    "eslint/no-shadow": "off",
    // tsc tells (noImplicitReturns), and knows an exhaustive switch.
    "typescript/consistent-return": "off",
    "unicorn/consistent-function-scoping": "off",
    // A rule for windows: message ports and workers have no origin.
    "unicorn/require-post-message-target-origin": "off",
    "promise/always-return": "off",
    "eslint/eqeqeq": ["error", "always", { null: "ignore" }],
    "typescript/no-floating-promises": "error",
    "typescript/no-misused-promises": ["error", { checksVoidReturn: false }],
    "typescript/await-thenable": "error",
    "typescript/no-explicit-any": "error",
    "typescript/consistent-type-imports": "error",
    "typescript/no-unsafe-type-assertion": "off",
    "typescript/restrict-template-expressions": "off",
    "import/no-cycle": "error",
    "import/no-default-export": "error",
    "import/no-unassigned-import": "off",
    "unicorn/filename-case": ["error", { case: "kebabCase" }],
  },
  overrides: [
    // What is loaded by its file's name alone.
    {
      files: ["*.config.ts", "scripts/failed-files.ts"],
      rules: { "import/no-default-export": "off" },
    },
    // node:test registers tests by calls whose promise is the runner's to await.
    {
      files: ["test/**/*.ts"],
      rules: {
        "typescript/no-floating-promises": [
          "error",
          {
            allowForKnownSafeCalls: [
              { from: "package", package: "node:test", name: ["test", "it", "describe", "suite"] },
            ],
          },
        ],
      },
    },
    ...Object.entries(rooms).map(([room, allowed]) => ({
      files: [room.endsWith(".ts") ? `src/${room}` : `src/${room}/**/*.ts`],
      rules: {
        "eslint/no-restricted-imports": [
          "error",
          {
            paths: Object.entries(owners)
              .filter(([, files]) => !files.some((glob) => matches(room, glob)))
              .map(([name, files]) => ({ name, message: `only ${files.join(", ")} may know ${name}` })),
            patterns: [restriction(room, allowed)],
          },
        ] satisfies Rule,
      },
    })),
    {
      files: ["src/*.ts", "src/commands/**/*.ts"],
      excludeFiles: Object.keys(rooms)
        .filter((room) => room.endsWith(".ts"))
        .map((room) => `src/${room}`),
      rules: { "eslint/no-restricted-imports": ["error", { paths: libraries("") }] satisfies Rule },
    },
  ],
});
