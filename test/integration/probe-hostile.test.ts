// Targets that answer with megabytes, never, byte by byte, in binary, in escape sequences, or reset in mid-handshake:
// each kind of probe ends in its time, in little memory, with the right cause and clean words.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { readFileSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import { hostile } from "../contract/probe.ts";
import { type TemporaryFolder, eventually, startChild, temporaryFolder } from "../servers/server.ts";

const entry = join(import.meta.dirname, "../../src/main.ts");
const timeoutMs = 1000;

/** What a terminal, a log reader or a browser might obey, and bytes that are no text. */
const escapes = "\u001B[2J\u001B]0;owned\u0007<script>alert(1)</script>\u0000\u202E\u2028\r";
const binary = Buffer.from(Array.from({ length: 512 }, (_, index) => (index * 181) % 256));
const noise = Buffer.alloc(65_536, escapes);

function pour(socket: Socket, chunk: Buffer | string) {
  const more = () => {
    while (!socket.destroyed && socket.write(chunk));
  };
  socket.on("drain", more);
  more();
}

function drip(socket: Socket, text: string) {
  let at = 0;
  const timer = setInterval(() => {
    socket.write(text[at % text.length]!);
    at += 1;
  }, 300);
  socket.on("close", () => clearInterval(timer));
}

type Kind = keyof typeof written;

/** As a list writes each kind; the words that are waited for never come. */
const written = {
  tcp: (place: string) => `target = ${place}:x`,
  talk: (place: string) => `target = tcp://${place} x\nexpect = ^WELL`,
  tls: (place: string) => `target = tls://${place} x`,
  http: (place: string) => `target = http://${place}/ x\nhttp_body = WELL`,
  https: (place: string) => `target = https://${place}/ x`,
  smtp: (place: string) => `target = smtp://${place} x`,
  starttls: (place: string) => `target = smtp+starttls://${place} x`,
  redis: (place: string) => `target = redis://${place} x`,
  postgres: (place: string) => `target = postgres+tls://${place} x`,
};
const whoTalks = { talk: "", smtp: "", starttls: "", redis: "", postgres: "" } as const;
const all = (cause: string) => Object.fromEntries(Object.keys(whoTalks).map((kind) => [kind, cause]));

interface Manner {
  /** What the server does with whoever connects. */
  readonly with: (socket: Socket) => unknown;
  /** What each kind makes of it. */
  readonly means: Readonly<Partial<Record<Kind, string>>>;
}

const noTls = { tls: "tls_handshake", https: "tls_handshake" };
const onceAsked = (socket: Socket, answer: () => unknown) => socket.once("data", answer);

const manners: Readonly<Record<string, Manner>> = {
  "says nothing": {
    with: () => {},
    means: { tcp: "up", tls: "timeout", http: "timeout", https: "timeout", ...all("timeout") },
  },
  "drips its bytes": {
    with: (socket) => drip(socket, "22"),
    means: { tls: "timeout", http: "protocol", https: "timeout", ...all("timeout") },
  },
  "talks in binary": {
    with: (socket) => socket.write(binary),
    means: { ...noTls, http: "protocol", ...all("timeout") },
  },
  "sends megabytes": {
    with: (socket) => pour(socket, noise),
    means: { tcp: "up", ...noTls, http: "protocol", ...all("unexpected") },
  },
  "sends escapes": {
    with: (socket) => socket.end(`220 ${escapes}`),
    means: { ...noTls, http: "protocol", ...all("closed") },
  },
  "resets at once": {
    with: (socket) => socket.resetAndDestroy(),
    means: { tls: "reset", http: "reset", https: "reset", ...all("reset") },
  },
  "resets in mid-handshake": {
    // The head of a TLS record, and the first of its bytes.
    with: (socket) =>
      onceAsked(socket, () => {
        socket.write(Buffer.from("16030300400200003c", "hex"));
        setTimeout(() => socket.resetAndDestroy(), 50);
      }),
    means: { tls: "reset", https: "reset", redis: "reset", postgres: "reset" },
  },
  "sends headers without end": {
    with: (socket) =>
      onceAsked(socket, () => {
        socket.write("HTTP/1.1 200 OK\r\n");
        pour(socket, `X-Noise: ${"a".repeat(1000)}\r\n`.repeat(60));
      }),
    means: { http: "protocol" },
  },
  "sends interim answers without end": {
    with: (socket) => onceAsked(socket, () => pour(socket, "HTTP/1.1 100 Continue\r\n\r\n".repeat(2000))),
    means: { http: "protocol" },
  },
  "sends a body without end": {
    with: (socket) =>
      onceAsked(socket, () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        pour(socket, noise);
      }),
    means: { http: "http_body" },
  },
  "drips its body": {
    with: (socket) =>
      onceAsked(socket, () => {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
        drip(socket, "<>");
      }),
    means: { http: "timeout" },
  },
};

interface Row {
  readonly program: string;
  readonly outcome: string;
  readonly cause?: string;
  readonly step: string;
  readonly detail?: string;
  readonly duration_ms: number;
}

