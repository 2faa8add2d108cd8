// Readers of one JSON value: what is not of the type that is asked for is invalid. A value is a Map (an
// object; any string can be a key, `__proto__` too), an Array, a string, a boolean, null or a JsonNumber.

/** Something read is not what it must be: a config, a case, a request. No Error, whose stack takes time to make. */
export class Invalid {
  constructor(message) { this.message = message; }
}

/** A number as it is written: 1000.0 is no integer, and 2^64 - 1 is no double. */
export class JsonNumber {
  constructor(text) { this.text = text; }
}

/** The value of `read`; when that is invalid, tells `refused` why and returns undefined. */
export function attempt(read, refused) {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Invalid)) throw error;
    refused(error.message);
    return undefined;
  }
}

const ofType = (type) => (value) => {
  if (typeof value !== type) throw new Invalid(`expected a ${type}`);
  return value;
};
export const readString = ofType("string"), readBoolean = ofType("boolean");

export function readTable(value, allowed = undefined) {
  if (!(value instanceof Map)) throw new Invalid("expected a table");
  for (const key of allowed ? value.keys() : []) {
    if (!allowed.includes(key)) throw new Invalid(`unexpected key \`${key}\``);
  }
  return value;
}

/** An integer from 0 to 2^64 - 1 as a BigInt. 1000.0 is none, so it is the text that counts. */
export function readUnsigned(value) {
  const isInteger = value instanceof JsonNumber && value.text.length <= 20 && /^-?[0-9]+$/.test(value.text);
  const integer = isInteger ? BigInt(value.text) : -1n; // `-0` is 0
  if (integer < 0n || integer >= 2n ** 64n) throw new Invalid("expected an integer from 0 to 2^64 - 1");
  return integer;
}

/** The value of an optional key, undefined when absent; null is absent (value.null-is-absent). */
export function optional(table, key, read) {
  const value = table.get(key) ?? undefined;
  return value === undefined ? undefined : read(value);
}

export const oneOf = (words) => (value) => {
  if (!words.includes(value)) throw new Invalid(`expected one of ${words.join(", ")}`);
  return value;
};

export const listOf = (read) => (value) => {
  if (!Array.isArray(value)) throw new Invalid("expected a list");
  return value.map((one) => read(one));
};

export const tableOf = (read) => (value) => {
  const result = new Map();
  for (const [key, one] of readTable(value)) result.set(key, read(one));
  return result;
};

/** A table with one optional key that is known; others are ignored (server.unknown-field). */
export const tableWith = (key, read) => (value) => {
  const found = optional(readTable(value), key, read);
  return new Map(found === undefined ? [] : [[key, found]]);
};
