#!/usr/bin/env node
// A subject in JavaScript: an independent, complete implementation of docs/semantics.md, in every
// profile, that speaks docs/protocol.md, version 1, on standard input and output. Wide cases, of
// threads, requirements and more of plugins, have modules of their own beside this one.
//
//     mcp-overlay check --profile all --stdio "node examples/subjects/javascript/subject.mjs"
//
// Node 20 or later, no dependencies. With SUBJECT_WARN=1 in the environment, the warnings that the
// specification asks for go to standard error. To try your own host instead, keep the last three
// sections (the case, JSON, the conversation) with what they import, and let `resolve` call your code.
//
// The sections follow the order of the specification. A comment such as `gate.open` names the rule
// that the code implements. JSON values are those of values.mjs.

import { isUtf8 } from "node:buffer";
import { once } from "node:events";
import { isIPv6 } from "node:net";

import { inFolder, isHidden, readPolicy, withPolicy } from "./installed.mjs";
import { NO_REQUIREMENTS, readRequirements, Requirements } from "./requirements.mjs";
import { NO_THREAD, offersOf, readThread, rejectRoots, winners } from "./selected.mjs";
import {
  attempt, Invalid, JsonNumber, listOf, oneOf, optional, readBoolean, readString, readTable, readUnsigned,
  tableOf, tableWith,
} from "./values.mjs";

const RESERVED_NAME = "codex_apps";

const warn = process.env.SUBJECT_WARN ? (text) => console.error(`warning: ${text}`) : () => {};

// ------------------------------------------------------------------------------------ Profiles

const DEFAULT_PROFILE = "codex-pr-27191";

// A profile has its parent's rules, without those that it drops and with those that it adds. Only
// the rules that the code asks for are listed. The other rules hold in every profile, or come and go
// together with a listed one.
const PROFILES = {
  [DEFAULT_PROFILE]: {
    adds: ["legacy.synthesizes-in-effective", "endpoint.override-path", "server.remote-stdio-cwd"],
  },
  "codex-pr-27198": {
    parent: "codex-pr-27191",
    adds: ["legacy.first-in-runtime", "hosted.at-ps-mcp"],
    drops: ["legacy.synthesizes-in-effective", "endpoint.override-path"],
  },
  "codex-pr-27414": { parent: "codex-pr-27198", adds: ["overlay.set-replaces-but-disabled"] },
  "codex-pr-27634": {
    parent: "codex-pr-27414",
    adds: [
      "owners.of-runtime", "plugin.entry-shape", "plugin.relative-cwd", "plugin.user-policy", "auth.words",
      "requirements.allow-list",
    ],
  },
  "codex-pr-27607": { parent: "codex-pr-27634", adds: ["route.app-hides-server"] },
  "codex-pr-27893": {
    parent: "codex-pr-27607",
    adds: ["selected.between-plugins-and-config", "selected.http-dropped"],
  },
  "codex-pr-29924": {
    parent: "codex-pr-27893",
    adds: ["effective.auth-at-chatgpt-only", "apps-server.auth", "server.auth"],
    drops: ["server.remote-stdio-cwd"],
  },
  "codex-pr-31803": {
    parent: "codex-pr-29924",
    adds: [
      "apps-server.sku-default", "server.approval-writes", "thread.ready-environments", "selected.cwd-in-root",
      "requirements.matchers",
    ],
    drops: ["selected.http-dropped"],
  },
  "codex-pr-31481": { parent: "codex-pr-31803", adds: ["apps-server.originator"] },
};

/** The set of the listed rules that hold in a profile. */
function rulesOf(profile) {
  const { parent, adds, drops = [] } = PROFILES[profile];
  const rules = parent === undefined ? new Set() : rulesOf(parent);
  for (const rule of drops) rules.delete(rule);
  for (const rule of adds) rules.add(rule);
  return rules;
}

const RULES = new Map(Object.keys(PROFILES).map((profile) => [profile, rulesOf(profile)]));

// ---------------------------------------------------------------------------------- Resolution

