// --doctor's look at the way to the reader, whatever the broker.
import { isInContainer } from "./container.ts";
import { diagnoseRabbitmq } from "./diagnosis-rabbitmq.ts";
import { type DiagnosisOptions, diagnoseRedis } from "./diagnosis-redis.ts";
import { examine, type Finding } from "./finding.ts";
import type { TransportValues } from "./settings.ts";
import { TransportError } from "./transport.ts";

type Diagnose = (values: TransportValues, options: DiagnosisOptions) => Promise<readonly Finding[]>;

const diagnoses: Record<TransportValues["transport"], Diagnose> = {
  redis: diagnoseRedis,
  rabbitmq: diagnoseRabbitmq,
  stdout: () =>
    Promise.resolve([{ level: "ok", subject: "stdout", message: "events go to standard output" }]),
};

const patienceMs = 20_000;

/** Writes nothing that a reader would see. An event would get through where no finding is an error. */
export async function diagnoseTransport(
  values: TransportValues,
  options: { readonly inContainer?: boolean } = {},
): Promise<readonly Finding[]> {
  const controller = new AbortController();
  const timer = setTimeout(
    () => controller.abort(new TransportError("unavailable", `no answer within ${patienceMs / 1000} s`)),
    patienceMs,
  );
  const { inContainer = isInContainer() } = options;
  try {
    return await examine("connection", () =>
      diagnoses[values.transport](values, { inContainer, signal: controller.signal }),
    );
  } finally {
    clearTimeout(timer);
  }
}
