// Runs the trees of regex-lite.mjs as a Thompson NFA: all states at once, so that no expression takes longer
// than its size times the length of the text.

import { Invalid } from "./values.mjs";

// The crate refuses what would take it more than 10 MiB: `a{1000}{1000}` is invalid. It has 32 bytes for a
// state and 8 for a range; what else it counts does not matter here.
const SIZE_LIMIT = 10 * 1024 * 1024, STATE_SIZE = 32, RANGE_SIZE = 8;

function sizeOf({ kind, ranges = [], min, max, subs = [] }) {
  const inside = subs.reduce((sum, sub) => sum + sizeOf(sub), 0);
  const own = STATE_SIZE + RANGE_SIZE * ranges.length;
  if (kind !== "repeat") return own + inside;
  return max === Infinity ? own + Math.max(min, 1) * inside : own + max * inside + (max - min) * STATE_SIZE;
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
    case "look": return single(add({ holds: LOOKS[at] }));
    case "concat": return chain(subs.map((sub) => () => part(sub)));
    case "capture": return chain([() => single(add({})), () => part(subs[0]), () => single(add({}))]);
    case "either": return either(subs);
    case "repeat": return repetition(subs[0], min, max);
  }
}

function chain(makers) {
  if (makers.length === 0) return single(add({}));
  const [first, ...rest] = makers.map((make) => make());
  return rest.reduce((before, after) => link(before, after), first);
}

function either(subs) {
  const start = add({}), end = add({});
  for (const sub of subs) {
    const { first, last } = part(sub);
    start.next.push(first);
    last.next.push(end);
  }
  return { first: start, last: end };
}

function repetition(sub, min, max) {
  let result;
  const append = (one) => { result = result ? link(result, one) : one; };
  for (let count = 0; count < min; count += 1) append(part(sub));
  if (max === Infinity) {
    const again = add({}), { first, last } = part(sub);
    again.next.push(first);
    last.next.push(again);
    append(single(again));
  } else {
    const end = add({});
    for (let count = min; count < max; count += 1) {
      const option = add({}), { first, last } = part(sub);
      option.next.push(first, end);
      append({ first: option, last });
    }
    append(single(end));
  }
  return result;
}

function link(before, after) {
  before.last.next.push(after.first);
  return { first: before.first, last: after.last };
}

// What a `look` asks of the code points before and after a place, undefined at the ends of the text.
const LF = 10, CR = 13;
const isWord = (code) => code !== undefined && /\w/.test(String.fromCodePoint(code));
const LOOKS = {
  "start": (before) => before === undefined,
  "end": (before, after) => after === undefined,
  "start-line": (before) => before === undefined || before === LF,
  "end-line": (before, after) => after === undefined || after === LF,
  "start-crlf": (before, after) => before === undefined || before === LF || (before === CR && after !== LF),
  "end-crlf": (before, after) => after === undefined || after === CR || (after === LF && before !== CR),
  "word": (before, after) => isWord(before) !== isWord(after),
  "not-word": (before, after) => isWord(before) === isWord(after),
  "word-start": (before, after) => !isWord(before) && isWord(after),
  "word-end": (before, after) => isWord(before) && !isWord(after),
  "word-start-half": (before) => !isWord(before),
  "word-end-half": (before, after) => !isWord(after),
};

let place = 0; // of all texts, so that a state needs no cleaning

/** Whether a program, from its first state, comes to its end with the end of the text. */
export function matches(program, text) {
  const codes = Array.from(text, (one) => one.codePointAt());
  let states = reached([program], undefined, codes[0]);
  for (const [i, code] of codes.entries()) {
    const reading = states.filter((state) => state.ranges?.some(([start, end]) => start <= code && code <= end));
    states = reached(reading.flatMap((state) => state.next), code, codes[i + 1]);
  }
  return states.some((state) => state.isMatch);
}

/** The states that read or match, among those that are reached from here without reading. */
function reached(from, before, after) {
  place += 1;
  const open = [...from], result = [];
  while (open.length > 0) {
    const state = open.pop();
    if (state.seen === place || (state.holds && !state.holds(before, after))) continue;
    state.seen = place;
    if (state.ranges || state.isMatch) result.push(state);
    else open.push(...state.next);
  }
  return result;
}
