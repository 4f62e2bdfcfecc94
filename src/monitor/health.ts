// `--health`: asks a running daemon whether it is alive, over loopback, and fast: a socket, no HTTP library.
import { type HttpAddress, formatHttpAddress } from "./settings.ts";

export interface AskHealthOptions {
  readonly tool: string;
  /** As the daemon is configured; undefined where it serves nothing. */
  readonly address: HttpAddress | undefined;
  readonly timeoutMs?: number;
}

export interface Health {
  readonly alive: boolean;
  /** One line for people. */
  readonly text: string;
}

const most = 16_384;

/**
 * Never rejects. Where `http` is none there is nobody to ask: alive then means that the container runs, which is so
 * where this is asked in it.
 */
export async function askHealth({ tool, address, timeoutMs = 3000 }: AskHealthOptions): Promise<Health> {
  if (address === undefined)
    return { alive: true, text: "http is none: nothing to ask, and this container runs" };
  const host = { "::": "::1", "0.0.0.0": "127.0.0.1" }[address.host] ?? address.host;
  const places = host === "::1" ? ["::1", "127.0.0.1"] : [host];
  let text = "";
  for (const place of places) {
    const at = formatHttpAddress({ host: place, port: address.port });
    try {
      const head = await ask(place, address.port, timeoutMs);
      const status = /^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1];
      const who = /^x-moustash-tool: *(\S+)/im.exec(head)?.[1];
      if (who !== tool)
        return { alive: false, text: `what answers at ${at} is ${who ?? "something else"}, not ${tool}` };
      const body = head.slice(head.indexOf("\r\n\r\n") + 4).trim();
      return { alive: status === "200", text: body || `${at} answers ${status}` };
    } catch (error) {
      text = `nothing answers at ${at}: ${(error as NodeJS.ErrnoException).code ?? (error as Error).message}`;
    }
  }
  return { alive: false, text };
}

async function ask(host: string, port: number, timeoutMs: number): Promise<string> {
  const { connect } = await import("node:net");
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = connect({ host, port });
    const timer = setTimeout(
      () => socket.destroy(new Error(`no answer within ${timeoutMs / 1000} s`)),
      timeoutMs,
    );
    socket.setEncoding("utf8");
    socket.on("connect", () =>
      socket.write("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
    );
    socket.on("data", (text: string) => {
      answer += text;
      if (answer.length > most) socket.destroy(new Error("too long an answer"));
    });
    socket.on("error", reject);
    socket.on("close", () => {
      clearTimeout(timer);
      if (answer === "") reject(new Error("closed without an answer"));
      else resolve(answer);
    });
  });
}