/** The answer to a case, without `seq`. It depends on the arguments alone (resolution.pure). */
function resolve(rules, { host, plugins, contributors, thread, requirements, auth }) {
  const rejections = [];
  const demands = new Requirements(rules, requirements, rejections);
  const config = readHost(rules, host, rejections);
  const asked = readContributors(rules, contributors, rejections);
  if (rules.has("selected.between-plugins-and-config")) rejectRoots(thread, rejections);
  if (rejections.length > 0) return { rejected: smallestPath(rejections) };
  config.appsOn = demands.apps ?? config.appsOn;
  if (rules.has("apps-server.originator")) config.originator = thread.originator;

  const isBackend = isBackendAuth(rules, auth);
  const { configured, owners } = configure(rules, config, plugins, demands, isBackend);
  const hostedPath = rules.has("hosted.at-ps-mcp") ? "ps/mcp" : config.overridePath;
  const own = {
    hosted: [appsContribution(rules, config, hostedPath)], // hosted.always-speaks
    selected: selectedServers(rules, thread, demands),
  };
  const all = asked.flatMap((one) => own[one] ?? one); // contribution.order
  const contributions = all.filter((one) => one.plugin === undefined);
  const offers = winners(all, config.servers);

  // The legacy Apps loader acts like a contribution before all others.
  const legacy = rules.has("legacy.first-in-runtime") ? [appsContribution(rules, config)] : [];
  const runtime = overlay(rules, configured, offers, [...legacy, ...contributions]);
  const effective = makeEffective(rules, runtime, contributions, config, isBackend);
  if (rules.has("owners.of-runtime")) { // otherwise all owners stay: configured.owners-exact
    for (const { name, plugin } of offers.values()) owners.set(name, plugin);
    for (const { name } of [...legacy, ...contributions]) owners.delete(name);
  }
  return { views: { configured, runtime, effective }, plugin_owners: owners };
}

/** `configured` (configured.union) and the plugins that own servers in it. */
function configure(rules, config, plugins, demands, isBackend) {
  const configured = demands.holdHost(config.servers);
  const owners = new Map();
  for (const plugin of plugins) {
    if (!plugin.active) continue; // configured.inactive-plugin-ignored
    for (const [name, entry] of plugin.servers) {
      if (configured.has(name)) continue; // configured.config-over-plugin, configured.first-plugin-wins
      if (isHidden(rules, plugin, name, isBackend)) continue;
      const server = attempt(() => readServer(rules, inFolder(rules, plugin, shaped(rules, entry))), (reason) => {
        warn(`plugin ${plugin.id}: ${name}: ${reason}`); // configured.invalid-plugin-server-dropped
      });
      if (server === undefined) continue;
      configured.set(name, demands.holdPlugin(plugin.id, name, withPolicy(rules, plugin, name, server)));
      owners.set(name, plugin.id);
    }
  }
  return { configured, owners };
}

/** A plugin's entry as a user would write it (plugin.entry-shape). */
function shaped(rules, entry) {
  if (!rules.has("plugin.entry-shape") || !(entry instanceof Map)) return entry;
  const shape = new Map(entry);
  shape.delete("type");
  shape.delete("oauth");
  if (entry.get("oauth") instanceof Map) {
    const client = new Map(entry.get("oauth"));
    client.delete("callbackPort");
    client.delete("clientId");
    const id = entry.get("oauth").get("clientId");
    if (id !== undefined && !client.has("client_id")) client.set("client_id", id);
    if (client.size > 0) shape.set("oauth", client);
  }
  return shape;
}

/** What the executor-plugins contributor offers; before there was one, nothing. */
function selectedServers(rules, thread, demands) {
  if (!rules.has("selected.between-plugins-and-config")) return [];
  const offers = offersOf(rules, thread, (entry) => readServer(rules, shaped(rules, entry)));
  return offers.map((offer) => ({ ...offer, server: demands.holdPlugin(offer.plugin, offer.name, offer.server) }));
}

/** `runtime` (runtime.is-overlaid-configured, runtime.three-phases). */
function overlay(rules, configured, offers, contributions) {
  const runtime = new Map(configured); // overlay.untouched-stays, overlay.others-untouched-stay
  for (const { name, server } of offers.values()) runtime.set(name, server);
  for (const { name, server } of contributions) { // overlay.last-wins
    if (server === undefined) runtime.delete(name); // overlay.remove-deletes
    else runtime.set(name, server); // overlay.set-replaces-whole
  }
  if (rules.has("overlay.set-replaces-but-disabled")) { // overlay.disabled-stays
    for (const [name, server] of runtime) {
      const disabled = configured.get(name)?.get("enabled") === false;
      if (disabled && !offers.has(name)) { // selected.disabled-is-no-veto
        runtime.set(name, new Map(server).set("enabled", false));
      }
    }
  }
  return runtime;
}

