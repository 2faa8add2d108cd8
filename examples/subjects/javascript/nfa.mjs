// Runs the trees of regex-lite.mjs as a Thompson NFA: all states at once, so that no expression takes longer
// than its size times the length of the text.

import { Invalid } from "./values.mjs";

// The crate refuses what would take it more than 10 MiB: `a{1000}{1000}` is invalid. This counts what it counts,
// but for some states.
const SIZE_LIMIT = 10 * 1024 * 1024, STATE_SIZE = 32, RANGE_SIZE = 8, TARGET_SIZE = 4;

function sizeOf({ kind, ranges, min, max, subs = [] }) {
  const inside = subs.reduce((sum, sub) => sum + sizeOf(sub), 0);
  const choice = STATE_SIZE + 2 * TARGET_SIZE;
  switch (kind) {
    case "class": return STATE_SIZE + RANGE_SIZE * ranges.length;
    case "concat": return Math.max(inside, STATE_SIZE);
    case "capture": return 2 * STATE_SIZE + inside;
    case "either": return 2 * STATE_SIZE + TARGET_SIZE * subs.length + inside;
    case "repeat":
      if (max === Infinity) return choice + Math.max(min, 1) * inside;
      return STATE_SIZE + max * inside + (max - min) * choice;
    default: return STATE_SIZE;
  }
}

/** The first state of a program. A state reads a code point, looks around, or neither. */
export function compile(tree) {
  if (sizeOf(tree) > SIZE_LIMIT) throw new Invalid("invalid expression: too big");
  const { first, last } = part(tree);
  last.next.push(add({ isMatch: true }));
  return first;
}

const add = (state) => ({ next: [], seen: 0, ...state });
const single = (state) => ({ first: state, last: state });

/** The first and the last state of a part. */
function part({ kind, ranges, at, min, max, subs }) {
  switch (kind) {
    case "char": case "class": return single(add({ ranges }));
    case "look": return single(add({ look: at }));
    case "concat": case "capture": return subs.reduce((before, sub) => link(before, part(sub)), single(add({})));
    case "either": return either(subs);
    case "repeat": return repetition(subs[0], min, max);
  }
}

function either(subs) {
  const start = add({}), end = add({});
  for (const { first, last } of subs.map(part)) {
    start.next.push(first);
    last.next.push(end);
  }
  return { first: start, last: end };
}

function repetition(sub, min, max) {
  let result = single(add({}));
  for (let count = 0; count < min; count += 1) result = link(result, part(sub));
  if (max === Infinity) {
    const again = add({});
    link(link(single(again), part(sub)), single(again));
    return link(result, single(again));
  }
  const end = add({});
  for (let count = min; count < max; count += 1) {
    result.last.next.push(end);
    result = link(result, part(sub));
  }
  return link(result, single(end));
}

function link(before, after) {
  before.last.next.push(after.first);
  return { first: before.first, last: after.last };
}

// What a `look` asks of a place in a text. At one place RegExp knows all that it needs; `\w` and `\b` are ASCII
// without flags.
const LOOKS = {
  "start": /(?<![^])/y,
  "end": /(?![^])/y,
  "start-line": /(?<![^\n])/y,
  "end-line": /(?![^\n])/y,
  "start-crlf": /(?<![^\r\n])(?!(?<=\r)\n)/y,
  "end-crlf": /(?![^\r\n])(?!(?<=\r)\n)/y,
  "word": /\b/y,
  "not-word": /\B/y,
  "word-start": /(?<!\w)(?=\w)/y,
  "word-end": /(?<=\w)(?!\w)/y,
  "word-start-half": /(?<!\w)/y,
  "word-end-half": /(?!\w)/y,
};

function holds(look, text, at) {
  LOOKS[look].lastIndex = at;
  return LOOKS[look].test(text);
}

/** Whether a program, from its first state, comes to its end with the end of the text. */
export function matches(program, text) {
  let at = 0;
  let states = reached([program], text, at);
  for (const one of text) { // a code point
    const code = one.codePointAt();
    const reading = states.filter((state) => state.ranges?.some(([start, end]) => start <= code && code <= end));
    at += one.length;
    states = reached(reading.flatMap((state) => state.next), text, at);
  }
  return states.some((state) => state.isMatch);
}

let round = 0; // of all texts, so that no state needs cleaning

/** The states that read or match, among those that are reached from here without reading. */
function reached(from, text, at) {
  round += 1;
  const open = [...from], result = [];
  while (open.length > 0) {
    const state = open.pop();
    if (state.seen === round || (state.look && !holds(state.look, text, at))) continue;
    state.seen = round;
    if (state.ranges || state.isMatch) result.push(state);
    else open.push(...state.next);
  }
  return result;
}
