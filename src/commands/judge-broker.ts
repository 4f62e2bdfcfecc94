// What must hold of the broker's settings together, for every tool.
import type { Judgement } from "../config/config.ts";
import type { MoustashValues } from "../delivery.ts";
import { judgeTransport } from "../transport/judge.ts";

export const judgeBroker = (values: MoustashValues): readonly Judgement[] =>
  judgeTransport(values).map(({ keys, check }) => ({
    settings: keys.map((key) => ["Moustash", key] as const),
    check,
  }));
