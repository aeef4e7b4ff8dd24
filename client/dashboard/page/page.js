// page.js - the page's state: rows by their keys as the events bring them, what of them is shown, and when it is stale.
import { age, clock, el, entryNode, explained, examination, PoolRow, poolProblems, poolState, ServiceRow, setClass, setText, sign, STATES } from "./render.js";
import { FleetCard, fleetProblems } from "./fleet.js";

const $ = (id) => document.getElementById(id);
/** Nothing heard for so long is stale: the program tells at least every 3 s. */
const SILENT_MS = 8000;
const FIRST_ENTRIES = 40;

const rows = new Map(); // key -> row
const views = new Map(); // key -> what draws it
let offset = 0; // the program's clock less ours
let heardMs = 0;
let connected = false;
let ended = false;
let entriesShown = FIRST_ENTRIES;
let dirty = new Set();
let drawing = false;
const now = () => Date.now() + offset;
const page = {
  ask: async (path) => {
    const answer = await fetch(path, { cache: "no-store" });
    if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
    return answer.json();
  },
  pastOf: (namespace, pool) => entries().filter((entry) => entry.namespace === namespace && entry.pool === pool),
};

// --- what is shown: in the link's fragment, so that it can be shared ---

const filter = { ns: "", q: "", only: false };

function readFragment() {
  const parts = new URLSearchParams(location.hash.slice(1));
  filter.ns = parts.get("ns") || "";
  filter.q = parts.get("q") || "";
  filter.only = parts.get("only") === "attention";
  $("query").value = filter.q;
  $("only").checked = filter.only;
  showNamespaces();
}

function fragment() {
  const parts = new URLSearchParams();
  if (filter.ns) parts.set("ns", filter.ns);
  if (filter.q) parts.set("q", filter.q);
  if (filter.only) parts.set("only", "attention");
  return parts.toString();
}

function filterChanged() {
  history.replaceState(null, "", "#" + fragment());
  drawAll();
}

const sortOf = (key) => key.slice(0, key.indexOf(" "));
const text = (row) => (row.search ??= JSON.stringify([row.namespace, row.pool, row.leader, row.service, row.leaderService, row.name, row.cluster, row.executing,
  row.successor, row.to, row.from, row.message, row.cause, row.reason, row.queue, row.workloads, row.clusters]).toLowerCase());

function matches(key, row) {
  if (filter.ns && row.namespace !== undefined && row.namespace !== filter.ns) return false;
  if (filter.q && !filter.q.toLowerCase().split(/\s+/).every((word) => text(row).includes(word))) return false;
  return !filter.only || isWrong(key, row);
}

function isWrong(key, row) {
  switch (sortOf(key)) {
    case "pool": return poolProblems(row, now()).length > 0;
    case "service": return row.state !== "leads";
    case "event": return row.warning === true;
    default: return fleetProblems(row).length > 0;
  }
}

function showNamespaces() {
  const names = new Set([...rows].filter(([key]) => ["pool", "service", "membership"].includes(sortOf(key))).map(([, row]) => row.namespace));
  if (filter.ns) names.add(filter.ns);
  const wanted = ["", ...[...names].sort()];
  const select = $("namespace");
  if (JSON.stringify([...select.options].map((option) => option.value)) !== JSON.stringify(wanted)) {
    select.replaceChildren(...wanted.map((name) => el("option", { value: name, text: name || "all namespaces" })));
  }
  select.value = filter.ns;
}

// --- drawing: at most once a frame, and only what has changed ---

const LISTS = { pool: ["pools-list", PoolRow], service: ["services-list", ServiceRow], fleet: ["fleet-list", FleetCard], membership: ["fleet-list", FleetCard] };

function draw(key) {
  dirty.add(key);
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(step);
}

/** A thousand rows at once would hold up a frame: the rest comes in the next one. */
const SLICE_MS = 8;
function step() {
  const until = performance.now() + SLICE_MS;
  for (const key of dirty) {
    dirty.delete(key);
    if (key === "events") drawEntries();
    else drawRow(key);
    if (performance.now() > until) break;
  }
  if (dirty.size) {
    requestAnimationFrame(step);
    return;
  }
  drawing = false;
  drawSums();
}

function drawRow(key) {
  const list = LISTS[sortOf(key)];
  const row = rows.get(key);
  let view = views.get(key);
  if (!list) return;
  if (!row) {
    if (view) {
      visible.unobserve(view.node);
      inView.delete(view);
      view.node.remove();
      views.delete(key);
    }
    return;
  }
  if (!view) {
    view = new list[1](key, page);
    view.key = key;
    views.set(key, view);
    insert($(list[0]), view.node, key);
    view.node.view = view;
    visible.observe(view.node);
  }
  view.update(row, now());
  showOrHide(key, view, row);
}

