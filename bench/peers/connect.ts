// The limit of a probe in Node: connections by net.connect, closed when they stand, and nothing else. Prints the CPU
// seconds that they took, after a tenth of them for warming up.
//   connect.ts PORT COUNT
import { connect } from "node:net";

const [, , port, count] = process.argv.map(Number);

function once(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port: port!, family: 4, autoSelectFamily: false });
    socket.on("connect", () => {
      socket.destroy();
      resolve();
    });
    socket.on("error", reject);
  });
}

async function many(times: number): Promise<void> {
  let left = times;
  const worker = async () => {
    while (left > 0) {
      left -= 1;
      await once();
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

await many(Math.ceil(count! / 10));
const before = process.cpuUsage();
await many(count!);
const { user, system } = process.cpuUsage(before);
process.stdout.write(`${(user + system) / 1e6}\n`);
