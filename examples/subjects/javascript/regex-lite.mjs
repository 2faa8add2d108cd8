// The expressions of Rust's crate `regex-lite`, 0.1: which are valid, and what they match.
//
// JavaScript's own are others: of `\s`, `(?x)`, `[[:alpha:]]`, `\b{start}`, `a++`, `\A` and `(?i)` each is
// unknown to RegExp or means something else. So this reads an expression into a tree as the crate does, and
// nfa.mjs runs the tree. Texts are code points, never UTF-16 units.

import { compile, matches } from "./nfa.mjs";
import { Invalid } from "./values.mjs";

const NEST_LIMIT = 50;
const MAX_CODE = 0x10ffff;

/** A function that says whether the expression matches the whole of a text (requirements.matchers). */
export function wholeMatcher(expression) {
  parse(expression); // requirements.invalid: valid alone as well
  const program = compile(parse(`\\A(?:${expression})\\z`));
  return (text) => matches(program, text);
}

function parse(expression) {
  const tree = new Parser(expression).readAlternation();
  checkNesting(tree, 0);
  return tree;
}

function checkNesting(tree, depth) {
  if (depth > NEST_LIMIT) fail("too much nesting");
  for (const sub of tree.subs ?? []) checkNesting(sub, depth + 1);
}

function fail(reason) {
  throw new Invalid(`invalid expression: ${reason}`);
}

// ---------------------------------------------------------------------------------------- Trees

// A tree is a `char`, a `class` of ranges of code points, a `look`, or has `subs`: a `repeat` and a `capture`
// have one, a `concat` and an `either` several.

const char = (code) => ({ kind: "char", ranges: [[code, code]] });
const classOf = (ranges) => ({ kind: "class", ranges });
const look = (at) => ({ kind: "look", at });
const repeat = (sub, min, max) => ({ kind: "repeat", min, max, subs: [sub] });
const several = (kind, subs) => (subs.length === 1 ? subs[0] : { kind, subs });

/** The same code points in ascending ranges that neither overlap nor touch. */
function canonical(ranges) {
  const result = [];
  for (const [start, end] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const last = result.at(-1);
    if (last && start <= last[1] + 1) last[1] = Math.max(last[1], end);
    else result.push([start, end]);
  }
  return result;
}

/** All other code points. */
function negated(ranges) {
  const starts = [0, ...ranges.map(([, end]) => end + 1)];
  const ends = [...ranges.map(([start]) => start - 1), MAX_CODE];
  return starts.map((start, i) => [start, ends[i]]).filter(([start, end]) => start <= end);
}

/** The other case of a range's letters: of one that has letters of both cases, of the small ones only. */
function folded([start, end]) {
  for (const [first, last, shift] of [[0x61, 0x7a, -32], [0x41, 0x5a, 32]]) {
    if (start <= last && end >= first) return [[Math.max(start, first) + shift, Math.min(end, last) + shift]];
  }
  return [];
}

const ranges = (text) => text.match(/../gsu).map(([first, last]) => [first.codePointAt(), last.codePointAt()]);
const POSIX = {
  alnum: ranges("09AZaz"), alpha: ranges("AZaz"), ascii: ranges("\0\x7f"), blank: ranges("\t\t  "),
  cntrl: ranges("\0\x1f\x7f\x7f"), digit: ranges("09"), graph: ranges("!~"), lower: ranges("az"),
  print: ranges(" ~"), punct: ranges("!/:@[`{~"), space: ranges("\t\r  "), upper: ranges("AZ"),
  word: ranges("09AZ__az"), xdigit: ranges("09AFaf"),
};
const PERL = { d: POSIX.digit, s: POSIX.space, w: POSIX.word };
const CONTROLS = { a: 7, f: 12, t: 9, n: 10, r: 13, v: 11 };
const HEX_DIGITS = { x: 2, u: 4, U: 8 };
const LOOKS = { A: "start", z: "end", b: "word", B: "not-word", "<": "word-start", ">": "word-end" };
const WORD_LOOKS = ["start", "end", "start-half", "end-half"];
const REPEATS = { "?": [0, 1], "*": [0, Infinity], "+": [1, Infinity] };

// --------------------------------------------------------------------------------------- Parser

class Parser {
  constructor(expression) {
    this.chars = [...expression];
    this.at = 0;
    this.depth = 0;
    this.flags = new Set();
    this.names = new Set(); // of groups
  }

  /** The character to read next, undefined at the end. */
  get char() { return this.chars[this.at]; }

  get isDone() { return this.at >= this.chars.length; }

  /** Passes over a character and, with the flag `x`, over what then is no part of the expression. */
  advance() {
    this.at += 1;
    this.skipSpace();
  }

  skipSpace() {
    while (this.flags.has("x") && !this.isDone) {
      if (isSpace(this.char)) this.at += 1;
      else if (this.char === "#") this.skipComment();
      else break;
    }
  }

