// Writes every source file in the project's one format.
import { spawnSync } from "node:child_process";

process.exitCode = spawnSync("oxfmt", ["--write"], { stdio: "inherit" }).status ?? 1;
