// What PanPan's --help says beside its tables.

export const panpanHelp = {
  headline:
    "PanPan tells Logstash what happened, and exits 0 only when it was heard: by the broker, or safely on disk.",
  usage: [
    "panpan [OPTION…] MESSAGE",
    "panpan MESSAGE PROGRAM SOURCE True|False",
    "… | panpan [OPTION…]",
    "panpan --run [OPTION…] -- COMMAND [ARG…]",
  ],
  examples: [
    ['panpan -p backup -n "no space left on /srv"', "one event, for people to hear of (-n)"],
    [
      "panpan -p deploy -l error -f version=1.4 -f took:=12.5 -m failed",
      "with a level and fields of its own",
    ],
    ["journalctl -f -o cat | panpan -p journal", "one event for each line, as they come"],
    [
      "panpan --run --on change -- /usr/local/bin/backup.sh",
      "runs a command; tells when it breaks, and when it is well again",
    ],
  ],
  notes: [
    "Exit codes: 0 accepted by the broker or on disk (then it says so) · 64 wrong usage · 65 bad input data · 69 the broker did not take it, and there is no disk to spool on · 74 nor could the spool · 75 with --require-broker: spooled, not yet delivered · 77 the broker refused our credentials · 78 bad configuration · 1 a bug of ours. With --run, the command's own code; 126 or 127 where it cannot start; 128+n where signal n ended it.",
  ],
} as const;