function showOrHide(key, view, row) {
  const shown = matches(key, row) && !isPartOfAnother(key, row);
  if (view.node.hidden === shown) view.node.hidden = !shown;
}

/** With a hub, a fleet's card has this cluster among the others. */
const isPartOfAnother = (key, row) => sortOf(key) === "membership" && rows.has("fleet " + row.pool);

/** In the order of keys; most rows come in order, so the end is looked at first. */
function insert(list, node, key) {
  node.key = key;
  let low = 0, high = list.children.length;
  if (high && list.lastElementChild.key < key) low = high;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list.children[middle].key < key) low = middle + 1;
    else high = middle;
  }
  list.insertBefore(node, list.children[low] || null);
}

/** Another filter: what the rows say is what they said, so that one pass does. */
function drawAll() {
  for (const [key, view] of views) if (rows.has(key)) showOrHide(key, view, rows.get(key));
  draw("events");
  drawSums();
}

const entries = () => [...rows].filter(([key]) => key.startsWith("event ")).map(([, row]) => row).sort((a, b) => b.atMs - a.atMs);

function drawEntries() {
  const found = [...rows].filter(([key, row]) => key.startsWith("event ") && matches(key, row)).sort((a, b) => b[1].atMs - a[1].atMs);
  const list = $("timeline-list");
  const known = new Map([...list.children].map((node) => [node.key, node]));
  const wanted = found.slice(0, entriesShown).map(([key, row]) => {
    const node = known.get(key);
    if (node && node.row === row) return node;
    const made = entryNode(row, page);
    made.key = key;
    made.row = row;
    return made;
  });
  const keep = new Set(wanted);
  for (const node of [...list.children]) if (!keep.has(node)) node.remove();
  wanted.forEach((node, i) => {
    if (list.children[i] !== node) list.insertBefore(node, list.children[i] || null);
  });
  setText($("timeline-count"), found.length ? `${found.length}` : "");
  $("timeline-none").hidden = found.length > 0;
  $("timeline-more").hidden = found.length <= entriesShown;
}

// --- sums and what needs attention ---

function sum(id, count, word, glyph, kind, target) {
  let node = $(id);
  if (!node) {
    node = el("a", { class: "sum", id, href: target, on: { click: (event) => {
      event.preventDefault();
      $(target.slice(1)).scrollIntoView();
    } } }, el("strong"), sign(glyph, kind), el("span"));
    $("sums").append(node);
  }
  setText(node.children[0], count);
  setClass(node.children[1], "sign " + kind);
  setText(node.children[1], glyph);
  setText(node.children[2], " " + word);
}

function drawSums() {
  const at = now();
  const sums = { pools: 0, led: 0, shown: 0, without: 0, blocked: 0, waiting: 0, acting: 0, may: 0, services: 0, fleets: 0 };
  const wrong = [];
  for (const [key, row] of rows) {
    const sort = sortOf(key);
    if (filter.ns && row.namespace !== undefined && row.namespace !== filter.ns) continue;
    if (sort === "pool") {
      sums.pools++;
      if (!views.get(key)?.node.hidden) sums.shown++;
      const state = poolState(row, at);
      if (row.leader !== null) sums.led++;
      if (state === "electing") sums.without++;
      sums.blocked += row.blocked;
      sums.waiting += row.waiting;
      const problems = poolProblems(row, at);
      if (problems.length) wrong.push([STATES[state].kind === "bad" ? 0 : 1, key, `${row.namespace}/${row.pool}`, problems[0].text]);
    } else if (sort === "service") {
      sums.services++;
      if (row.state !== "leads") wrong.push([1, key, `Service ${row.namespace}/${row.service}`, row.state === "missing" ? "has no leader Service" : "leads nowhere: no pod is Ready"]);
    } else if (sort === "fleet" || sort === "membership") {
      sums.fleets++;
      if (isPartOfAnother(key, row)) continue;
      if (sort === "fleet") {
        sums.acting += row.clusters.filter((cluster) => cluster.state === "Active").length;
        sums.may += row.n;
      }
      for (const problem of fleetProblems(row)) wrong.push([0, key, `Fleet ${row.pool}`, problem]);
    }
  }
  sum("sum-led", `${sums.led} of ${sums.pools}`, "pools have a leader", "●", "good", "#pools");
  sum("sum-without", String(sums.without), "without one", sums.without ? "▲" : "✓", sums.without ? "bad" : "good", "#pools");
  sum("sum-blocked", String(sums.blocked), "replicas in reserve", "⊘", "soft", "#pools");
  sum("sum-waiting", String(sums.waiting), "Jobs wait for their turn", "○", sums.waiting ? "busy" : "soft", "#pools");
  if (sums.may) sum("sum-fleet", `${sums.acting} of ${sums.may}`, "clusters act", "▶", "busy", "#fleet");
  setText($("pools-count"), sums.pools ? (sums.shown === sums.pools ? `${sums.pools}` : `${sums.shown} of ${sums.pools} shown`) : "");
  setText($("services-count"), sums.services ? `${sums.services}` : "");
  $("services").hidden = $("nav-services").hidden = sums.services === 0;
  $("fleet").hidden = $("nav-fleet").hidden = sums.fleets === 0;
  const none = $("pools-none");
  none.hidden = sums.shown > 0;
  setText(none, !rows.has("health") ? "Loading…" : sums.pools ? "No pool is like that." : "There is no pool here yet. A LeaderPolicy makes one; a label zen-lead/pool on a Deployment joins it.");
  drawAttention(wrong.sort((a, b) => a[0] - b[0] || (a[1] < b[1] ? -1 : 1)));
}

