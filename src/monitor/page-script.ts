// What keeps Cuir's page current in a browser: asks for the rows that changed and for those in sight, and filters.
// Plain JavaScript, as the browser gets it.
export const pageScript = String.raw`"use strict";
(() => {
  const root = document.documentElement;
  const table = document.querySelector("#targets tbody");
  const form = document.querySelector("#filter");
  const pulse = document.querySelector("#pulse");
  const news = document.querySelector("#news");
  const asOf = document.querySelector("#as-of");
  const ranks = ["down", "unknown", "degraded", "new", "up"];
  const { compare } = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const everyMs = 3000;
  const withinMs = 10000;
  const template = document.createElement("template");

  // Shown whole without script only: here the filter is ours, so that a row which changes can come into it.
  const filtered = new URLSearchParams(location.search);
  if (filtered.has("q") || filtered.has("state")) {
    const wanted = { q: filtered.get("q") ?? "", state: filtered.get("state") ?? "" };
    sessionStorage.setItem("filter", JSON.stringify(wanted));
    location.replace(location.pathname);
    return;
  }
  const kept = JSON.parse(sessionStorage.getItem("filter") ?? "null");
  if (kept) {
    form.elements.q.value = kept.q;
    const radio = [...form.elements.state].find((input) => input.value === kept.state);
    if (radio) radio.checked = true;
  }
  root.classList.add("live");

  const visible = new Set();
  const sight = new IntersectionObserver((entries) => {
    let came = false;
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) came = !visible.has(target.id) && visible.add(target.id) && true;
      else visible.delete(target.id);
    }
    if (came && loaded) soon(400);
  }, { rootMargin: "300px 0px" });

  const facts = new WeakMap();
  function factsOf(row) {
    if (!facts.has(row)) {
      const name = row.querySelector(".who b").textContent;
      const words = (row.querySelector(".who").textContent + " " + row.querySelector(".source").textContent).toLowerCase();
      facts.set(row, { name, words });
    }
    return facts.get(row);
  }
  function isBefore(a, b) {
    const rank = ranks.indexOf(a.dataset.state) - ranks.indexOf(b.dataset.state);
    return (rank || compare(factsOf(a).name, factsOf(b).name)) < 0;
  }
  function put(row) {
    const rows = table.rows;
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore(row, rows[middle])) high = middle;
      else low = middle + 1;
    }
    table.insertBefore(row, rows[low] ?? null);
  }

  function show(row) {
    const text = form.elements.q.value.trim().toLowerCase();
    const state = form.elements.state.value;
    row.hidden = (state !== "" && row.dataset.state !== state) || !factsOf(row).words.includes(text);
  }
  function filter() {
    let shown = 0;
    for (const row of table.rows) {
      show(row);
      if (!row.hidden) shown += 1;
    }
    document.querySelector("#none").hidden = shown > 0;
    sessionStorage.setItem("filter", JSON.stringify({ q: form.elements.q.value, state: form.elements.state.value }));
    return shown;
  }
  function filterAndTell() {
    const shown = filter();
    news.textContent = shown === 1 ? "1 target is shown" : shown + " targets are shown";
  }

  function replace(old, markup, moved) {
    template.innerHTML = markup;
    const row = template.content.querySelector("tr");
    if (!row) return;
    if (!moved) {
      // In place: focus and the pointer stay where they are.
      for (const [at, cell] of [...row.cells].entries())
        if (old.cells[at].innerHTML !== cell.innerHTML && !old.cells[at].contains(document.activeElement)) old.cells[at].replaceWith(cell);
      return;
    }
    sight.unobserve(old);
    const hadFocus = old.contains(document.activeElement);
    old.remove();
    row.classList.add("moved");
    put(row);
    show(row);
    sight.observe(row);
    if (hadFocus) (row.querySelector("a") ?? document.querySelector("#targets")).focus();
  }

  function tell(changed) {
    const rows = changed.map((at) => document.getElementById("t" + at)).filter(Boolean);
    if (rows.length === 0) return;
    const words = (row) => factsOf(row).name + ": " + [...row.querySelectorAll(".state b, .state small")].map((part) => part.textContent).join(", ");
    news.textContent = rows.length <= 3 ? rows.map(words).join(". ") : rows.length + " targets changed. " + document.querySelector("#headline").textContent;
  }

  let revision = root.dataset.revision;
  let loaded = false;
  let lastMs = Date.now();
  let timer;
  let asking = false;

  function soon(ms) {
    clearTimeout(timer);
    timer = setTimeout(ask, ms);
  }
  async function ask() {
    if (asking) return;
    if (document.hidden) return soon(everyMs);
    asking = true;
    try {
      const fresh = [...visible].slice(0, 120).map((id) => id.slice(1)).join(",");
      const response = await fetch("rows?since=" + encodeURIComponent(revision) + "&fresh=" + fresh, { signal: AbortSignal.timeout(withinMs), cache: "no-store" });
      if (!response.ok) throw new Error(response.status);
      const answer = await response.json();
      if (answer.reload) return location.reload();
      revision = answer.revision;
      const changed = new Set(answer.changed);
      for (const [at, markup] of Object.entries(answer.rows)) {
        const old = document.getElementById("t" + at);
        if (old) replace(old, markup, changed.has(Number(at)));
      }
      const title = answer.headline + " – " + document.title.split(" – ").slice(1).join(" – ");
      if (document.title !== title) document.title = title;
      document.querySelector("#headline").textContent = answer.headline;
      if (root.dataset.mood !== answer.mood) {
        root.dataset.mood = answer.mood;
        document.querySelector("link[rel=icon]").href = "icon-" + answer.mood + ".svg";
      }
      for (const count of document.querySelectorAll("[data-count]")) {
        const state = count.dataset.count;
        count.textContent = state === "" ? answer.total : answer.counts[state];
        const chip = count.closest("label");
        chip.hidden = !["", "up", "down"].includes(state) && answer.counts[state] === 0 && !chip.querySelector("input").checked;
      }
      if (changed.size > 0) {
        filter();
        tell(answer.changed);
      }
      lastMs = Date.now();
      asOf.dateTime = answer.at;
      asOf.textContent = new Date(answer.at).toLocaleString();
      pulse.hidden = false;
      pulse.classList.remove("lost");
      pulse.textContent = "Live";
      loaded = true;
    } catch {
      const text = "Cuir has not answered since " + new Date(lastMs).toLocaleTimeString() + ": what you see is of then";
      if (pulse.textContent !== text && Date.now() - lastMs > everyMs * 2) {
        pulse.hidden = false;
        pulse.classList.add("lost");
        pulse.textContent = text;
        news.textContent = text;
      }
    } finally {
      asking = false;
      soon(everyMs);
    }
  }

  for (const row of table.rows) sight.observe(row);
  let typing;
  form.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(filterAndTell, 120);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    filterAndTell();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== form.elements.q) {
      event.preventDefault();
      form.elements.q.focus();
    } else if (event.key === "Escape" && document.activeElement === form.elements.q) {
      form.elements.q.value = "";
      filterAndTell();
    }
  });
  document.addEventListener("visibilitychange", () => document.hidden || soon(0));
  for (const time of document.querySelectorAll("footer time")) time.textContent = new Date(time.dateTime).toLocaleString();
  filter();
  soon(300);
})();
`;
