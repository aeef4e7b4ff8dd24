// render.js - how one row looks. Text only ever becomes a text node: whatever an annotation or an Event holds is shown, never run.

/** el("p", {class: "x", text: "…", on: {click: f}}, child, …) */
export function el(name, options = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(options)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "text") node.textContent = value;
    else if (key === "on") for (const [type, call] of Object.entries(value)) node.addEventListener(type, call);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Nothing is written where nothing has changed: a browser lays out what is written. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
export function setClass(node, text) {
  if (node.className !== text) node.className = text;
}

export function age(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  for (const [below, unit, letter] of [[120, 1, "s"], [7200, 60, "m"], [172800, 3600, "h"]]) {
    if (s < below) return Math.floor(s / unit) + letter;
  }
  return Math.floor(s / 86400) + "d";
}
export const clock = (ms) => new Date(ms).toLocaleTimeString([], { hour12: false });
export const sign = (text, kind) => el("span", { class: "sign " + kind, "aria-hidden": "true", text });

/** What a state is called, its sign and its colour. Never a colour alone. */
export const STATES = {
  leads: { word: "led", sign: "●", kind: "good" },
  starting: { word: "leader not Ready", sign: "◐", kind: "warn" },
  handover: { word: "hands over", sign: "⇄", kind: "busy" },
  electing: { word: "no leader", sign: "▲", kind: "bad" },
  late: { word: "Lease expired", sign: "▲", kind: "warn" },
  idle: { word: "idle: nobody asks", sign: "○", kind: "soft" },
  missing: { word: "no leader Service", sign: "▲", kind: "bad" },
};

/** Clocks of two machines differ by so much without any fault. */
const CLOCKS_MS = 2000;

/** The Lease of a pool is renewed late: its leader stays, and nobody looks after it. */
export function poolState(row, now) {
  return row.state === "leads" && row.validMs !== null && row.validMs + CLOCKS_MS < now ? "late" : row.state;
}

/** What is wrong with a pool, as texts; none: it is as it ought to be. */
export function poolProblems(row, now) {
  const found = row.problems.filter((problem) => problem.wrong).map((problem) => ({ text: problem.message || problem.reason, reason: problem.reason, sinceMs: problem.sinceMs }));
  if (poolState(row, now) === "late") {
    found.unshift({ text: "the Lease expired and is not renewed: is the controller up? The leader stays as long as its pod lives", reason: "LeaseExpired", sinceMs: row.validMs });
  }
  if (row.state === "electing" && !found.length) {
    found.unshift({ text: row.phase === null ? "the controller has not seen this pool yet" : "nobody leads", reason: "NoLeader", sinceMs: row.sinceMs });
  }
  return found;
}

function badge(state) {
  const { word, sign: glyph, kind } = STATES[state] || STATES.idle;
  return [`badge ${kind}`, glyph, word];
}

function field(name, label) {
  const value = el("span", { class: "value" });
  return { node: el("div", { class: "field " + name }, el("span", { text: label }), value), value };
}

/** One pool: made once, then updated by what differs. */
export class PoolRow {
  constructor(key, page) {
    this.key = key;
    this.page = page;
    this.badge = el("span", { class: "badge" });
    this.name = el("h3");
    this.where = el("p", { class: "where" });
    this.leader = field("leader", "Leader");
    this.token = field("token", "Token");
    this.lease = field("lease", "Lease valid for");
    this.candidates = field("candidates", "Candidates");
    this.refused = field("refused", "Refused");
    this.notes = el("ul", { class: "notes" });
    this.queue = el("div", { class: "queue" });
    this.more = el("div", { class: "more" });
    this.details = el("details", { on: { toggle: () => this.fill() } }, el("summary", { text: "Why? Explain" }), this.more);
    this.node = el("li", { class: "row", id: "row-" + encodeURIComponent(key), tabindex: "-1" },
      el("div", { class: "grid" }, el("div", { class: "head" }, el("div", { class: "title" }, this.name, this.badge), this.where), this.leader.node, this.token.node,
        this.lease.node, this.candidates.node, this.refused.node), this.notes, this.queue, this.details);
    this.said = "";
  }

  update(row, now) {
    const taken = this.row && row.leader !== null && (this.row.leader !== row.leader || this.row.token !== row.token);
    this.row = row;
    setText(this.name, row.pool);
    setText(this.where, `${row.namespace} · ${row.followerMode}`);
    setText(this.token.value, row.token ? String(row.token) : "–");
    setText(this.candidates.value, String(row.candidates));
    const replicas = row.blocked === 1 ? "1 replica" : `${row.blocked} replicas`;
    setText(this.refused.value, !row.blocked ? "none" : row.leader === null ? replicas : replicas + ", as reserve");
    this.update_notes(now);
    this.update_queue();
    this.tick(now);
    if (this.details.open) this.fill();
    if (taken) this.flash();
  }

