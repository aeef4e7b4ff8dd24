// fleet.js - a fleet: its sums, and its clusters in waves. With a hub all of them, without it this cluster's part.
import { age, clock, el, setText, sign } from "./render.js";

const CELLS = {
  Active: ["▶", "busy", "acts"], Offered: ["▷", "busy", "is offered its turn"], Waiting: ["○", "soft", "waits"],
  Done: ["✓", "good", "done"], Failed: ["✕", "bad", "failed"], Idle: ["–", "soft", "wants no turn"], Ending: ["◐", "busy", "ends"],
};

function small(cluster) {
  if (cluster.state === "Active" && cluster.limitMs) return `token ${cluster.token}, ${age(cluster.elapsedMs)} of ${age(cluster.limitMs)}`;
  if (cluster.state === "Active" || cluster.state === "Offered") return cluster.token ? `token ${cluster.token}` : "";
  if (cluster.state === "Waiting") return cluster.why || (cluster.position ? `position ${cluster.position}` : "");
  return cluster.endedMs ? `${cluster.outcome.toLowerCase()} ${clock(cluster.endedMs)}` : "";
}

function cell(cluster) {
  const [glyph, kind, word] = CELLS[cluster.state] || CELLS.Idle;
  return el("li", { class: "cell " + kind }, sign(glyph, ""), el("span", { class: "name", text: cluster.name }),
    el("span", { class: "hidden", text: " " + word }), el("small", { text: small(cluster) }));
}

/** Which wave: who acts, then each wave of those that wait, then how turns ended. */
export function waves(row) {
  const groups = new Map();
  const put = (name, cluster) => groups.set(name, [...(groups.get(name) || []), cluster]);
  const order = [...row.clusters].sort((a, b) => (a.position || 1e9) - (b.position || 1e9) || (a.name < b.name ? -1 : 1));
  for (const cluster of order) if (cluster.state === "Active" || cluster.state === "Offered") put("acts now", cluster);
  for (const cluster of order) if (cluster.state === "Waiting") put(cluster.wave ? (cluster.wave === 1 ? "next" : `wave ${cluster.wave}`) : "waits", cluster);
  for (const cluster of order) if (cluster.state === "Failed") put("failed", cluster);
  for (const cluster of order) if (cluster.state === "Done") put("done", cluster);
  for (const cluster of order) if (cluster.state === "Idle") put("wants no turn", cluster);
  return [...groups];
}

export function fleetProblems(row) {
  const found = [];
  if (row.paused) found.push(`paused by ${row.paused.by || "somebody"}${row.paused.sinceMs ? " since " + clock(row.paused.sinceMs) : ""}: ${row.paused.reason || "no reason was given"}`);
  if (row.restored) found.push("the hub was restored from a backup: nothing is offered until turns that it forgot must have ended");
  if (row.specDiffers) found.push("the clusters' LeaderPolicies are not the same: the strictest of them counts");
  if (row.hubReached === false) found.push(`the hub is not reached: ${row.why || ""}`);
  return found;
}

/** One fleet by its ledger, or one membership. */
export class FleetCard {
  constructor(key) {
    this.title = el("h3");
    this.facts = el("p");
    this.bar = el("div", { class: "bar", role: "img" });
    this.notes = el("ul", { class: "notes" });
    this.waves = el("div", { class: "waves" });
    this.node = el("section", { class: "fleet", id: "row-" + encodeURIComponent(key) }, this.title, this.facts, this.bar, this.notes, this.waves);
  }

  update(row, now) {
    const said = JSON.stringify(row);
    if (said === this.said) return;
    this.said = said;
    this.row = row;
    const whole = Array.isArray(row.clusters);
    const acting = whole ? row.clusters.filter((cluster) => cluster.state === "Active").length : row.active || 0;
    const problems = fleetProblems(row);
    this.title.replaceChildren(row.pool || "?", el("span", { class: "count", text: row.round ? `round ${row.round}` : "" }),
      row.paused ? el("span", { class: "badge bad", text: "" }, sign("⏸", ""), "paused") : el("span", { class: "badge good" }, sign("●", ""), acting ? "under way" : "at rest"));
    const facts = [`▶ ${acting} act, ${row.n} may at once`, `○ ${row.waiting || 0} wait`, `✓ ${row.done || 0} done`, `✕ ${row.failed || 0} failed`];
    if (whole && row.maxFailures >= 0) facts.push(`pauses beyond ${row.maxFailures} failure${row.maxFailures === 1 ? "" : "s"}`);
    if (row.endMs) facts.push(row.endMs > now ? `ends about ${clock(row.endMs)}` : "ends later than its pace said");
    setText(this.facts, facts.join(" · "));
    const total = Math.max(1, acting + (row.waiting || 0) + (row.done || 0) + (row.failed || 0));
    this.bar.setAttribute("aria-label", facts.slice(0, 4).join(", "));
    const part = (name, count) => {
      const span = el("span", { class: name });
      span.style.flexGrow = String(count);
      span.style.flexBasis = "0";
      return span;
    };
    this.bar.replaceChildren(part("done", row.done || 0), part("fail", row.failed || 0), part("act", acting), part("rest", Math.max(0, total - acting - (row.done || 0) - (row.failed || 0))));
    this.notes.replaceChildren(...problems.map((text) => el("li", {}, sign("▲", "bad"), el("span", { text }))));
    const groups = whole ? waves(row) : [[`this cluster`, [{ name: row.cluster || row.name, state: CELLS[row.phase] ? row.phase : "Idle", token: row.token, position: row.position || 0, why: row.why, endedMs: null }]]];
    this.waves.replaceChildren(...groups.map(([name, clusters]) =>
      el("div", { class: "wave" }, el("h4", {}, name, el("span", { class: "count", text: ` ${clusters.length}` })), el("ul", { class: "cells" }, ...clusters.map(cell)))));
  }

  tick() {}
}
