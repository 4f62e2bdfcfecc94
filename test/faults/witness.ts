// A witness on the link to Redis: what it acknowledged, so that a Redis which forgets it afterwards is not taken for
// a loss of ours.

/** Sees both directions of one connection. */
export interface Witness {
  asked(bytes: Buffer): void;
  answered(bytes: Buffer): void;
}

/** Tells the bodies of each RPUSH that Redis answered with a length, in the order of the answers. */
export function witnessRedis(acknowledged: (bodies: readonly string[]) => void): Witness {
  const commands: (readonly string[])[] = [];
  return {
    asked: readReplies((command) => commands.push(command as readonly string[])),
    answered: readReplies((reply) => {
      const [name = "", , ...bodies] = commands.shift() ?? [];
      if (name.toUpperCase() === "RPUSH" && typeof reply === "number") acknowledged(bodies);
    }),
  };
}

type Reply = null | number | string | Error | Reply[];

/** Parses RESP2, in either direction. Source: the Redis serialization protocol specification. */
function readReplies(heard: (reply: Reply) => void): (bytes: Buffer) => void {
  let buffer: Buffer = Buffer.alloc(0);
  return (bytes) => {
    buffer = buffer.length === 0 ? bytes : Buffer.concat([buffer, bytes]);
    for (;;) {
      const parsed = parse(buffer, 0);
      if (!parsed) return;
      buffer = buffer.subarray(parsed.end);
      heard(parsed.reply);
    }
  };
}

function parse(buffer: Buffer, start: number): { reply: Reply; end: number } | undefined {
  const lineEnd = buffer.indexOf("\r\n", start);
  if (lineEnd < 0) return undefined;
  const line = buffer.toString("utf8", start + 1, lineEnd);
  let end = lineEnd + 2;
  switch (String.fromCodePoint(buffer[start]!)) {
    case ":":
      return { reply: Number(line), end };
    case "-":
      return { reply: new Error(line), end };
    case "$": {
      const size = Number(line);
      if (size < 0) return { reply: null, end };
      if (buffer.length < end + size + 2) return undefined;
      return { reply: buffer.toString("utf8", end, end + size), end: end + size + 2 };
    }
    case "*": {
      const items: Reply[] = [];
      for (let left = Number(line); left > 0; left -= 1) {
        const item = parse(buffer, end);
        if (!item) return undefined;
        items.push(item.reply);
        end = item.end;
      }
      return { reply: items, end };
    }
    default:
      return { reply: line, end };
  }
}
