// Threads and the plugins that they select: each is in an environment, and its servers run there.

import { append, readAbsolute, resolveIn } from "./paths.mjs";
import { attempt, Invalid, listOf, optional, readString, readTable } from "./values.mjs";

const DEFAULT_ORIGINATOR = "codex_cli_rs";

/** Without a thread nothing is selected, and nobody has an originator. */
export const NO_THREAD = { plugins: [] };

/** The form of `thread` in a case. */
export function readThread(value) {
  const thread = readTable(value, ["originator", "selected_plugins", "environments"]);
  return {
    originator: optional(thread, "originator", readString) ?? DEFAULT_ORIGINATOR,
    plugins: optional(thread, "selected_plugins", listOf(readSelectedPlugin)) ?? [],
    ready: optional(thread, "environments", listOf(readString)), // undefined: all
  };
}

function readSelectedPlugin(value) {
  const plugin = readTable(value, ["id", "environment_id", "root", "mcp_servers"]);
  return {
    id: readString(plugin.get("id")),
    environment: readString(plugin.get("environment_id")),
    root: readString(plugin.get("root")),
    servers: optional(plugin, "mcp_servers", readTable) ?? new Map(),
  };
}

/** selected.root-absolute */
export function rejectRoots(thread, rejections) {
  thread.plugins.forEach(({ root }, i) => {
    attempt(() => readAbsolute(root), (reason) => {
      rejections.push({ path: `thread.selected_plugins[${i}]`, reason });
    });
  });
}

/**
 * The offers of the executor-plugins contributor (thread.executor-plugins). `readEntry` reads an entry of a
 * plugin, once what the plugin decides is in it.
 */
export function offersOf(rules, thread, readEntry) {
  return thread.plugins.flatMap((plugin, order) => {
    const isReady = thread.ready?.includes(plugin.environment) ?? true; // thread.ready-environments
    if (!isReady && rules.has("thread.ready-environments")) return [];
    return [...plugin.servers].flatMap(([name, entry]) => {
      const server = attempt(() => readServerOf(rules, plugin, entry, readEntry), () => {}); // selected.invalid-dropped
      return server === undefined ? [] : [{ name, server, plugin: plugin.id, order: BigInt(order) }];
    });
  });
}

function readServerOf(rules, { environment, root }, entry, readEntry) {
  const placed = new Map(readTable(entry)).set("environment_id", environment); // selected.environment-bound
  const cwd = optional(placed, "cwd", readString);
  const isStdio = (placed.get("command") ?? null) !== null;
  if (isStdio) placed.set("cwd", rules.has("selected.cwd-in-root") ? resolveIn(root, cwd) : cwdAsWritten(root, cwd));
  const server = readEntry(placed);

  const isLocal = environment === "local";
  if (server.has("url")) {
    if (rules.has("selected.http-dropped")) throw new Invalid("an HTTP server");
    const asks = server.has("bearer_token_env_var") || (server.get("env_http_headers")?.size ?? 0) > 0;
    if (!isLocal && asks) throw new Invalid("asks for variables of the host"); // selected.http-no-environment
  }
  if (server.has("env_vars")) server.set("env_vars", server.get("env_vars").map((one) => envVar(one, isLocal)));
  return server;
}

/** selected.cwd-as-written */
function cwdAsWritten(root, cwd) {
  if (cwd === undefined) return root;
  if (cwd.startsWith("/")) return cwd;
  if (cwd.split("/").includes("..")) throw new Invalid("a relative `cwd` with `..`");
  return append(root, cwd);
}

/** selected.env-vars-stay */
function envVar(value, isLocal) {
  const { name, source } = typeof value === "string" ? { name: value } : Object.fromEntries(value);
  if (source === (isLocal ? "remote" : "local")) throw new Invalid("a variable of another environment");
  return isLocal ? value : new Map([["name", name], ["source", "remote"]]);
}

/**
 * Of the contributions the offers whose servers come above those of installed plugins, by name: those of the host
 * config come above them (selected.between-plugins-and-config).
 */
export function winners(contributions, hostServers) {
  const result = new Map();
  for (const one of contributions) {
    if (one.plugin === undefined || hostServers.has(one.name)) continue;
    const other = result.get(one.name);
    if (other === undefined || one.order <= other.order) result.set(one.name, one); // selected.first-selected-wins
  }
  return result;
}
