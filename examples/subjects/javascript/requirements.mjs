// What an administrator demands of servers: `requirements.toml`.

import { wholeMatcher } from "./regex-lite.mjs";
import { attempt, Invalid, listOf, oneOf, optional, readBoolean, readString, readTable, tableOf } from "./values.mjs";

export const NO_REQUIREMENTS = { features: new Map() };

/** The form of `requirements` in a case. The entries are read later: an invalid one rejects. */
export function readRequirements(value) {
  const table = readTable(value, ["mcp_servers", "plugins", "features"]);
  return {
    servers: optional(table, "mcp_servers", readTable),
    plugins: optional(table, "plugins", tableOf(readPluginRequirements)),
    features: optional(table, "features", tableOf(readBoolean)) ?? new Map(),
  };
}

function readPluginRequirements(value) {
  return optional(readTable(value, ["mcp_servers"]), "mcp_servers", readTable) ?? new Map();
}

/** Holds servers against the requirements of a case; an invalid requirement goes to `rejections`. */
export class Requirements {
  constructor(rules, { servers, plugins, features }, rejections) {
    const readAll = (path, entries) => new Map([...entries].map(([name, entry]) => [
      name,
      attempt(() => readIdentity(rules, entry), (reason) => rejections.push({ path: `${path}.${name}`, reason })),
    ]));
    if (!rules.has("requirements.allow-list")) return;
    this.apps = features.get("apps"); // requirements.features
    this.ofHost = servers && readAll("requirements.mcp_servers", servers);
    this.ofPlugins = plugins && new Map([...plugins].map(([id, entries]) => [
      id,
      readAll(`requirements.plugins.${id}.mcp_servers`, entries),
    ]));
  }

  /** The servers of the host config, each disabled unless its requirement matches it (requirements.allow-list). */
  holdHost(servers) {
    const result = new Map(servers);
    if (this.ofHost === undefined) return result;
    for (const [name, server] of servers) result.set(name, enabledIf(matches(this.ofHost, name, server), server));
    return result;
  }

  /** A server of an installed or a thread's plugin, in the same way (requirements.plugins). */
  holdPlugin(id, name, server) {
    if (this.ofHost?.size === 0) return enabledIf(false, server); // requirements.empty-list
    return this.ofPlugins === undefined ? server : enabledIf(matches(this.ofPlugins.get(id), name, server), server);
  }
}

const matches = (requirements, name, server) => requirements?.get(name)?.(server) ?? false;

/** The server, disabled unless it is allowed: an allowed one stays as it is. */
const enabledIf = (allowed, server) => (allowed ? server : new Map(server).set("enabled", false));

/** A function that says whether a server is the one that a requirement describes. */
function readIdentity(rules, requirement) {
  const identity = readTable(readTable(requirement).get("identity")); // what is beside it is ignored
  const command = identity.get("command"), url = identity.get("url");
  // requirements.identity
  if (typeof command === "string") return (server) => server.get("command") === command;
  if (typeof url === "string") return (server) => server.get("url") === url;
  // requirements.matchers
  if (!rules.has("requirements.matchers")) throw new Invalid("expected `command` or `url` as text");
  if (identity.size !== 1) throw new Invalid("expected exactly one of `command` and `url`");
  return identity.has("command") ? readCommand(command) : readUrl(readTable(identity, ["url"]).get("url"));
}

function readUrl(value) {
  const isMatch = readMatcher(value);
  return (server) => server.has("url") && isMatch(server.get("url"));
}

function readCommand(value) {
  const table = readTable(value, ["executable", "args"]);
  const executable = readString(table.get("executable"));
  const matchers = listOf(readMatcher)(table.get("args"));
  return (server) => {
    const args = server.get("args") ?? [];
    return server.get("command") === executable && args.length === matchers.length
      && matchers.every((isMatch, i) => isMatch(args[i]));
  };
}

/** A function that says whether a text matches. */
function readMatcher(value) {
  const kind = oneOf(["exact", "prefix", "regex"])(readTable(value).get("match"));
  const key = kind === "regex" ? "expression" : "value";
  const wanted = readString(readTable(value, ["match", key]).get(key));
  if (kind === "regex") return wholeMatcher(wanted);
  return kind === "exact" ? (text) => text === wanted : (text) => text.startsWith(wanted);
}