  skipComment() {
    while (!this.isDone && this.char !== "\n") this.at += 1;
    this.at += 1;
  }

  /** Passes over one of the texts if it is next. */
  takeAny(...texts) {
    const taken = texts.find((text) => this.startsWith(text));
    this.at += taken?.length ?? 0;
    return taken;
  }

  startsWith(text) { return [...text].every((one, i) => this.chars[this.at + i] === one); }

  readAlternation() {
    if (this.depth > NEST_LIMIT) fail("too much nesting");
    this.depth += 1;
    const alternatives = [];
    let items = [];
    for (this.skipSpace(); !this.isDone && this.char !== ")"; this.skipSpace()) {
      if (this.char === "|") {
        alternatives.push(several("concat", items));
        items = [];
        this.at += 1;
      } else {
        this.readItem(items);
      }
    }
    this.depth -= 1;
    if (this.depth === 0 && !this.isDone) fail("a `)` without `(`");
    return several("either", [...alternatives, several("concat", items)]);
  }

  /** Reads what comes next: one more item, or what repeats the last one. */
  readItem(items) {
    if (this.char === "(") {
      const group = this.readGroup();
      if (group) items.push(group);
    } else if (this.char === "[") {
      items.push(this.readClass());
    } else if (Object.hasOwn(REPEATS, this.char) || this.char === "{") {
      if (items.length === 0) fail("nothing to repeat");
      items.push(this.readRepeat(items.pop()));
    } else {
      items.push(this.readSingle());
    }
  }

  readSingle() {
    const one = this.char;
    this.at += 1;
    const lines = this.flags.has("m") ? (this.flags.has("R") ? "-crlf" : "-line") : "";
    if (one === "\\") return this.readEscape();
    if (one === ".") return classOf(this.flags.has("s") ? negated([]) : this.anyInLine());
    if (one === "^") return look(`start${lines}`);
    if (one === "$") return look(`end${lines}`);
    return this.literal(one.codePointAt());
  }

  anyInLine() { return negated(ranges(this.flags.has("R") ? "\n\n\r\r" : "\n\n")); }

  /** A character; with the flag `i` a letter is a class, which cannot be the end of a range. */
  literal(code) {
    const others = this.flags.has("i") ? folded([code, code]) : [];
    return others.length > 0 ? classOf([[code, code], ...others]) : char(code);
  }

  // Groups and flags

  /** A group, or undefined for flags that hold from here on. */
  readGroup() {
    const before = this.flags;
    this.advance();
    if (this.takeAny("?=", "?!", "?<=", "?<!")) fail("look-around");
    let group;
    if (this.takeAny("?P<", "?<")) {
      this.readName();
      group = { kind: "capture", subs: [this.readAlternation()] };
    } else if (this.takeAny("?")) {
      this.flags = this.readFlags();
      if (this.takeAny(":")) group = this.readAlternation();
    } else {
      group = { kind: "capture", subs: [this.readAlternation()] };
    }
    if (group) this.flags = before;
    if (!this.takeAny(")")) fail("a group without its `)`");
    return group;
  }

  readName() {
    const start = this.at;
    while (!this.isDone && this.char !== ">") this.at += 1;
    const name = this.chars.slice(start, this.at).join("");
    if (!/^[_\p{Alphabetic}][_.[\]\p{Alphabetic}\p{N}]*$/u.test(name)) fail("the name of a group");
    if (!this.takeAny(">") || this.names.has(name)) fail("the name of a group");
    this.names.add(name);
  }

  readFlags() {
    const start = this.at;
    while (!this.isDone && this.char !== ":" && this.char !== ")") this.at += 1;
    const text = this.chars.slice(start, this.at).join("");
    const [, on, off = ""] = /^([imsURxu]*)(?:-([imsURxu]+))?$/.exec(text) ?? fail("flags");
    const all = [...on, ...off];
    if (new Set(all).size < all.length || (text === "" && this.char === ")")) fail("flags");
    const flags = new Set([...this.flags, ...on]);
    for (const flag of off) flags.delete(flag);
    return flags;
  }

  // Repetitions. Greed does not matter: a matcher only asks whether the whole text matches.

  readRepeat(sub) {
    if (this.char === "{") return this.readCounted(sub);
    const [min, max] = REPEATS[this.char];
    this.at += 1;
    this.takeAny("?");
    return repeat(sub, min, max);
  }

  readCounted(sub) {
    this.advance();
    const min = this.readDecimal();
    let max = min;
    if (this.char === ",") {
      this.advance();
      max = this.char === "}" ? Infinity : this.readDecimal();
    }
    if (this.char !== "}" || min > max) fail("counts of a repetition");
    this.advance();
    this.takeAny("?");
    return repeat(sub, min, max);
  }

