// What a plugin's own apps and folder, and the user's policy, make of the servers of an installed plugin.

import { append } from "./paths.mjs";
import { optional, readTable } from "./values.mjs";

/** Whether an app of the plugin stands in for its server (route.app-hides-server, route.auth-alone). */
export function isHidden(rules, { apps }, name, isBackendAuth) {
  if (!isBackendAuth || !rules.has("route.app-hides-server")) return false;
  return /\P{White_Space}/u.test(apps.get(name) ?? ""); // route.blank-app-is-none
}

/** The entry with its relative `cwd` in the plugin's folder (plugin.relative-cwd). */
export function inFolder(rules, { root }, entry) {
  const cwd = entry instanceof Map ? entry.get("cwd") : undefined;
  const isRelative = typeof cwd === "string" && !cwd.startsWith("/");
  if (!isRelative || root === undefined || !rules.has("plugin.relative-cwd")) return entry;
  return new Map(entry).set("cwd", append(root, cwd));
}

const REPLACED = ["default_tools_approval_mode", "enabled_tools", "disabled_tools"];

/** A policy: fields of a server, `fields` says which values they take. */
export function readPolicy(value, fields) {
  const keys = ["enabled", ...REPLACED, "tools"];
  const table = readTable(value, keys);
  const policy = new Map();
  for (const key of keys) {
    const one = optional(table, key, fields.get(key).read);
    if (one !== undefined) policy.set(key, one);
  }
  return policy;
}

/** plugin.user-policy */
export function withPolicy(rules, { policies }, name, server) {
  const policy = policies.get(name);
  if (policy === undefined || !rules.has("plugin.user-policy")) return server;
  const result = new Map(server);
  result.delete("enabled");
  if (policy.get("enabled") === false) result.set("enabled", false);
  for (const key of REPLACED) if (policy.has(key)) result.set(key, policy.get(key));
  const tools = new Map(server.get("tools"));
  for (const [tool, mode] of policy.get("tools") ?? []) tools.set(tool, new Map([...tools.get(tool) ?? [], ...mode]));
  if (tools.size > 0) result.set("tools", tools);
  return result;
}