/** A `Set` of the Apps server when the Apps feature is on, else a `Remove`: without a server. */
function appsContribution(rules, config, path = undefined) {
  if (!config.appsOn) return { name: RESERVED_NAME }; // hosted.disabled-removes
  return { name: RESERVED_NAME, server: appsServer(rules, config, path) }; // hosted.enabled-sets
}

const BACKEND_AUTH = ["chatgpt", "chatgpt_auth_tokens", "agent_identity", "personal_access_token"];

function isBackendAuth(rules, auth) {
  return BACKEND_AUTH.includes(auth) || (auth === "headers" && rules.has("auth.words"));
}

/** `effective`; names other than the reserved one pass (effective.others-pass). */
function makeEffective(rules, runtime, contributions, config, isBackend) {
  const effective = new Map(runtime); // gate.passes-runtime, gate.passes-but-auth, gate.never-synthesizes
  const open = config.appsOn && isBackend; // gate.open
  if (!open) {
    effective.delete(RESERVED_NAME); // gate.closed-removes
  } else if (rules.has("legacy.synthesizes-in-effective")) {
    const active = !contributions.some(({ name }) => name === RESERVED_NAME); // legacy.only-when-silent
    if (active) effective.set(RESERVED_NAME, appsServer(rules, config, config.overridePath));
  }
  if (rules.has("effective.auth-at-chatgpt-only")) { // effective.others-pass-but-auth
    for (const [name, server] of effective) {
      if (!server.has("auth") || isAtChatGpt(server.get("url"))) continue; // `oauth` is never written
      effective.set(name, new Map([...server].filter(([field]) => field !== "auth")));
    }
  }
  return effective;
}

/** Whether a URL, read as the WHATWG standard reads it, has the origin https://chatgpt.com. */
function isAtChatGpt(text) {
  try { // not `URL.canParse`: once optimised, Node 20's refuses a valid host with U+00AD
    const { protocol, hostname, port } = new URL(text); // not `origin`: a `blob:` URL has its path's
    return protocol === "https:" && hostname === "chatgpt.com" && port === ""; // 443 is never written
  } catch {
    return false;
  }
}

// ------------------------------------------------------------------------------ The Apps server

const DEFAULT_BASE_URL = "https://chatgpt.com/backend-api/";
const PATH_OVERRIDE = "apps_mcp_path_override";
const FEATURES = ["apps", "connectors", PATH_OVERRIDE];
const DEFAULT_OVERRIDE_PATH = "/ps/mcp";
const CHATGPT_HOSTS = ["chatgpt.com", "chat.openai.com"];
const TOKEN_VARIABLE = "CODEX_CONNECTORS_TOKEN";

