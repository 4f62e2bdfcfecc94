// Whether we run in a container, where 127.0.0.1 is not the machine.
import { existsSync } from "node:fs";

const marks = ["/.dockerenv", "/run/.containerenv", "/var/run/secrets/kubernetes.io"];

export function isInContainer(): boolean {
  return marks.some((path) => existsSync(path));
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}
