// Reads Logstash's configuration language as its grammar has it: sections, plugins, options, conditionals. Strict: what
// it does not know is an error. Source: the config language's reference, "Structure of a pipeline" and "Conditionals".

export interface Plugin {
  readonly section: string;
  readonly name: string;
  readonly options: ReadonlyMap<string, Value>;
  /** The conditions under which it stands, outermost first. */
  readonly conditions: readonly string[];
}

export type Value = string | number | boolean | readonly Value[] | ReadonlyMap<string, Value> | Plugin;

export function parsePipeline(text: string): Plugin[] {
  let at = 0;
  const plugins: Plugin[] = [];

  function fail(what: string): never {
    const line = text.slice(0, at).split("\n").length;
    throw new Error(`line ${line}: ${what}: ${JSON.stringify(text.slice(at, at + 30))}`);
  }
  function skip() {
    at += /^(\s|#[^\n]*(\n|$))*/.exec(text.slice(at))![0].length;
  }
  function take(pattern: RegExp): string | undefined {
    skip();
    const found = new RegExp(`^(?:${pattern.source})`).exec(text.slice(at))?.[0];
    if (found !== undefined) at += found.length;
    return found;
  }
  function need(pattern: RegExp, what: string): string {
    return take(pattern) ?? fail(`${what} is missing`);
  }
  const quoted = /"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'/;
  const selector = /(?:\[[^\][,]+\])+/;

  function value(): Value {
    const string = take(quoted);
    if (string !== undefined) return string.slice(1, -1);
    const number = take(/-?\d+(?:\.\d+)?(?!\w)/);
    if (number !== undefined) return Number(number);
    if (take(/\[/)) {
      const items: Value[] = [];
      while (!take(/\]/)) {
        if (items.length > 0) need(/,/, "a comma");
        items.push(value());
      }
      return items;
    }
    if (take(/\{/)) {
      const entries = new Map<string, Value>();
      while (!take(/\}/)) {
        const key = need(quoted, "a key in quotes").slice(1, -1);
        need(/=>/, "=>");
        entries.set(key, value());
      }
      return entries;
    }
    const word = need(/[A-Za-z_][A-Za-z0-9_]*/, "a value");
    skip();
    if (text[at] === "{") return plugin("codec", word, []);
    return word === "true" ? true : word === "false" ? false : word;
  }

  function plugin(section: string, name: string, conditions: readonly string[]): Plugin {
    need(/\{/, "{");
    const options = new Map<string, Value>();
    while (!take(/\}/)) {
      const key = need(/[A-Za-z_][A-Za-z0-9_]*/, "an option");
      need(/=>/, "=>");
      if (options.has(key)) fail(`${key} stands twice`);
      options.set(key, value());
    }
    return { section, name, options, conditions };
  }

  function condition(): string {
    const from = at;
    do {
      take(/!/);
      if (take(/\(/)) {
        condition();
        need(/\)/, ")");
      } else {
        const operand = new RegExp(`${selector.source}|${quoted.source}|-?\\d+(?:\\.\\d+)?`);
        need(operand, "an operand");
        if (take(/==|!=|<=|>=|<|>|=~|!~|not in\b|in\b/))
          need(new RegExp(`${operand.source}|/(?:\\\\.|[^/])+/`), "an operand");
      }
    } while (take(/and\b|or\b|xor\b|nand\b/));
    return text.slice(from, at).trim();
  }

  function branch(section: string, conditions: readonly string[]) {
    while (!take(/\}/)) {
      if (take(/if\b/)) {
        const seen: string[] = [];
        let more: "if" | "else" | undefined = "if";
        while (more !== undefined) {
          const own = more === "if" ? condition() : `not (${seen.join(" or ")})`;
          need(/\{/, "{");
          branch(section, [...conditions, own]);
          seen.push(own);
          more =
            more === "else" ? undefined : take(/else\s+if\b/) ? "if" : take(/else\b/) ? "else" : undefined;
        }
        continue;
      }
      const name = need(/[A-Za-z0-9_-]+/, "a plugin");
      plugins.push(plugin(section, name, conditions));
    }
  }

  skip();
  while (at < text.length) {
    const section = need(/input\b|filter\b|output\b/, "input, filter or output");
    need(/\{/, "{");
    branch(section, []);
    skip();
  }
  return plugins;
}