// As RFC 3986: scheme, IPv6 address or other host, port, path. No userinfo, query or fragment.
const BASE_URL =
  /^(https?):\/\/(?:\[([0-9a-f:.]+)\]|([a-z0-9\-._~!$&'()*+,;=]+))(?::([0-9]*))?(\/[a-z0-9\-._~!$&'()*+,;=:@/%]*)?$/i;

/** Takes a base URL apart; nothing is repaired (endpoint.base-valid). */
function readBaseUrl(value) {
  const [, scheme, address, name, port = "", path = ""] = BASE_URL.exec(readString(value)) ?? [];
  const valid = scheme !== undefined && (address === undefined || isIPv6(address))
    && Number(port) <= 65535 && !/%(?![0-9a-f]{2})/i.test(path);
  if (!valid) throw new Invalid("expected an absolute http or https URL without userinfo, query or fragment");
  let trailing = 0;
  while (path.at(-1 - trailing) === "/") trailing += 1;
  return {
    text: value.slice(0, value.length - trailing), // endpoint.base-trimmed
    // endpoint.whole-host
    isChatGpt: scheme.toLowerCase() === "https" && CHATGPT_HOSTS.includes(name?.toLowerCase()),
    segments: path.slice(0, path.length - trailing).split("/"),
  };
}

/** The Apps server's URL; without a path, at the default one. */
function endpoint(base, path) {
  let url = base.text;
  let backend = base.segments.includes("backend-api"); // endpoint.whole-segments
  if (base.isChatGpt && !backend) { // endpoint.chatgpt-host
    url += "/backend-api";
    backend = true;
  }
  const apiCodex = base.segments.some((one, i, all) => one === "api" && all[i + 1] === "codex");
  if (!backend && !apiCodex) url += "/api/codex"; // endpoint.other-host
  return `${url}/${path ?? (backend ? "wham/apps" : "apps")}`; // endpoint.default-path, endpoint.legacy-path
}

/** The Apps server in canonical form (apps-server.shape). */
function appsServer(rules, config, path) {
  const server = new Map([["url", endpoint(config.base, path)], ["startup_timeout_sec", 30]]);
  const sku = config.sku ?? (rules.has("apps-server.sku-default") ? "codex" : undefined);
  const headers = new Map();
  if (sku !== undefined) headers.set("X-OpenAI-Product-Sku", sku); // apps-server.sku-header
  if (config.originator !== undefined) headers.set("originator", config.originator); // apps-server.originator
  if (headers.size > 0) server.set("http_headers", headers); // apps-server.no-sku-no-header
  if (config.hasToken) server.set("bearer_token_env_var", TOKEN_VARIABLE); // apps-server.bearer-env
  if (rules.has("apps-server.auth")) server.set("auth", "chatgpt");
  return server;
}

// ------------------------------------------------------------------------- Features and servers

/** What resolution needs of a host config; what is wrong with it goes to `rejections`. */
function readHost(rules, host, rejections) {
  const at = (path, read) => attempt(read, (reason) => rejections.push({ path, reason })); // host.wrong-type
  const top = at("host", () => readTable(host)) ?? new Map();
  const key = (name, read) => at(`host.${name}`, () => optional(top, name, read));
  const base = key("chatgpt_base_url", readBaseUrl);
  const sku = key("apps_mcp_product_sku", readString);

  const features = key("features", readTable) ?? new Map();
  const feature = (name, read) => at(`host.features.${name}`, () => optional(features, name, read));
  const connectors = feature("connectors", readBoolean);
  const apps = feature("apps", readBoolean);
  const overridePath = feature(PATH_OVERRIDE, (value) => readOverride(rules, value));
  for (const name of features.keys()) {
    if (!FEATURES.includes(name)) feature(name, readUnknownFeature);
  }

  const env = key("env", readTable) ?? new Map();
  for (const [name, value] of env) at(`host.env.${name}`, () => readString(value));
  const token = env.get(TOKEN_VARIABLE);
  const hasToken = typeof token === "string" && /\P{White_Space}/u.test(token); // not blank

  const servers = new Map();
  for (const [name, entry] of key("mcp_servers", readTable) ?? []) { // server.invalid-rejects-config
    servers.set(name, at(`host.mcp_servers.${name}`, () => readServer(rules, entry)));
  }

  warnOfOthers(top, ["chatgpt_base_url", "apps_mcp_product_sku", "features", "env", "mcp_servers"]);
  warnOfOthers(features, FEATURES);
  const appsOn = connectors ?? apps ?? true; // features.connectors-alias, features.apps-default-on
  return { base: base ?? readBaseUrl(DEFAULT_BASE_URL), sku, appsOn, overridePath, hasToken, servers };
}

function warnOfOthers(table, known) {
  for (const key of table.keys()) if (!known.includes(key)) warn(`unknown key ${key} of the host config`);
}

/** features.boolean: an unknown feature that is a table is ignored. */
const readUnknownFeature = (value) => (value instanceof Map ? undefined : readBoolean(value));

/** The override's path without leading slashes, undefined when it is off (features.override-forms). */
function readOverride(rules, value) {
  const table = typeof value === "boolean" ? new Map([["enabled", value]]) : readTable(value, ["enabled", "path"]);
  const path = optional(table, "path", readString);
  const enabled = optional(table, "enabled", readBoolean) ?? path !== undefined;
  if (!enabled || !rules.has("endpoint.override-path")) return undefined; // features.override-ignored
  const rest = (path ?? DEFAULT_OVERRIDE_PATH).replace(/^\/+/, "");
  if (rest === "") throw new Invalid("the path is empty"); // endpoint.override-not-empty
  return rest;
}

/** The contributions of each contributor, with their servers read; of the two that the host has, its name. */
function readContributors(rules, contributors, rejections) {
  const takesOffers = rules.has("selected.between-plugins-and-config");
  return contributors.map((contributions, i) => {
    if (typeof contributions === "string") return contributions;
    return contributions.flatMap(({ name, entry, plugin, order }, j) => {
      if (plugin !== undefined && !takesOffers) return [];
      if (entry === undefined) return { name };
      const path = `contributors[${i}].contributions[${j}]`; // server.invalid-rejects-config
      const server = attempt(() => readServer(rules, entry), (reason) => rejections.push({ path, reason }));
      return { name, server, plugin, order };
    });
  });
}

/** rejection.smallest-path: in the order of UTF-8 (`<` on strings is the order of UTF-16). */
function smallestPath(rejections) {
  const before = (a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)) < 0;
  return rejections.reduce((least, one) => (before(one, least) ? one : least));
}

