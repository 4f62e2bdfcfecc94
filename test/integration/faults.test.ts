// A short campaign of faults on real servers, Redis for a broker; and mutants, which prove that it can fail.
import { testFaults } from "../faults/check.ts";
import { casesOnRedis } from "../faults/faults.ts";

testFaults(casesOnRedis, {
  "without fsync": "the power is cut",
  "accepted before the commit": "the spool's disk stands still, and our process is killed over it",
  "timed-out connection kept open":
    "the network swallows while the spool has no room, and old connections are mended last",
  "removed before the broker has it": "redis is killed and restarted",
  "new events overtake those in the spool": "redis is stopped and resumed",
  "a damaged log taken for a shorter one": "a bit of the spool's log flips",
});
