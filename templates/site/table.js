"use strict";
// The table of rules: search, filters and order. Without scripts the table is complete.

const COMPARISON = /^(state|coded|moved|year)(<=|>=|<|>|=)(\d+(?:\.\d+)?)$/;
const HOLDS = {
  "<=": (a, b) => a <= b,
  ">=": (a, b) => a >= b,
  "<": (a, b) => a < b,
  ">": (a, b) => a > b,
  "=": (a, b) => a === b,
};

/** Whether a row has every word of a query, and satisfies its comparisons such as state<=4. */
function matches(row, query, { family = "", trait = "", proof = "" } = {}) {
  if (family && row.family !== family) return false;
  if (trait && !row.traits.split("|").includes(trait)) return false;
  if (proof && !row.proofs.split("|").includes(proof)) return false;
  const joined = query.toLowerCase().replace(/\s*(<=|>=|<|>|=)\s*/g, "$1");
  return joined.split(/\s+/).filter(Boolean).every((word) => {
    const [, key, sign, number] = word.match(COMPARISON) ?? [];
    if (!key) return row.words.includes(word);
    // A rule without a year isn't of any.
    if (key === "year" && row.year === "0") return false;
    return HOLDS[sign](Number(row[key]), Number(number));
  });
}

/** Rows in the order of a key; equal ones stay in the order of their names. */
function ordered(rows, key, descending) {
  const isText = key === "name" || key === "family";
  const compare = (a, b) => isText ? a[key].localeCompare(b[key]) : Number(a[key]) - Number(b[key]);
  const sign = descending ? -1 : 1;
  return [...rows].sort((a, b) => sign * compare(a, b) || a.name.localeCompare(b.name));
}

function start(page) {
  const table = page.getElementById("rules");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const query = page.getElementById("query");
  const choices = ["family", "trait", "proof"].map((name) => page.getElementById(name));

  function filter() {
    let shown = 0;
    const chosen = Object.fromEntries(choices.map(({ id, value }) => [id, value]));
    for (const row of rows) {
      row.hidden = !matches(row.dataset, query.value, chosen);
      shown += !row.hidden;
    }
    page.getElementById("count").textContent = `${shown} ${shown === 1 ? "rule" : "rules"}`;
    page.getElementById("none").hidden = shown > 0;
    const given = Object.entries({ q: query.value, ...chosen }).filter(([, value]) => value);
    const hash = new URLSearchParams(given).toString();
    history.replaceState(null, "", hash ? `#${hash}` : location.pathname);
  }

  function sort(button) {
    const head = button.closest("th");
    const descending = head.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const data = new Map(rows.map((row) => [row.dataset, row]));
    for (const one of ordered(data.keys(), button.dataset.key, descending)) body.append(data.get(one));
  }

  /** Move the focus to the next or previous rule that is shown; above the first is the search. */
  function move(step) {
    const links = [...body.querySelectorAll("tr:not([hidden]) th a")];
    const place = links.indexOf(page.activeElement) + step;
    if (place < 0) query.focus();
    else links[Math.min(place, links.length - 1)]?.focus();
  }

  function pressed(event) {
    const typing = page.activeElement === query;
    const inTable = body.contains(page.activeElement);
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/" && !typing) query.focus();
    else if (event.key === "ArrowDown" && (typing || inTable)) move(1);
    else if (event.key === "ArrowUp" && inTable) move(-1);
    else return;
    event.preventDefault();
  }

  const given = new URLSearchParams(location.hash.slice(1));
  query.value = given.get("q") ?? "";
  for (const one of choices) one.value = given.get(one.id) ?? "";
  for (const one of [query, ...choices]) one.addEventListener("input", filter);
  for (const button of table.tHead.querySelectorAll("button")) {
    button.addEventListener("click", () => sort(button));
  }
  page.addEventListener("keydown", pressed);
  filter();
}

if (typeof document === "undefined") module.exports = { matches, ordered, start };
else start(document);
