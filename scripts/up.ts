// Starts the whole local stack, from a bare clone, and says where to look.
import { main, say, ScriptError } from "./command.ts";
import { ensureEngine } from "./engine.ts";
import { buildStack, openStack } from "./stack.ts";
import { runFromSource } from "./without-engine.ts";

await main(async () => {
  try {
    await ensureEngine();
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error;
    say(`${error.message}\nWithout an engine there is no stack: running from source instead.`);
    return runFromSource();
  }
  await buildStack();
  await openStack().up();
  const compose = "docker compose -f compose/docker-compose.yml";
  console.log(`
Events arrive here:  ${compose} exec logstash tail -f data/events.ndjson   (Cuir's page: http://127.0.0.1:9797/)
Make some:           ${compose} stop web   (then: start web; or: exec demo supervisorctl signal SEGV worker)
Say something:       ${compose} run --rm panpan "the backup is done"   (and npm run down ends it all)`);
});