suite("hostile targets", () => {
  let folder: TemporaryFolder;
  before(async () => (folder = await temporaryFolder()));
  after(() => folder[Symbol.asyncDispose]());

  /** One round over the list, and the most memory that it ever took. */
  async function round(sections: readonly string[]): Promise<{ rows: Row[]; mostMb: number; text: string }> {
    const ini = join(folder.path, "m.ini");
    writeFileSync(ini, `[Cuir]\ntimeout = ${timeoutMs}ms\nslow = none\n${sections.join("\n")}\n`);
    const child = startChild(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", entry, "cuir", "--once", "--config", ini],
      { env: { PATH: process.env["PATH"], MOUSTASH_SPOOL: "none" } },
    );
    let text = "";
    child.process.stdout!.on("data", (chunk) => (text += String(chunk)));
    let mostMb = 0;
    await eventually(() => {
      if (child.hasEnded()) return true;
      const [, kb = "0"] =
        /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.process.pid}/status`, "utf8")) ?? [];
      mostMb = Math.max(mostMb, Number(kb) / 1024);
      return false;
    });
    const rows = text
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Row);
    assert.equal(rows.length, sections.length, child.output());
    return { rows, mostMb, text };
  }

  function judge({ rows, text }: Awaited<ReturnType<typeof round>>) {
    assert.doesNotMatch(text.replaceAll("\n", ""), /[\p{Cc}\u2028\u202E]/u, "what goes out is clean");
    for (const { program, detail = "", duration_ms: durationMs } of rows) {
      assert.ok(detail.length <= 200, `${program}: ${detail}`);
      assert.ok(durationMs < timeoutMs + 1500, `${program} took ${durationMs} ms`);
    }
    return Object.fromEntries(rows.map(({ program, outcome, cause }) => [program, cause ?? outcome]));
  }

  test("over TCP: each ends in its time, in little memory, with its cause", async () => {
    const calm = await round(
      Array.from({ length: 60 }, (_, index) => `[Cuir:P${index}]\ntarget = https://127.0.0.1:1/ x`),
    );
    const expected: Record<string, string> = {};
    const sections: string[] = [];
    await using servers = new AsyncDisposableStack();
    for (const [name, manner] of Object.entries(manners)) {
      const server = servers.use(await hostile(manner.with));
      for (const [kind, cause] of Object.entries(manner.means)) {
        const program = `${kind}, which ${name}`;
        expected[program] = cause;
        sections.push(`[Cuir:${program}]\n${written[kind as Kind](`127.0.0.1:${server.port}`)}`);
      }
    }
    const found = await round(sections);
    assert.deepEqual(judge(found), expected);
    console.log(
      `hostile targets: ${found.mostMb.toFixed(0)} MB at most; calm ones: ${calm.mostMb.toFixed(0)} MB`,
    );
    assert.ok(found.mostMb < calm.mostMb + 60, `${found.mostMb} MB`);
  });

  test("over UDP: floods, binary and escape sequences, from a resolver too", async () => {
    await using flood = await datagrams((answer) => {
      for (let count = 0; count < 2000; count += 1) answer(noise.subarray(0, 1400));
    });
    await using garbled = await datagrams((answer) => answer(binary));
    // A well-formed answer whose one record, a text, is full of escapes.
    await using sly = await datagrams((answer, question) => {
      const text = Buffer.from(escapes);
      const head = Buffer.from(question.subarray(0, 12));
      head.writeUInt16BE(0x8180, 2);
      for (const [at, count] of [1, 1, 0, 0].entries()) head.writeUInt16BE(count, 4 + 2 * at);
      const asked = question.subarray(12, question.indexOf(0, 12) + 5);
      const record = Buffer.from("c00c0010000100000001", "hex");
      const length = Buffer.from([0, text.length + 1, text.length]);
      answer(Buffer.concat([head, asked, record, length, text]));
    });
    // It says that its answer is too long for UDP; over TCP it takes the question, and is silent.
    await using mute = await hostile(() => {});
    await using cut = await datagrams((answer, question) => {
      const head = Buffer.from(question);
      head.writeUInt16BE(0x8380, 2);
      answer(head);
    }, mute.port);
    const talk = "send = x\nexpect = ^WELL";
    const found = await round([
      `[Cuir:flood]\ntarget = udp://127.0.0.1:${flood.port} x\n${talk}`,
      `[Cuir:garbled]\ntarget = udp://127.0.0.1:${garbled.port} x\n${talk}`,
      `[Cuir:names, flood]\ntarget = dns://127.0.0.1:${flood.port}/x.test x`,
      `[Cuir:names, garbled]\ntarget = dns://127.0.0.1:${garbled.port}/x.test x`,
      `[Cuir:names, sly]\ntarget = dns://127.0.0.1:${sly.port}/x.test x\ndns_type = txt`,
      `[Cuir:names, cut]\ntarget = dns://127.0.0.1:${cut.port}/x.test x`,
    ]);
    assert.deepEqual(judge(found), {
      flood: "timeout",
      garbled: "timeout",
      "names, flood": "dns_failed",
      "names, garbled": "dns_failed",
      "names, sly": "up",
      "names, cut": "timeout",
    });
  });
});

/** A server that answers each datagram as it is told. */
async function datagrams(onMessage: (answer: (payload: Buffer) => void, question: Buffer) => void, port = 0) {
  const socket = createSocket("udp4");
  socket.on("message", (question, asker) =>
    onMessage((payload) => socket.send(payload, asker.port, asker.address), question),
  );
  await new Promise<void>((resolve) => {
    socket.bind(port, "127.0.0.1", resolve);
  });
  return {
    port: socket.address().port,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => socket.close(() => resolve())),
  };
}
