// Why RabbitMQ refuses a vhost: amqplib throws that answer away, so the question is asked once more, by hand.
// Source: AMQP 0-9-1, 2.3 (frames) and the class connection.
import type { Socket } from "node:net";

const frameEnd = 0xce;
const tune = 30;
const close = 50;

/** The text of RabbitMQ's connection.close in the form that amqplib gives to others; undefined where it admits us. */
export async function askRefusal(
  stream: Socket,
  { username, password, vhost }: { username: string; password: string; vhost: string },
): Promise<string | undefined> {
  let rest: Buffer = Buffer.alloc(0);
  stream.write(Buffer.from("AMQP\0\0\x09\x01", "latin1"));
  for await (const chunk of stream) {
    rest = Buffer.concat([rest, chunk as Buffer]);
    for (let size = frameSize(rest); size !== undefined; size = frameSize(rest)) {
      const payload = rest.subarray(7, size - 1);
      rest = rest.subarray(size);
      const method = payload.readUInt16BE(2);
      if (method === close) {
        const length = payload.readUInt8(6);
        return `Connection closed: ${payload.readUInt16BE(4)} with message "${payload.subarray(7, 7 + length).toString()}"`;
      }
      if (method === 10) stream.write(startOk(username, password));
      else if (method === tune)
        stream.write(
          Buffer.concat([frame(31, payload.subarray(4)), frame(40, shortText(vhost), Buffer.alloc(2))]),
        );
      else return undefined;
    }
  }
  return undefined;
}

/** Of the first frame, once it is whole. */
function frameSize(bytes: Buffer): number | undefined {
  if (bytes.length < 7) return undefined;
  const size = 7 + bytes.readUInt32BE(3) + 1;
  return bytes.length < size ? undefined : size;
}

function frame(method: number, ...parts: Buffer[]): Buffer {
  const payload = Buffer.concat([Buffer.from([0, 10, 0, method]), ...parts]);
  const head = Buffer.from([1, 0, 0, 0, 0, 0, 0]);
  head.writeUInt32BE(payload.length, 3);
  return Buffer.concat([head, payload, Buffer.from([frameEnd])]);
}

function shortText(text: string): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

function startOk(username: string, password: string): Buffer {
  const response = Buffer.from(`\0${username}\0${password}`);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(response.length);
  return frame(11, Buffer.alloc(4), shortText("PLAIN"), length, response, shortText("en_US"));
}
