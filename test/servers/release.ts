// Which release of a broker a test runs on, and how its programs are started: here, or in the tree of another Debian.
import { existsSync, mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { chosenRelease, isOwn, type Release, type ReleaseVariable, treeOf } from "../../scripts/releases.ts";
import { unlessInstalled } from "./server.ts";

export interface Programs {
  /** For the names of tests: `Redis 8.0`, or the bare product where nothing was chosen. */
  readonly title: string;
  /** For `skip`: why a test cannot run. */
  readonly without: string | false;
  /** The server's program, as `start` wants it. */
  readonly server: string;
  /** Command and words for one of its programs, a path of the release's own system. */
  start(program: string, args: readonly string[]): readonly [string, readonly string[]];
}

/** MOUSTASH_TEST_REDIS names another Redis, or Valkey, than the machine's own. */
export const redisPrograms = choose("MOUSTASH_TEST_REDIS", {
  title: "Redis",
  server: "redis-server",
  without: unlessInstalled("redis-server", "redis-server"),
});

// Debian wraps these to run as a user of their own; here they run as they are.
const rabbitmqFolder = ["/usr/lib/rabbitmq/bin", "/usr/sbin"].find((path) =>
  existsSync(join(path, "rabbitmqctl")),
);

/** MOUSTASH_TEST_RABBITMQ likewise. */
export const rabbitmqPrograms = choose("MOUSTASH_TEST_RABBITMQ", {
  title: "RabbitMQ",
  server: join(rabbitmqFolder ?? "", "rabbitmq-server"),
  without: rabbitmqFolder === undefined ? "no rabbitmqctl here (apt-get install rabbitmq-server)" : false,
});

function choose(variable: ReleaseVariable, own: Omit<Programs, "start">): Programs {
  const release = chosenRelease(variable);
  if (release && !isOwn(release)) return inTree(release);
  return { ...own, title: release?.title ?? own.title, start: (program, args) => [program, args] };
}

/**
 * The server becomes the process that is started, so that signals reach it. Its mounts are in a namespace of its own
 * and vanish with it; it shares the network and the folder of temporary files with us.
 */
function inTree({ title, suite, program }: Release): Programs {
  const tree = treeOf(suite);
  const enter = `set -e; mount --rbind /dev "$1/dev"; mount --rbind /proc "$1/proc"; mount --bind "$2" "$1$2"; tree=$1; shift 2; exec chroot "$tree" "$@"`;
  const missing = !existsSync(join(tree, program));
  if (!missing) mkdirSync(join(tree, tmpdir()), { recursive: true });
  return {
    title,
    without: missing ? `no ${title} of Debian ${suite} here (npm test unpacks it, as root on Debian)` : false,
    server: program,
    start: (path, args) => [
      "unshare",
      ["--mount", "--propagation", "private", "sh", "-c", enter, "sh", tree, tmpdir(), path, ...args],
    ],
  };
}

/** Beside a server's program in its folder. */
export const beside = ({ server }: Programs, program: string) => join(dirname(server), program);
