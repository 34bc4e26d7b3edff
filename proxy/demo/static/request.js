// A request as the vendor got it. Everything is put in as text; what could recognise the visitor is marked.
import { fill, make, words } from "./page.js";

// Where vendors look for who it was: ids, click ids, hashes of contact data.
const TELLING = new Set(
  ("client_id user_id external_id fbc fbp em ph gclid gbraid wbraid msclkid anonymousId emailAddress phoneNumber" +
    " sha256_email_address sha256_phone_number session_id").split(" "),
);
const CLICK = /((?:gclid|fbclid|msclkid)=[^&\s]+)/;

function text(value) {
  return value.split(CLICK).map((part, index) => (index % 2 ? make("mark", "", part) : part));
}

function scalar(value, telling) {
  const shown = JSON.stringify(value);
  if (telling) return [make("mark", "", shown)];
  return typeof value === "string" ? [make("span", "string", ...text(shown))] : [make("span", "number", shown)];
}

/** JSON as people read it. Built of nodes, so that nothing in it can ever be markup. */
function json(value, indent = "", telling = false) {
  const inner = `${indent}  `;
  const list = Array.isArray(value);
  if (value === null || typeof value !== "object") return scalar(value, telling);
  if (list && value.length === 1 && typeof value[0] !== "object") return ["[", ...scalar(value[0], telling), "]"];
  const parts = [list ? "[" : "{"];
  const entries = Object.entries(value);
  entries.forEach(([key, one], index) => {
    const marked = list ? telling : telling || TELLING.has(key);
    parts.push(`\n${inner}`);
    if (!list) parts.push(make("span", "key", JSON.stringify(key)), ": ");
    parts.push(...json(one, inner, marked), index < entries.length - 1 ? "," : "");
  });
  parts.push(entries.length ? `\n${indent}` : "", list ? "]" : "}");
  return parts;
}

function table(heading, pairs, telling) {
  if (!pairs.length) return "";
  const rows = pairs.map(([name, value]) =>
    make("div", "", make("dt", "", name), make("dd", "", ...(telling && TELLING.has(name) ? [make("mark", "", value)] : text(value)))),
  );
  return make("section", "part", make("h5", "", heading), make("dl", "pairs", ...rows));
}

function body(request) {
  if (!request.body) return "";
  const pre = make("pre", "", ...(request.json === null ? [request.body] : json(request.json)));
  pre.tabIndex = 0;
  return make("section", "part", make("h5", "", words.request.body), pre);
}

function answer(request) {
  const said = request.status ? `HTTP ${request.status}` : words.request.no_answer;
  const more = [...request.errors, request.fault].filter(Boolean).join("; ");
  return make("section", "part", make("h5", "", words.request.answer), make("p", "answer", more ? `${said} (${more})` : said));
}

function render(request) {
  const line = make("p", "line", make("b", "", request.method), " ", make("code", "", request.url));
  return make(
    "div",
    "request",
    line,
    table(words.request.query, request.query, true),
    table(words.request.headers, request.headers, false),
    body(request),
    answer(request),
  );
}

/** Show every attempt of one row, the newest first. */
export async function showRequests(place, row) {
  if (!place.hasChildNodes()) place.append(make("p", "hint", words.request.loading));
  const shown = [];
  for (const seq of [...row.attempts].reverse()) {
    const response = await fetch(`/requests/${seq}`);
    shown.push(response.ok ? render(await response.json()) : make("p", "hint", words.request.gone));
  }
  if (shown.length > 1) {
    shown.forEach((one, index) => one.prepend(make("h5", "attempt", fill(words.request.attempt, { number: shown.length - index }))));
  }
  const marks = shown.some((one) => one.querySelector("mark"));
  const notes = [make("p", "legend-note", marks ? words.request.legend : words.request.nothing)];
  if (row.shared > 1) notes.push(make("p", "legend-note", fill(words.request.shared, { count: row.shared })));
  place.replaceChildren(...notes, ...shown);
}
