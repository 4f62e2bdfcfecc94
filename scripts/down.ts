// Ends the local stack and leaves nothing of it behind.
import { main, say } from "./command.ts";
import { engineAnswers } from "./engine.ts";
import { openStack } from "./stack.ts";

await main(async () => {
  if (await engineAnswers()) await openStack().down();
  else say("No Docker engine answers: nothing of the stack is running.");
});