/** A server in canonical form: its fields in a Map, without those that have their default. */
function readServer(rules, entry) {
  const known = FIELDS.get(rules);
  const fields = new Map();
  for (const [key, value] of readTable(entry)) {
    if (value === null) continue; // value.null-is-absent
    const field = known.get(key);
    if (field !== undefined) fields.set(key, field.read(value));
    else warn(`unknown field ${key} of a server`); // server.unknown-field
  }

  if (fields.has("command") === fields.has("url")) { // server.transport
    throw new Invalid("expected exactly one of `command` and `url`");
  }
  const transport = fields.has("command") ? STDIO : HTTP;
  for (const key of fields.keys()) { // server.foreign-field
    const { of } = known.get(key);
    if (of !== BOTH && of !== transport) throw new Invalid(`\`${key}\` is not a field of ${transport}`);
  }
  const remoteStdio = transport === STDIO && (fields.get("environment_id") ?? "local") !== "local";
  if (rules.has("server.remote-stdio-cwd") && remoteStdio && !fields.get("cwd")?.startsWith("/")) {
    throw new Invalid("a remote stdio server needs an absolute `cwd`");
  }
  if (fields.has("startup_timeout_ms") && !fields.has("startup_timeout_sec")) { // server.durations
    fields.set("startup_timeout_sec", fields.get("startup_timeout_ms"));
  }

  for (const [key, value] of fields) if (known.get(key).unwritten(value)) fields.delete(key);
  return fields;
}

/** server.env-vars: a view keeps the form that was written. */
function readEnvVar(value) {
  if (typeof value === "string") return value;
  const table = readTable(value, ["name", "source"]);
  const result = new Map([["name", readString(table.get("name"))]]);
  const source = optional(table, "source", oneOf(["local", "remote"]));
  return source === undefined ? result : result.set("source", source);
}

/** server.durations: the nearest double, rounded to the nanosecond, halves to even. */
function readSeconds(value) {
  const seconds = value instanceof JsonNumber ? Number(value.text) : NaN;
  if (!(seconds >= 0 && seconds < 2 ** 64)) throw new Invalid("expected seconds, at least 0 and less than 2^64");
  const nanoseconds = BigInt(seconds.toFixed(9).replace(".", "")); // toFixed is exact, halves up
  const isHalf = (seconds * 1024) % 2 === 1; // n + 1/2 nanoseconds is an odd multiple of 1/1024 s
  return inSeconds(isHalf && nanoseconds % 2n === 1n ? nanoseconds - 1n : nanoseconds);
}

/** server.durations: whole milliseconds. */
const readMilliseconds = (value) => inSeconds(readUnsigned(value) * 1_000_000n);

/** The double that is nearest to so many nanoseconds: what a decimal text is read as. */
function inSeconds(nanoseconds) {
  return Number(`${nanoseconds}e-9`);
}

// -------------------------------------------------------------------------------------- Fields

