// What every kind of probe must do.
import assert from "node:assert/strict";
import net from "node:net";
import { suite, test } from "node:test";
import { evidenceFields } from "../../src/probe/evidence.ts";
import { kinds } from "../../src/probe/kinds.ts";
import { type Outcome, type Trace, fail } from "../../src/probe/outcome.ts";
import type { Target } from "../../src/probe/target.ts";
import { eventually } from "../servers/server.ts";

export interface ProbeCase {
  /** A server that is well, and the target that it is. */
  readonly well: () => Promise<{ target: Target; [Symbol.asyncDispose](): PromiseLike<void> }>;
  /** The same target where nobody listens. */
  readonly elsewhere: (target: Target, port: number) => Target;
  /** Over UDP a closed port answers by ICMP, and silence is no connection. */
  readonly isDatagram?: true;
}

const deadlineMs = 2000;

/** One attempt, with a deadline as the prober gives it; rejects where something was reported twice. */
export function attempt(target: Target, address = "127.0.0.1"): Promise<{ outcome: Outcome; trace: Trace }> {
  return new Promise((resolve, reject) => {
    const trace: Trace = { step: "connect", startMs: performance.now() };
    let reports = 0;
    let returned = false;
    const timer = setTimeout(() => {
      cancel();
      resolve({ outcome: fail("timeout", trace.heard), trace });
    }, deadlineMs);
    const probe = kinds[target.kind].make(target);
    const cancel = probe({ address, family: address.includes(":") ? 6 : 4 }, trace, (outcome) => {
      reports += 1;
      clearTimeout(timer);
      if (!returned) reject(new Error("reported before it returned"));
      if (reports > 1) reject(new Error("reported twice"));
      setTimeout(() => resolve({ outcome, trace }), 20);
    });
    returned = true;
  });
}

/** A listener that takes connections and does as it is told with them. */
export async function hostile(onSocket: (socket: net.Socket) => void) {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    // Whoever reads nothing does not hear that the other side went.
    socket.resume();
    onSocket(socket);
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as net.AddressInfo).port,
    open: () => sockets.size,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export function testProbe(name: string, { well, elsewhere, isDatagram }: ProbeCase) {
  suite(`probe: ${name}`, () => {
    test("is up where all is well, says so once, and takes its times", async () => {
      await using server = await well();
      const { outcome, trace } = await attempt(server.target);
      assert.equal(outcome.verdict, "up", JSON.stringify(outcome));
      assert.equal(trace.step, "done");
      for (const field of Object.keys(outcome.evidence ?? {}))
        assert.ok(field in evidenceFields, `${field} is documented`);
    });

    test("is refused where nobody listens", async () => {
      await using server = await well();
      await using closed = await hostile(() => {});
      const { port } = closed;
      await closed[Symbol.asyncDispose]();
      const { outcome } = await attempt(elsewhere(server.target, port));
      assert.equal(outcome.cause, "refused");
    });

    test(
      "reports nothing once it is given up, and leaves nothing open",
      { skip: isDatagram && "no connection to look at" },
      async () => {
        await using server = await well();
        await using silent = await hostile(() => {});
        const target = elsewhere(server.target, silent.port);
        const trace: Trace = { step: "connect", startMs: performance.now() };
        let reported: Outcome | undefined;
        const cancel = kinds[target.kind].make(target)(
          { address: "127.0.0.1", family: 4 },
          trace,
          (outcome) => (reported = outcome),
        );
        await eventually(() => silent.open() === 1 || reported !== undefined);
        cancel();
        cancel();
        await eventually(() => silent.open() === 0);
        if (target.kind !== "tcp") assert.equal(reported, undefined);
      },
    );

    test(
      "a connection that is reset is the target's trouble",
      { skip: isDatagram && "no connection to reset" },
      async () => {
        await using server = await well();
        await using rude = await hostile((socket) => {
          socket.resetAndDestroy();
        });
        const { outcome } = await attempt(elsewhere(server.target, rude.port));
        if (server.target.kind !== "tcp") assert.match(String(outcome.cause), /^(reset|closed)$/);
      },
    );

    test(
      "megabytes of noise are bounded, in memory and in the event",
      { skip: isDatagram && "a datagram is small" },
      async () => {
        await using server = await well();
        const noise = Buffer.alloc(65_536, "\u001B[2J\u0000\u00FF", "latin1");
        await using loud = await hostile((socket) => {
          const pour = () => {
            if (socket.write(noise)) setImmediate(pour);
          };
          socket.on("drain", pour);
          pour();
        });
        const { outcome } = await attempt(elsewhere(server.target, loud.port));
        if (server.target.kind === "tcp") return;
        assert.equal(outcome.verdict, "down");
        assert.match(String(outcome.cause), /^(unexpected|protocol|tls_handshake|closed|reset)$/);
        assert.ok((outcome.detail ?? "").length <= 200);
        assert.doesNotMatch(outcome.detail ?? "", /\p{Cc}/u);
      },
    );
  });
}