  flash() {
    this.node.classList.add("is-new");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.node.classList.remove("is-new"), 4000);
  }

  update_notes(now) {
    const row = this.row;
    const notes = poolProblems(row, now).map((problem) =>
      ["▲", row.state === "leads" ? "warn" : "bad", problem.text + (problem.sinceMs ? `, since ${clock(problem.sinceMs)}` : "")]);
    for (const step of row.problems.filter((problem) => !problem.wrong)) notes.push(["↻", "busy", step.message || step.reason]);
    if (row.successor) notes.push(["⇄", "busy", `hands over to ${row.successor}`]);
    for (const workload of row.workloads) {
      if (workload.waitingRevision) notes.push(["↻", "busy", `revision ${workload.waitingRevision} of ${workload.kind} ${workload.name} waits`]);
    }
    const said = JSON.stringify(notes);
    if (said === this.said) return;
    this.said = said;
    this.notes.replaceChildren(...notes.map(([glyph, kind, text]) => el("li", {}, sign(glyph, kind), el("span", { text }))));
  }

  update_queue() {
    const { executing, queue, waiting } = this.row;
    const said = JSON.stringify([executing, queue, waiting]);
    if (said === this.saidQueue) return;
    this.saidQueue = said;
    const chips = [];
    if (executing) chips.push(el("span", { class: "chip busy", text: `▶ ${executing} executes` }));
    queue.forEach((job, i) => chips.push(el("span", { class: "chip", text: `${i + 1}. ${job.name}` })));
    if (waiting > queue.length) chips.push(el("span", { class: "soft", text: `and ${waiting - queue.length} more` }));
    if (chips.length) chips.unshift(el("span", { class: "soft", text: queue.length ? `Jobs, ${waiting} wait:` : "Jobs:" }));
    this.queue.replaceChildren(...chips);
  }

  /** What passes by itself. */
  tick(now) {
    const row = this.row;
    const state = poolState(row, now);
    const [className, glyph, word] = badge(state);
    if (this.state !== state) {
      this.state = state;
      setClass(this.badge, className);
      this.badge.replaceChildren(sign(glyph, ""), word);
      this.node.classList.remove("is-good", "is-warn", "is-bad", "is-busy", "is-soft");
      this.node.classList.add("is-" + STATES[state].kind);
      if (this.row) this.update_notes(now);
    }
    setText(this.leader.value, row.leader === null ? "nobody" : row.sinceMs ? `${row.leader}, for ${age(now - row.sinceMs)}` : row.leader);
    setText(this.lease.value, row.validMs === null ? "–" : row.validMs < now ? `expired ${age(now - row.validMs)} ago` : age(row.validMs - now));
  }

  /** What stands behind "explain": made when somebody looks. */
  fill() {
    if (!this.details.open) return;
    const row = this.row;
    const subjects = row.workloads.map((workload) => [workload.kind, workload.name]);
    if (row.executing) subjects.push(["Job", row.executing]);
    row.queue.forEach((job) => subjects.push(["Job", job.name]));
    if (row.leader) subjects.push(["Pod", row.leader]);
    const said = JSON.stringify(subjects);
    if (said !== this.saidSubjects) {
      this.saidSubjects = said;
      this.more.replaceChildren(...subjects.map(([kind, name]) => explainer(this.page, row.namespace, kind, name)),
        subjects.length ? "" : el("p", { class: "soft", text: "No workload is in this pool yet. Label one: zen-lead/pool: " + row.pool }));
      this.history = el("ul", { class: "notes" });
      this.more.append(this.history);
    }
    const past = this.page.pastOf(row.namespace, row.pool).slice(0, 5);
    this.history.replaceChildren(...past.map((entry) => el("li", {}, el("time", { class: "soft", text: clock(entry.atMs) }), el("span", { text: "  " + entryText(entry) }))));
  }
}

/** Four lines, as `zen-lead explain` prints them. */
export function explained(answer) {
  const lines = answer.error ? [["cannot know", answer.error]] : [["so it is", answer.what], ["by", answer.by], ["changes", answer.changes], ["do", answer.do]];
  return el("dl", { class: "explained" }, ...lines.filter(([, text]) => text).map(([name, text]) => el("div", {}, el("dt", { text: name }), el("dd", { text }))));
}