const STDIO = "stdio", HTTP = "HTTP", BOTH = "both", NEITHER = "neither";
const STRINGS = listOf(readString), STRING_TABLE = tableOf(readString);

const never = () => false, always = () => true;
const is = (preset) => (value) => value === preset;
const isEmpty = (value) => (value.length ?? value.size) === 0;

/** The fields of a profile: name, transport, type, and when a view leaves a given value out. */
function fieldsOf(rules) {
  // server.approval-modes, server.approval-writes
  const mode = oneOf(["auto", "prompt", "approve", ...(rules.has("server.approval-writes") ? ["writes"] : [])]);
  const auth = ["auth", HTTP, oneOf(["oauth", "chatgpt"]), is("oauth")];
  return new Map([
    ["command", STDIO, readString, never],
    ["args", STDIO, STRINGS, isEmpty],
    ["env", STDIO, STRING_TABLE, never],
    ["env_vars", STDIO, listOf(readEnvVar), isEmpty],
    ["cwd", STDIO, readString, never],
    ["url", HTTP, readString, never],
    ["bearer_token_env_var", HTTP, readString, never],
    ["http_headers", HTTP, STRING_TABLE, never],
    ["env_http_headers", HTTP, STRING_TABLE, never],
    ...(rules.has("server.auth") ? [auth] : []),
    ["oauth", HTTP, tableWith("client_id", readString), never],
    ["oauth_resource", HTTP, readString, never],
    ["environment_id", BOTH, readString, is("local")],
    ["enabled", BOTH, readBoolean, is(true)],
    ["required", BOTH, readBoolean, is(false)],
    ["supports_parallel_tool_calls", BOTH, readBoolean, is(false)],
    ["startup_timeout_sec", BOTH, readSeconds, never],
    ["startup_timeout_ms", BOTH, readMilliseconds, always], // becomes startup_timeout_sec
    ["tool_timeout_sec", BOTH, readSeconds, never],
    ["default_tools_approval_mode", BOTH, mode, never],
    ["enabled_tools", BOTH, STRINGS, never],
    ["disabled_tools", BOTH, STRINGS, never],
    ["scopes", BOTH, STRINGS, never],
    ["tools", BOTH, tableOf(tableWith("approval_mode", mode)), isEmpty],
    ["name", BOTH, readString, always],
    ["bearer_token", NEITHER, readString, never],
  ].map(([name, of, read, unwritten]) => [name, { of, read, unwritten }]));
}

const FIELDS = new Map([...RULES.values()].map((rules) => [rules, fieldsOf(rules)]));

// ------------------------------------------------------------ The case (protocol.md, "A case")

/** The answer to what should be a case, without `seq`. */
function answerCase(value) {
  try {
    const profile = (value instanceof Map ? value.get("profile") : null) ?? DEFAULT_PROFILE;
    const rules = RULES.get(profile);
    if (rules === undefined) return { skipped: { reason: "unknown profile" } };
    return resolve(rules, readCase(rules, value));
  } catch (error) {
    return { errored: { message: error instanceof Invalid ? `not a case: ${error.message}` : `${error}` } };
  }
}

function readCase(rules, value) {
  const keys = ["id", "profile", "host", "plugins", "contributors", "thread", "requirements", "auth"];
  const top = readTable(value, keys);
  optional(top, "id", readString);
  return {
    host: top.has("host") ? top.get("host") : new Map(), // null is a host config that is no table
    plugins: optional(top, "plugins", listOf((plugin) => readPlugin(rules, plugin))) ?? [],
    contributors: optional(top, "contributors", listOf(readContributor)) ?? [],
    thread: optional(top, "thread", readThread) ?? NO_THREAD,
    requirements: optional(top, "requirements", readRequirements) ?? NO_REQUIREMENTS,
    auth: optional(top, "auth", oneOf(["api_key", "bedrock_api_key", "headers", ...BACKEND_AUTH])),
  };
}

function readPlugin(rules, value) {
  const plugin = readTable(value, ["id", "active", "mcp_servers", "apps", "root", "policy"]);
  return {
    id: readString(plugin.get("id")),
    active: optional(plugin, "active", readBoolean) ?? true,
    servers: optional(plugin, "mcp_servers", readTable) ?? new Map(),
    apps: optional(plugin, "apps", STRING_TABLE) ?? new Map(),
    root: optional(plugin, "root", readString),
    policies: optional(plugin, "policy", tableOf((policy) => readPolicy(policy, FIELDS.get(rules)))) ?? new Map(),
  };
}