  /** A number with white space around it, also without the flag `x`. */
  readDecimal() {
    let digits = "";
    while (!this.isDone && isSpace(this.char)) this.at += 1;
    for (; !this.isDone && /[0-9]/.test(this.char); this.advance()) digits += this.char;
    while (!this.isDone && isSpace(this.char)) this.advance();
    if (digits === "" || Number(digits) >= 2 ** 32) fail("the count of a repetition");
    return Number(digits);
  }

  // Escapes

  readEscape() {
    const one = this.char ?? fail("a `\\` at the end");
    if (Object.hasOwn(HEX_DIGITS, one)) return this.readHex(HEX_DIGITS[one]);
    this.at += 1;
    const perl = PERL[one.toLowerCase()];
    if (perl) return classOf(one in PERL ? perl : negated(perl));
    if (Object.hasOwn(CONTROLS, one)) return char(CONTROLS[one]);
    if (one === "b" && this.char === "{") return this.readWordLook();
    if (Object.hasOwn(LOOKS, one)) return look(LOOKS[one]);
    if (!/[\x00-\x7f]/.test(one) || /[0-9A-Za-z]/.test(one)) fail(`an unknown escape`);
    return this.literal(one.codePointAt());
  }

  /** `\b{start}` and the like; `\b{2}` is a repetition of `\b`. */
  readWordLook() {
    const start = this.at;
    const inName = () => !this.isDone && /[A-Za-z-]/.test(this.char);
    let name = "";
    this.advance();
    if (this.isDone) fail("a `{` at the end");
    if (!inName()) {
      this.at = start;
      return look("word");
    }
    for (; inName(); this.advance()) name += this.char;
    if (!this.takeAny("}") || !WORD_LOOKS.includes(name)) fail("an unknown boundary");
    return look(`word-${name}`);
  }

  readHex(length) {
    let digits = "";
    this.advance();
    if (this.char === "{") {
      for (this.advance(); !this.isDone && this.char !== "}"; this.advance()) digits += this.char;
      if (this.isDone) fail("a hexadecimal number without its `}`");
      this.advance();
    } else {
      for (; !this.isDone && digits.length < length; this.advance()) digits += this.char;
      if (digits.length < length) fail("a hexadecimal number");
    }
    const code = /^[0-9a-f]+$/i.test(digits) ? parseInt(digits, 16) : NaN;
    if (!(code <= MAX_CODE) || (code >= 0xd800 && code < 0xe000)) fail("a hexadecimal number");
    return this.literal(code);
  }

  // Classes

  readClass() {
    const items = [];
    this.advance();
    const negate = this.char === "^";
    if (negate) this.advance();
    for (; this.char === "-"; this.advance()) items.push(...ranges("--"));
    if (items.length === 0 && this.char === "]") {
      items.push(...ranges("]]"));
      this.advance();
    }
    for (this.skipSpace(); this.char !== "]"; this.skipSpace()) {
      if (this.isDone) fail("a class without its `]`");
      items.push(...(this.char === "[" ? this.readPosix() : this.readRange()));
    }
    this.at += 1;
    let result = canonical(items);
    if (this.flags.has("i")) result = canonical([...result, ...result.flatMap(folded)]); // before `^`
    return classOf(negate ? negated(result) : result);
  }

  readPosix() {
    const rest = this.chars.slice(this.at, this.at + "[:^xdigit:]".length).join("");
    const [text, negate, name] = /^\[:(\^?)([a-z]+):\]/.exec(rest) ?? [];
    if (name === undefined || !Object.hasOwn(POSIX, name)) fail("a class in a class");
    this.at += text.length;
    return negate ? negated(POSIX[name]) : POSIX[name];
  }

  /** One character or class, or a range of characters. */
  readRange() {
    if (this.takeAny("&&", "--", "~~")) fail("an operator of classes");
    const first = this.readClassItem();
    this.skipSpace();
    if (this.isDone) fail("a class without its `]`");
    if (this.char !== "-" || ["]", "-"].includes(this.peekPastSpace())) return first.ranges;
    this.advance();
    if (this.isDone) fail("a class without its `]`");
    const last = this.readClassItem();
    if (first.kind !== "char" || last.kind !== "char") fail("the ends of a range");
    const [[start]] = first.ranges, [[end]] = last.ranges;
    if (start > end) fail("a range from its end to its start");
    return [[start, end]];
  }

  readClassItem() {
    const one = this.char;
    this.at += 1;
    const item = one === "\\" ? this.readEscape() : char(one.codePointAt());
    return item.kind === "look" ? fail("a boundary in a class") : item;
  }

  /** The character after this one. With the flag `x` the crate looks past white space and one `#`. */
  peekPastSpace() {
    const rest = this.chars.slice(this.at + 1).join("");
    return (this.flags.has("x") ? rest.replace(/^\p{White_Space}*#?\p{White_Space}*/u, "") : rest)[0];
  }
}

const isSpace = (one) => /\p{White_Space}/u.test(one);
