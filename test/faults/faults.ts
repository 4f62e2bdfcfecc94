// All faults, each on the broker that it is played on.
import { rabbitmq, redis } from "./brokers.ts";
import { diskFaults } from "./disk-faults.ts";
import { type Case, on } from "./fault.ts";
import { processFaults } from "./process-faults.ts";
import { rabbitmqFaults } from "./rabbitmq-faults.ts";
import { redisFaults } from "./redis-faults.ts";

export const casesOnRedis: readonly Case[] = [...redisFaults, ...processFaults, ...diskFaults].map(on(redis));

export const casesOnRabbitmq: readonly Case[] = rabbitmqFaults.map(on(rabbitmq));

export const cases = [...casesOnRedis, ...casesOnRabbitmq];