/** The contributor's list of contributions; `hosted` and `selected` are the host's own contributors. */
function readContributor(value) {
  const contributor = readTable(value, ["id", "hosted_apps", "executor_plugins", "contributions"]);
  readString(contributor.get("id"));
  const found = [
    optional(contributor, "hosted_apps", (table) => readTable(table, []) && "hosted"),
    optional(contributor, "executor_plugins", (table) => readTable(table, []) && "selected"),
    optional(contributor, "contributions", listOf(readContribution)),
  ].filter((one) => one !== undefined);
  if (found.length !== 1) {
    throw new Invalid("expected exactly one of `hosted_apps`, `executor_plugins` and `contributions`");
  }
  return found[0];
}

/** A name and, for a `Set` or the offer of a plugin, the server's entry as it was written. */
function readContribution(value) {
  const contribution = readTable(value, ["set", "remove", "selected_plugin"]);
  if (contribution.size !== 1) throw new Invalid("expected exactly one of `set`, `remove` and `selected_plugin`");
  if (contribution.has("remove")) {
    return { name: readString(readTable(contribution.get("remove"), ["name"]).get("name")) };
  }
  const isOffer = contribution.has("selected_plugin");
  const keys = ["name", "server", ...(isOffer ? ["plugin_id", "selection_order"] : [])];
  const set = readTable(contribution.get(isOffer ? "selected_plugin" : "set"), keys);
  if (!set.has("server")) throw new Invalid("expected `server` in `set` or `selected_plugin`");
  const result = { name: readString(set.get("name")), entry: set.get("server") };
  if (!isOffer) return result;
  const plugin = readString(set.get("plugin_id")), order = readUnsigned(set.get("selection_order"));
  return { ...result, plugin, order };
}

// ---------------------------------------------------------------------------------------- JSON

// JSON.parse is not enough: it takes 1000.0 for 1000 and rounds integers above 2^53.

const MAX_DEPTH = 128; // of a line; a case may be nested about 120 levels deep
const SCALAR = /true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORDS = new Map([["true", true], ["false", false], ["null", null]]);

/** Reads a line. `defect` says why JSON cannot be taken in; there still is a request to answer. */
function parseLine(text) {
  let at = 0;
  let defect;
  const value = readValue(0);
  if (peek() !== undefined) fail();
  return { value, defect };

  function fail() {
    throw new Invalid(`expected JSON, at character ${at + 1}`);
  }

  /** The next character that is not white space. */
  function peek() {
    while (text[at] === " " || text[at] === "\t" || text[at] === "\r") at += 1;
    return text[at];
  }

  /** Passes over `char` if it is the next one. */
  function take(char) {
    if (peek() !== char) return false;
    at += 1;
    return true;
  }

  function readValue(depth) {
    const char = peek();
    if (char === '"') return readText();
    if (char !== "{" && char !== "[") return readScalar();
    if (depth === MAX_DEPTH) return passOver();
    at += 1;
    return char === "{" ? readMembers(new Map(), depth + 1) : readItems([], depth + 1);
  }

  function readMembers(result, depth) {
    if (take("}")) return result;
    do {
      if (peek() !== '"') fail();
      const key = readText();
      if (!take(":")) fail();
      result.set(key, readValue(depth)); // of two members of one name the last counts
    } while (take(","));
    return take("}") ? result : fail();
  }

  function readItems(result, depth) {
    if (take("]")) return result;
    do result.push(readValue(depth)); while (take(","));
    return take("]") ? result : fail();
  }

  function readText() {
    const start = at;
    let escapes = false;
    for (let code; (code = text.charCodeAt(++at)) !== 0x22;) {
      if (!(code >= 0x20)) fail(); // a control character, or NaN: the end
      if (code === 0x5c) {
        escapes = true;
        at += 1;
      }
    }
    at += 1;
    return escapes ? readEscaped(text.slice(start, at)) : text.slice(start + 1, at - 1);
  }

  function readEscaped(quoted) {
    let result;
    try {
      result = JSON.parse(quoted);
    } catch {
      fail();
    }
    if (!result.isWellFormed()) defect = "half a surrogate pair";
    return result;
  }

  function readScalar() {
    SCALAR.lastIndex = at;
    const token = SCALAR.exec(text)?.[0] ?? fail();
    at += token.length;
    return WORDS.has(token) ? WORDS.get(token) : new JsonNumber(token);
  }

  /** Passes over an array or object by counting its brackets. */
  function passOver() {
    defect = `nested deeper than ${MAX_DEPTH} levels`;
    let open = 0;
    do {
      const char = peek() ?? fail();
      if (char === '"') readText();
      else at += 1;
      if (char === "{" || char === "[") open += 1;
      if (char === "}" || char === "]") open -= 1;
    } while (open > 0);
    return null;
  }
}

