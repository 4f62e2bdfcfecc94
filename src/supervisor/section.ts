// supervisord's section for Fouet, for each way in: what `fouet --setup` prints. Pure.
import type { Listening } from "./settings.ts";

/** stdio: supervisord runs Fouet. The others: supervisord runs a relay, Fouet lives elsewhere. */
export const ways = ["stdio", "socat", "python", "relay"] as const;
export type SetupWay = (typeof ways)[number];

export interface SectionOptions {
  readonly way: SetupWay;
  /** Where the relay connects. */
  readonly to: Listening;
}

const binary = "/opt/moustash/bin/fouet";

const introductions: Readonly<Record<SetupWay, string>> = {
  stdio: `; supervisord runs Fouet itself: COPY --from=moustash/fouet /opt/moustash /opt/moustash`,
  socat: "; Fouet lives in its own container; this relay needs socat in this one.",
  python:
    "; Fouet lives in its own container; this relay needs nothing but the Python that runs supervisord.",
  relay: `; Fouet lives in its own container; its relay is in this one: COPY --from=moustash/fouet /opt/moustash /opt/moustash`,
};

/** A section to paste into supervisord's configuration, with what must hold around it as comments. */
export function formatSection({ way, to }: SectionOptions): string {
  return `${introductions[way]}
[eventlistener:fouet]
command=${commandOf(way, to)}
events=PROCESS_STATE,PROCESS_GROUP,SUPERVISOR_STATE_CHANGE
; supervisord drops the oldest event of a full buffer; the default of 10 does not outlive a boot.
buffer_size=10000
; Started first, stopped last, and of no other listener's priority: what another refuses would come to us too.
priority=-1000
; Events go to a listener that is RUNNING: with 0 it is at once.
startsecs=0
startretries=1000000
; Started again whatever happens, but for a wrong configuration (78).
autorestart=unexpected
exitcodes=78
stopwaitsecs=15
; Its standard output is the protocol, its standard error the log.
stdout_logfile=NONE
stderr_logfile=/dev/stderr
stderr_logfile_maxbytes=0
${way === "stdio" ? "" : socketNotes(to)}
; The truth about deaths comes from supervisord's HTTP server and its log, which must be a file:
;   [supervisord]       logfile=/var/log/supervisord.log   and, where there are several, identifier=NAME
;   [unix_http_server]  file=${way === "stdio" ? "/run/supervisor.sock" : "/run/moustash/supervisor.sock   (in the shared volume), chmod=0770"}
`;
}

function commandOf(way: SetupWay, to: Listening): string {
  switch (way) {
    case "stdio":
      return binary;
    case "relay":
      return `${binary} --relay ${to.kind === "unix" ? to.path : `${bracket(to.host)}:${to.port}`}`;
    case "socat":
      return `socat - ${to.kind === "unix" ? `UNIX-CONNECT:${to.path}` : `TCP:${bracket(to.host)}:${to.port}`},forever,interval=0.2`;
    case "python":
      return `python3 -c "${pythonRelay(to)}"`;
  }
}

const bracket = (host: string) => (host.includes(":") ? `[${host}]` : host);

/**
 * One line without a loop statement: connects until somebody answers, says which life of supervisord this is, and
 * copies both ways until one side closes. Inside it only single quotes, and no percent sign (supervisord's own).
 */
function pythonRelay(to: Listening): string {
  const socket =
    to.kind === "unix"
      ? `socket.socket(socket.AF_UNIX),'${to.path}'`
      : `socket.socket(socket.${to.host.includes(":") ? "AF_INET6" : "AF_INET"}),('${to.host}',${to.port})`;
  return [
    "import os,socket,threading,time",
    `s,a=${socket}`,
    "[time.sleep(.2) for e in iter(lambda:s.connect_ex(a),0)]",
    "r=lambda p:open('/proc/'+p).read().strip()",
    "p=str(os.getppid())",
    "s.sendall(('MOUSTASH-RELAY life='+r('sys/kernel/random/boot_id')+'/'+os.readlink('/proc/self/ns/pid')[5:-1]" +
      "+'/'+p+'/'+r(p+'/stat').rsplit(')',1)[1].split()[19]+' pid='+p+' name='+(os.environ.get('MOUSTASH_HOST')or socket.gethostname())" +
      "+' url='+os.environ.get('SUPERVISOR_SERVER_URL','')+chr(10)).encode())",
    "c=lambda i,o:([o(b) for b in iter(i,b'')],os._exit(0))",
    "threading.Thread(target=c,args=(lambda:s.recv(65536),lambda b:os.write(1,b)),daemon=True).start()",
    "c(lambda:os.read(0,65536),s.sendall)",
  ].join(";");
}

function socketNotes(to: Listening): string {
  if (to.kind === "tcp")
    return `; Fouet: FOUET_LISTEN=${bracket(to.host)}:${to.port}, in the same pod or network namespace.\n`;
  return `; Fouet: FOUET_LISTEN=${to.path}, in a volume that both containers mount. The socket is 0660: this relay must
; run in its group (65532 in our image). In a container without DAC_OVERRIDE that holds for root as well:
; compose: group_add: ["65532"]; Kubernetes: securityContext.fsGroup; else a user= line here with that group.
`;
}
