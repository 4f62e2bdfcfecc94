// Starts the whole local stack, from a bare clone, and says where to look.
import { main } from "./command.ts";
import { ensureEngine } from "./engine.ts";
import { buildStack, openStack } from "./stack.ts";

await main(async () => {
  await ensureEngine();
  await buildStack();
  await openStack().up();
  const compose = "docker compose -f compose/docker-compose.yml";
  console.log(`
Events arrive here:   ${compose} exec logstash tail -f data/events.ndjson
Make one, or many:    ${compose} stop web   (then start web; or: exec demo supervisorctl restart worker)
Say something:        ${compose} run --rm panpan "the backup is done"   (npm run down ends it all)`);
});
