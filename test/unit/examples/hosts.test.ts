// The examples for hosts and composes, as far as they can be judged without running containers: systemd's units by systemd,
// crontab lines by running their commands, compose files by what our documents ask for.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parse } from "yaml";
import { formatSection } from "../../../src/supervisor/section.ts";

const entry = join(import.meta.dirname, "../../../src/main.ts");

describe("systemd's units", () => {
  const without = spawnSync("systemd-analyze", ["--version"]).error
    ? "no systemd-analyze: apt-get install systemd runs this test"
    : false;
  for (const name of readdirSync("examples/systemd")) {
    test(`${name} is right`, { skip: without }, () => {
      const folder = mkdtempSync(join(tmpdir(), "moustash-units-"));
      try {
        const unit = readFileSync(join("examples/systemd", name), "utf8");
        const instance = name.replace("@.", "@some.service.");
        // The programs need not be on this machine.
        writeFileSync(join(folder, name), unit.replaceAll(/\/opt\/moustash\/bin\/\w+/g, "/bin/true"));
        const { status, stderr } = spawnSync(
          "systemd-analyze",
          ["verify", "--man=no", join(folder, instance)],
          {
            encoding: "utf8",
            env: { PATH: process.env.PATH, SYSTEMD_UNIT_PATH: `${folder}:` },
          },
        );
        const ours = stderr.split("\n").filter((line) => line.includes("moustash"));
        assert.deepEqual(ours, []);
        assert.equal(status, 0, stderr);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
});

test("systemd's units read one configuration, and share no directory where one has a dynamic user", () => {
  const units = readdirSync("examples/systemd").map((name) =>
    readFileSync(`examples/systemd/${name}`, "utf8"),
  );
  const valuesOf = (key: string) => units.map((unit) => new RegExp(`^${key}=(.*)$`, "m").exec(unit)?.[1]);
  assert.deepEqual(new Set(valuesOf("Environment=MOUSTASH_CONFIG")), new Set(["/etc/moustash/moustash.ini"]));
  assert.equal(new Set(valuesOf("StateDirectory")).size, units.length);
  assert.deepEqual(
    valuesOf("Environment=MOUSTASH_SPOOL"),
    valuesOf("StateDirectory").map((name) => `/var/lib/${name}`),
  );
});

describe("crontab lines", () => {
  const lines = readFileSync("examples/cron/crontab", "utf8")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#") && !/^\w+=/.test(line));
  for (const line of lines) {
    const [, schedule = "", command = ""] = /^((?:\S+\s+){5})root\s+(.*)$/.exec(line) ?? [];
    test(`${command} runs`, () => {
      for (const field of schedule.trim().split(/\s+/)) assert.match(field, /^(\*(\/\d+)?|\d+)$/);
      assert.ok(!command.includes("%"), "cron makes a line's end of it");
      const folder = mkdtempSync(join(tmpdir(), "moustash-cron-"));
      try {
        mkdirSync(join(folder, "spool"));
        const ours = `"${process.execPath}" --disable-warning=ExperimentalWarning "${entry}" panpan`;
        const { status, stdout, stderr } = spawnSync(
          "sh",
          ["-c", command.replace("/opt/moustash/bin/panpan", ours)],
          {
            encoding: "utf8",
            // Nobody listens there: what is said must be safe on the disk all the same.
            env: {
              PATH: process.env.PATH,
              MOUSTASH_REDIS_PORT: "1",
              MOUSTASH_REDIS_IP: "127.0.0.1",
              MOUSTASH_SPOOL: join(folder, "spool"),
              MOUSTASH_CONFIG: "none",
            },
          },
        );
        assert.ok([0, 69, 75].includes(status!), `${status} ${stdout} ${stderr}`);
        if (!command.includes("--flush")) assert.equal(status, 0, stderr);
        // Cron would mail it every few minutes.
        else assert.equal(stdout + stderr, "");
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  }
});

interface Service {
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly hostname?: string;
  readonly image?: string;
  readonly build?: { readonly args?: Record<string, string> };
}

describe("compose files", () => {
  for (const name of ["supervisord-in-image", "supervisord-sidecar"]) {
    test(`${name} gives our containers no rights and a name`, () => {
      const { services } = parse(readFileSync(`examples/${name}/compose.yml`, "utf8"), { strict: true }) as {
        services: Record<string, Service>;
      };
      for (const [service, own] of Object.entries(services)) {
        if (service === "redis") continue;
        assert.equal(own.read_only, true, service);
        assert.deepEqual(own.cap_drop, ["ALL"], service);
        assert.deepEqual(own.security_opt, ["no-new-privileges:true"], service);
        assert.ok(own.hostname, service);
      }
    });

    test(`${name} has the listener's section as --setup prints it`, () => {
      const to = { kind: "unix", path: "/run/moustash/fouet.sock" } as const;
      const printed = formatSection({ way: name === "supervisord-in-image" ? "stdio" : "socat", to });
      const section = (text: string) =>
        /\[eventlistener:fouet\]\n([\s\S]*?)(?:\n\n|$)/
          .exec(text)![1]!
          .split("\n")
          .filter((line) => line !== "" && !line.startsWith(";"));
      assert.deepEqual(
        section(readFileSync(`examples/${name}/supervisord.conf`, "utf8")),
        section(printed.replaceAll(/^;.*\n/gm, "")),
      );
    });
  }
});

test("the README names every example, and no other", () => {
  const named = [...readFileSync("examples/README.md", "utf8").matchAll(/^\| \[([\w-]+)\]/gm)].map(
    ([, name]) => name ?? "",
  );
  const present = readdirSync("examples").filter((name) => name !== "README.md");
  assert.deepEqual(new Set(named), new Set(present));
});