function explainer(page, namespace, kind, name) {
  const result = el("div", { "aria-live": "polite" });
  const ask = async () => {
    button.disabled = true;
    try {
      result.replaceChildren(explained(await page.ask(`explain/${encodeURIComponent(namespace)}/${encodeURIComponent(kind)}/${encodeURIComponent(name)}`)));
    } catch (error) {
      result.replaceChildren(explained({ error: String(error.message || error) }));
    }
    button.disabled = false;
    place.classList.add("answered");
  };
  const button = el("button", { type: "button", text: `Explain ${kind} ${name}`, on: { click: ask } });
  const place = el("div", {}, button, result);
  return place;
}

// --- what happened ---

export function entryText(entry) {
  if (entry.type !== "change") return entry.message || entry.reason || "";
  return entry.from ? `${entry.to} took over from ${entry.from}` : `${entry.to} leads`;
}

export function entryNode(entry, page) {
  const kinds = { change: ["●", "good", "new leader"], refusal: ["⊘", "soft", "refused"], event: entry.warning ? ["▲", "bad", "warning"] : ["○", "busy", "event"] };
  const [glyph, kind, word] = kinds[entry.type];
  const where = entry.pool ? `${entry.namespace}/${entry.pool}` : `${entry.namespace}, ${entry.kind} ${entry.name}`;
  const head = el("div", {}, el("strong", { text: where }), "  ",
    entry.type === "change" ? entryText(entry) : el("span", {}, el("span", { class: kind, text: entry.type === "refusal" ? "pod refused" : entry.reason || word }), `: ${entryText(entry)}`),
    entry.type === "change" ? el("span", { class: "soft", text: `  token ${entry.token}` }) : entry.count > 1 ? el("span", { class: "soft", text: `  ${entry.count} times` }) : "");
  const body = el("div", {}, head);
  if (entry.cause) body.append(el("div", { class: "cause", text: "because: " + entry.cause }));
  if (entry.explanation) {
    body.append(el("details", {}, el("summary", { text: "Explain" }), explained(entry.explanation)));
  }
  return el("li", { class: "entry" }, el("time", { datetime: new Date(entry.atMs).toISOString(), title: new Date(entry.atMs).toString(), text: clock(entry.atMs) }),
    el("span", { class: "sign " + kind, role: "img", "aria-label": word, text: glyph }), body);
}

// --- Services ---

export class ServiceRow {
  constructor(key) {
    this.badge = el("span", { class: "badge" });
    this.name = el("h3");
    this.where = el("p", { class: "where" });
    this.leader = field("leader", "Leads to");
    this.led = field("led", "Leader Service");
    this.sticky = field("sticky", "When another pod is Ready longer");
    this.node = el("li", { class: "row", id: "row-" + encodeURIComponent(key) }, el("div", { class: "grid" }, el("div", { class: "head" }, el("div", { class: "title" }, this.name, this.badge), this.where),
      this.leader.node, this.led.node, el("span"), this.sticky.node));
  }

  update(row, now) {
    this.row = row;
    setText(this.name, row.service);
    setText(this.where, row.namespace);
    setText(this.led.value, row.leaderService);
    setText(this.sticky.value, row.sticky ? "it stays" : "it changes");
    const [className, glyph, word] = badge(row.state);
    setClass(this.badge, className);
    this.badge.replaceChildren(sign(glyph, ""), word);
    setClass(this.node, "row is-" + STATES[row.state].kind);
    this.tick(now);
  }

  tick(now) {
    setText(this.leader.value, this.row.leader === null ? "nobody" : this.row.sinceMs ? `${this.row.leader}, for ${age(now - this.row.sinceMs)}` : this.row.leader);
  }
}

// --- doctor ---

export function examination(answer) {
  const kinds = { ok: ["✓", "good"], none: ["–", "soft"], unknown: ["?", "busy"], warning: ["▲", "warn"], failed: ["✕", "bad"] };
  const line = (item) => {
    const [glyph, kind] = kinds[item.result];
    return el("li", { class: "row is-" + kind }, el("h3", {}, sign(glyph, kind), `${item.id} ${item.title} `, el("span", { class: kind, text: item.result })),
      item.detail ? el("p", { text: item.detail }) : null, item.cure ? el("p", {}, el("span", { class: "soft", text: "cure: " }), item.cure) : null);
  };
  const first = answer.items.filter((item) => !["ok", "none"].includes(item.result));
  const well = answer.items.filter((item) => ["ok", "none"].includes(item.result));
  const count = (result) => answer.items.filter((item) => item.result === result).length;
  return [el("p", { text: `At ${clock(answer.atMs)}: ${well.length} as they ought to be, ${count("warning")} warnings, ${count("failed")} failed, ${count("unknown")} unknown.` }),
    el("ul", { class: "checks" }, ...first.map(line)),
    el("details", {}, el("summary", { text: `${well.length} are as they ought to be` }), el("ul", { class: "checks" }, ...well.map(line)))];
}
