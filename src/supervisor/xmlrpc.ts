// XML-RPC as supervisord speaks it: calls to text, answers to values. Pure.
// Source: http://xmlrpc.com/spec.md; the subset that Python's xmlrpc.client and supervisor/xmlrpc.py write.

export type XmlValue = string | number | boolean | null | XmlValue[] | { [name: string]: XmlValue };

export type Answer =
  | { readonly kind: "value"; readonly value: XmlValue }
  | { readonly kind: "fault"; readonly code: number; readonly text: string };

export function formatCall(method: string, params: readonly XmlValue[]): string {
  const values = params.map((param) => `<param><value>${format(param)}</value></param>`).join("");
  return `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params>${values}</params></methodCall>`;
}

function format(value: XmlValue): string {
  if (typeof value === "number") return `<int>${value}</int>`;
  if (typeof value === "boolean") return `<boolean>${value ? 1 : 0}</boolean>`;
  if (Array.isArray(value)) {
    return `<array><data>${value.map((item) => `<value>${format(item)}</value>`).join("")}</data></array>`;
  }
  if (value !== null && typeof value === "object") {
    const members = Object.entries(value).map(
      ([name, item]) => `<member><name>${escape(name)}</name><value>${format(item)}</value></member>`,
    );
    return `<struct>${members.join("")}</struct>`;
  }
  return `<string>${escape(value ?? "")}</string>`;
}

const escape = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** Throws a SyntaxError on what is no answer. */
export function parseResponse(xml: string): Answer {
  const tokens = [...xml.matchAll(/<(\/?)([\w.]+)\s*(\/?)>|([^<]+)/g)];
  let at = 0;

  const peek = () => {
    const [, closing, name, empty, text] = tokens[at] ?? [];
    return { closing: closing === "/", name, empty: empty === "/", text };
  };
  const open = (name: string) => {
    skipSpace();
    const token = peek();
    if (token.name !== name || token.closing) throw new SyntaxError(`<${name}> expected`);
    at += 1;
    return !token.empty;
  };
  const close = (name: string) => {
    skipSpace();
    const token = peek();
    if (token.name !== name || !token.closing) throw new SyntaxError(`</${name}> expected`);
    at += 1;
  };
  const opens = (name: string) => {
    skipSpace();
    const token = peek();
    return token.name === name && !token.closing;
  };
  const skipSpace = () => {
    while (peek().text?.trim() === "") at += 1;
  };
  const text = () => {
    const { text } = peek();
    if (text === undefined) return "";
    at += 1;
    return unescape(text);
  };

  function value(): XmlValue {
    if (!open("value")) return "";
    const plain = peek().text;
    const next = tokens[at + 1];
    if (plain !== undefined && next?.[1] === "/" && next[2] === "value") {
      const result = text();
      close("value");
      return result;
    }
    skipSpace();
    const { name, closing, empty } = peek();
    if (name === undefined || closing) {
      close("value");
      return "";
    }
    at += 1;
    const result = empty ? "" : typed(name);
    close("value");
    return result;
  }

  function typed(name: string): XmlValue {
    if (name === "array") {
      const items: XmlValue[] = [];
      if (open("data")) {
        while (opens("value")) items.push(value());
        close("data");
      }
      close("array");
      return items;
    }
    if (name === "struct") {
      const members: [string, XmlValue][] = [];
      while (opens("member")) {
        open("member");
        open("name");
        const key = text();
        close("name");
        members.push([key, value()]);
        close("member");
      }
      close("struct");
      return Object.fromEntries(members);
    }
    const content = text();
    close(name);
    if (name === "int" || name === "i4" || name === "i8" || name === "double") return Number(content);
    if (name === "boolean") return content.trim() === "1";
    if (name === "nil") return null;
    return content;
  }

  while (at < tokens.length && !opens("methodResponse")) at += 1;
  open("methodResponse");
  if (opens("fault")) {
    open("fault");
    const fault = value();
    const { faultCode, faultString } = fault as { faultCode?: XmlValue; faultString?: XmlValue };
    return {
      kind: "fault",
      code: Number(faultCode),
      text: typeof faultString === "string" ? faultString : "",
    };
  }
  open("params");
  open("param");
  return { kind: "value", value: value() };
}

const entities = new Map([
  ["amp", "&"],
  ["lt", "<"],
  ["gt", ">"],
  ["quot", '"'],
  ["apos", "'"],
]);

function unescape(text: string): string {
  return text.replaceAll(/&(#x?[\da-f]+|\w+);/gi, (whole, name: string) => {
    if (!name.startsWith("#")) return entities.get(name) ?? whole;
    const code = /^#x/i.test(name) ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}