let attentionSaid = "";
function drawAttention(wrong) {
  const said = JSON.stringify(wrong);
  if (said === attentionSaid) return;
  attentionSaid = said;
  $("attention").hidden = wrong.length === 0;
  setText($("attention-count"), wrong.length > 12 ? `${wrong.length}, the first 12` : `${wrong.length}`);
  setClass($("attention"), wrong.some(([grave]) => grave === 0) ? "is-bad" : "is-warn");
  $("attention-list").replaceChildren(...wrong.slice(0, 12).map(([grave, key, name, problem]) => el("li", {}, sign("▲", grave ? "warn" : "bad"),
    el("a", { href: "#", text: name, on: { click: (event) => {
      event.preventDefault();
      goTo(key);
    } } }), `: ${problem}`)));
  document.title = wrong.length ? `(${wrong.length}) zen-lead` : "zen-lead";
}

function goTo(key) {
  const view = views.get(key);
  if (!view) return;
  if (view.node.hidden) {
    filter.q = "";
    filter.only = false;
    $("query").value = "";
    $("only").checked = false;
    filterChanged();
    view.node.hidden = false;
  }
  view.node.scrollIntoView({ block: "center" });
  view.node.focus({ preventScroll: true });
}

// --- what passes by itself: of the rows in view alone ---

const inView = new Set();
const visible = new IntersectionObserver((changes) => {
  for (const change of changes) {
    if (change.isIntersecting) {
      inView.add(change.target.view);
      if (change.target.view.row) change.target.view.tick(now());
    } else inView.delete(change.target.view);
  }
}, { rootMargin: "200px" });

setInterval(() => {
  for (const view of inView) view.tick(now());
  drawLive();
  if (filter.only) drawAll(); // a Lease expires without an event
  else drawSums();
}, 1000);

// --- is it true now? ---

function notice(key, className, message) {
  let node = $("notice-" + key);
  if (!message) {
    node?.remove();
    return;
  }
  if (!node) {
    node = el("p", { id: "notice-" + key, role: "status" });
    $("notices").append(node);
  }
  setClass(node, className);
  setText(node, message);
}

function drawLive() {
  const health = rows.get("health");
  const silent = heardMs && Date.now() - heardMs > SILENT_MS;
  const stale = health ? health.kinds.filter((kind) => kind.state === "stale") : [];
  const lost = ended || !connected || silent;
  const since = lost && heardMs ? heardMs + offset : stale.length ? Math.min(...stale.map((kind) => kind.staleSinceMs)) : 0;
  let state = "now", glyph = "●", word = "live";
  if (!heardMs) [state, glyph, word] = ["loading", "○", connected ? "loading" : "connecting"];
  else if (lost || stale.length) [state, glyph, word] = ["stale", "▲", `stale for ${age(now() - since)}`];
  else if (health?.kinds.some((kind) => kind.state === "loading")) [state, glyph, word] = ["loading", "○", "loading"];
  setClass($("live"), "live " + state);
  setText($("live").firstElementChild, glyph);
  setText($("live-text"), word);
  notice("lost", "bad", ended ? "This session is over: start zen-lead dashboard again and open the URL that it prints."
    : lost && heardMs ? `▲ zen-lead dashboard does not answer since ${clock(heardMs + offset)}: what you see is from then. Trying again.` : "");
  const down = stale.filter((kind) => kind.title !== "the fleet's hub");
  notice("stale", "bad", !lost && down.length ? `▲ ${health.reached ? `Not followed: ${down.map((kind) => kind.title).join(", ")}.` : "The API server is not reached."} What you see is from ${clock(Math.min(...down.map((kind) => kind.staleSinceMs)))}. Trying again.${down[0].problem ? " (" + down[0].problem + ")" : ""}` : "");
  const hub = stale.find((kind) => kind.title === "the fleet's hub");
  notice("hub", "bad", !lost && hub ? `▲ The fleet's hub is not reached: its clusters are shown as they were at ${clock(hub.staleSinceMs)}. ${hub.problem || ""}` : "");
  const missing = health ? health.kinds.filter((kind) => kind.state === "missing") : [];
  notice("missing", "", missing.length ? `⊘ zen-lead is not installed in this cluster: it does not know ${missing.map((kind) => kind.title).join(", ")}.` : "");
  const forbidden = health ? health.kinds.filter((kind) => kind.state === "forbidden") : [];
  notice("forbidden", "", forbidden.length ? `⊘ Not shown, because you may not read it: ${forbidden.map((kind) => kind.title).join(", ")}. Rights in one namespace are enough: zen-lead dashboard -n NAMESPACE. (${forbidden[0].problem})` : "");
}

