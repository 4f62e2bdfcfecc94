// PanPan's command line: its tables, and what one of its commands is given.
import { panpanHelp } from "../message/help.ts";
import { panpanShorts } from "../message/settings.ts";
import type { Shell } from "../run.ts";
import { panpanSections } from "./panpan-sections.ts";

export const panpan = {
  tool: "panpan",
  ...panpanHelp,
  sections: panpanSections,
  flags: {
    run: {
      task: true,
      words: "-- COMMAND…",
      shownBy: ["check", "print-config"],
      help: "run a command and tell how it ended; its exit code is passed on",
    },
    explain: {
      task: true,
      words: "[MESSAGE]",
      help: "show the event as its reader will see it, and Logstash's input for this configuration",
    },
    flush: { task: true, help: "deliver what waits in the spool, and say what is left (75)" },
    rejected: { needs: "flush", help: "with --flush: send again, first, what the broker refused for good" },
    "spool-status": { task: true, help: "say what waits in the spool" },
  },
  shorts: panpanShorts,
  takesWords: true,
  wordsSetting: "message",
} as const;

export type PanpanShell = Shell<typeof panpan.sections, typeof panpan.flags>;
export type PanpanValues = PanpanShell["config"]["values"];
