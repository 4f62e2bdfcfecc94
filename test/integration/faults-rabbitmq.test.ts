// A short campaign of faults on real servers, RabbitMQ for a broker; and a mutant, which proves that it can fail.
import { testFaults } from "../faults/check.ts";
import { casesOnRabbitmq } from "../faults/faults.ts";

testFaults(casesOnRabbitmq, {
  "what cannot be routed taken for delivered":
    "rabbitmq's queue is deleted, nothing can be routed, and its owner declares it again",
});