// --- events ---

function take(message) {
  offset = message.now - Date.now();
  heardMs = Date.now();
  if (message.whole) {
    for (const key of [...rows.keys()]) if (!(key in message.set)) message.drop.push(key);
  }
  for (const key of message.drop) {
    rows.delete(key);
    touched(key);
  }
  for (const [key, row] of Object.entries(message.set)) {
    rows.set(key, row);
    touched(key);
  }
  if (message.drop.length || Object.keys(message.set).length) showNamespaces();
  drawLive();
}

function touched(key) {
  draw(key.startsWith("event ") ? "events" : key);
  if (sortOf(key) === "fleet") for (const other of rows.keys()) if (sortOf(other) === "membership") draw(other);
}

function connect() {
  const source = new EventSource("events");
  source.onopen = () => {
    connected = true;
    drawLive();
  };
  source.onmessage = (event) => take(JSON.parse(event.data));
  source.onerror = () => {
    connected = false;
    if (source.readyState === EventSource.CLOSED) { // refused: by another program on this port, or another session
      source.close();
      fetch("about", { cache: "no-store" }).then((answer) => {
        ended = answer.status === 404 || answer.status === 403;
        if (!ended) connect();
        drawLive();
      }, () => setTimeout(connect, 2000));
    }
    drawLive();
  };
}

// --- a person ---

function wait(call, ms) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(call, ms);
  };
}

$("filter").addEventListener("submit", (event) => event.preventDefault());
$("query").addEventListener("input", wait(() => {
  filter.q = $("query").value.trim();
  filterChanged();
}, 120));
$("namespace").addEventListener("change", () => {
  filter.ns = $("namespace").value;
  filterChanged();
});
$("only").addEventListener("change", () => {
  filter.only = $("only").checked;
  filterChanged();
});
$("copy").addEventListener("click", async () => {
  const link = location.origin + location.pathname + "#" + fragment();
  try {
    await navigator.clipboard.writeText(link);
    setText($("copy"), "Copied");
  } catch {
    setText($("copy"), "See the address bar");
  }
  setTimeout(() => setText($("copy"), "Copy link"), 2000);
});
$("timeline-more").addEventListener("click", () => {
  entriesShown += FIRST_ENTRIES;
  draw("events");
});
$("doctor-run").addEventListener("click", async () => {
  $("doctor-run").disabled = true;
  setText($("doctor-run"), "Checking…");
  try {
    $("doctor-result").replaceChildren(...examination(await page.ask("doctor")));
  } catch (error) {
    $("doctor-result").replaceChildren(explained({ error: String(error.message || error) }));
  }
  $("doctor-run").disabled = false;
  setText($("doctor-run"), "Run the checks again");
});
document.addEventListener("keydown", (event) => {
  const typing = /^(input|select|textarea)$/i.test(event.target.tagName);
  if (event.key === "Escape" && event.target === $("query")) {
    $("query").value = filter.q = "";
    filterChanged();
    $("query").blur();
  } else if (typing || event.ctrlKey || event.metaKey || event.altKey) {
    return;
  } else if (event.key === "/") {
    event.preventDefault();
    $("query").focus();
  } else if (event.key === "j" || event.key === "k") {
    const list = [...$("pools-list").children].filter((node) => !node.hidden);
    const at = list.indexOf(document.activeElement.closest?.(".row"));
    const next = list[event.key === "j" ? Math.min(at + 1, list.length - 1) : Math.max(at - 1, 0)];
    next?.focus();
  }
});
// The fragment is the filter's: a link within the page must not take its place.
for (const link of document.querySelectorAll('nav a, .skip')) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    const target = $(link.getAttribute("href").slice(1));
    target.tabIndex = -1;
    target.scrollIntoView();
    target.focus({ preventScroll: true });
  });
}
window.addEventListener("hashchange", () => {
  readFragment();
  drawAll();
});

readFragment();
page.ask("about").then((about) => {
  setText($("about"), `${about.server.replace(/^https?:\/\//, "")} · ${about.namespace ? "namespace " + about.namespace : "all namespaces"}`);
  setText($("foot").firstChild, `zen-lead ${about.version} · read only, with your own rights. `);
}).catch(() => {});
connect();