/** JSON text of Maps, objects (of fixed keys only), arrays and scalars. */
function toJson(value) {
  if (Array.isArray(value)) return `[${value.map(toJson).join(",")}]`;
  if (typeof value === "number" && value > Number.MAX_SAFE_INTEGER) return `${BigInt(value)}`; // all its digits
  if (typeof value !== "object") return JSON.stringify(value);
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return `{${entries.map(([key, one]) => `${JSON.stringify(key)}:${toJson(one)}`).join(",")}}`;
}

// ---------------------------------------------------------------------------- The conversation

const MAX_LINE = 16 * 1024 * 1024;
const HANDSHAKE = {
  version: 1,
  implementation: { name: "javascript-example", version: "1", language: "JavaScript" },
  profiles: [...RULES.keys()],
  capabilities: ["resolve", "exact-numbers", "wide-cases"],
};

/** Answers requests until `stop` or the end of input. */
async function converse(input, output) {
  let lineNumber = 0;
  let started = false;
  let stopped = false;
  for await (const lines of readLines(input)) {
    let answers = ""; // written at once
    try {
      for (const bytes of lines) {
        lineNumber += 1;
        answers += answerLine(bytes);
        if (stopped) break;
      }
    } catch (error) {
      if (!(error instanceof Invalid)) throw error;
      console.error(`error: line ${lineNumber}: not a request: ${error.message}`);
      process.exitCode = 2;
      stopped = true;
    }
    if (answers !== "" && !output.write(answers)) await once(output, "drain");
    if (stopped) return;
  }

  function answerLine(bytes) {
    if (bytes.length > MAX_LINE || !isUtf8(bytes)) throw new Invalid("expected at most 16 MiB of UTF-8");
    const text = bytes.toString();
    if (/^[ \t\r]*$/.test(text)) return "";
    const { value, defect } = parseLine(text);
    const request = readTable(value);
    const command = oneOf(["start", "resolve", "stop"])(request.get("cmd"));
    if (command === "stop") {
      stopped = true;
      return "";
    }
    if (started !== (command === "resolve")) throw new Invalid("expected one `start`, as the first request");
    if (command === "start") {
      if (readUnsigned(request.get("version")) !== 1n) throw new Invalid("expected `version` 1");
      started = true;
      return `${toJson(HANDSHAKE)}\n`;
    }
    const seq = readUnsigned(request.get("seq"));
    if (!request.has("case")) throw new Invalid("expected `case`");
    const answer = defect ? { errored: { message: defect } } : answerCase(request.get("case"));
    return `{"seq":${seq},${toJson(answer).slice(1)}\n`;
  }
}

/** The lines of each chunk that is read; a line can span many chunks, and a character two. */
async function* readLines(input) {
  let parts = []; // of the line that is not complete
  let length = 0;
  for await (const chunk of input) {
    const lines = [];
    let start = 0;
    for (let end; (end = chunk.indexOf("\n", start)) >= 0; start = end + 1) {
      lines.push(Buffer.concat([...parts, chunk.subarray(start, end)]));
      parts = [];
      length = 0;
    }
    parts.push(chunk.subarray(start));
    length += chunk.length - start;
    if (length > MAX_LINE) lines.push(Buffer.concat(parts)); // refused for its length
    yield lines;
  }
  yield [Buffer.concat(parts)]; // the last line may lack its newline
}

await converse(process.stdin, process.stdout);
