// What must hold of the settings of a tool together, beyond each alone: said by --check and before a daemon starts.
import { hostname } from "node:os";
import type { Judgement } from "../config/config.ts";
import { MoustashError, exitCodes } from "../errors.ts";
import { accessOf } from "../monitor/settings.ts";
import { shardIndex } from "../probe/shard.ts";
import type { ProbeSettings } from "../probe/settings.ts";
import type { FouetSettings } from "../supervisor/settings.ts";
import { judgeBroker } from "./judge-broker.ts";
import type { MoustashValues } from "../delivery.ts";

type AccessValues = Parameters<typeof accessOf>[0];

/** Only what the daemon does, or --check in its place, needs all of it; the other tasks say what they lack. */
const isDaemons = (task: string | undefined) => task === undefined || task === "check";

export function judgeCuir(
  { Moustash, Cuir }: { Moustash: MoustashValues; Cuir: AccessValues & Pick<ProbeSettings, "shard"> },
  { task }: { task?: string },
): readonly Judgement[] {
  if (!isDaemons(task)) return [];
  return [
    ...judgeBroker(Moustash),
    judgeAccess("Cuir", Cuir),
    {
      settings: [
        ["Cuir", "shard"],
        ["Moustash", "host"],
      ],
      check: () => Cuir.shard && shardIndex(Cuir.shard, Moustash.host ?? hostname()),
    },
  ];
}

export function judgeFouet(
  { Moustash, Fouet }: { Moustash: MoustashValues; Fouet: AccessValues & Pick<FouetSettings, "listen"> },
  { task }: { task?: string },
): readonly Judgement[] {
  const stdout: Judgement = {
    settings: [
      ["Moustash", "transport"],
      ["Fouet", "listen"],
    ],
    check: () => Fouet.listen.length === 0 && refuseStdout(Moustash.transport),
  };
  if (task === "doctor") return [stdout];
  return isDaemons(task) ? [stdout, ...judgeBroker(Moustash), judgeAccess("Fouet", Fouet)] : [];
}

const judgeAccess = (section: string, values: AccessValues): Judgement => ({
  settings: [
    [section, "http_user"],
    [section, "http_password"],
  ],
  check: () => accessOf(values),
});

function refuseStdout(transport: string): void {
  if (transport !== "stdout") return;
  const message = "transport = stdout: Fouet's standard output belongs to supervisord: set redis or rabbitmq";
  throw new MoustashError("configuration", exitCodes.configuration, message);
}
